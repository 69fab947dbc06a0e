import { stopCoverage } from 'node:v8'

// Coverage slows code by a tenth, and the code of a compiler by a third. A test file imports this one first when other
// tests cover everything that it runs.
stopCoverage()
delete process.env['NODE_V8_COVERAGE']
