import assert from 'node:assert/strict'
import type { Test } from 'tap'

/** What helpers of tests use of a test, for a program that is none: a failure throws. Nothing is torn down. */
export function outsideTap (): Test {
  const test = {
    ok: (value: unknown, message: string) => assert.ok(value, message),
    equal: (value: unknown, expected: unknown, message: string) => assert.equal(value, expected, message),
    teardown: () => {}
  }
  return test as unknown as Test
}
