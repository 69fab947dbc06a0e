/**
 * Waits until something is so. Asks again every 5 ms, because what another process or Redis holds is announced nowhere.
 * The timeout of the test ends it.
 */
export async function until (isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!await isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** How often `soon` asks at least: on a busy machine it may be stopped for most of the 10 s. */
const leastQuestions = 1_000

/** The same outside tests. @throws {Error} that says `what`, when it is not so after 10 s */
export async function soon (what: string | (() => string), isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000
  let questions = 0
  let isMet = false
  await until(async () => {
    // Asked once more it may be different, because something has just begun.
    isMet = await isSo()
    return isMet || (++questions > leastQuestions && Date.now() > end)
  })
  if (!isMet) throw new Error(`not after 10 s: ${typeof what === 'string' ? what : what()}`)
}
