// A Node process that a test starts runs without coverage, which would cost it CPU time for code that the tests run
// themselves.
delete process.env['NODE_V8_COVERAGE']
