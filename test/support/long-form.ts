/**
 * The number of random cases: `long` for `npm run test:long`, `short` for `npm test`, which has a budget of time. Each
 * run has new random seeds, so the short form tries other cases every time.
 */
export function cases (long: number, short: number): number {
  return process.env['TEST_FORM'] === 'long' ? long : short
}
