import processOnSpawn from 'process-on-spawn'

// A Node process that a test starts runs without tap's loader. Reading every module again for the coverage costs a
// second of CPU time, and most servers of the tests run nothing that the tests of the files themselves do not run.
processOnSpawn.removeAllListeners()
