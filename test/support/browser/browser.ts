import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'

/**
 * The same order as in test/support/needs.sh, which installs the first: Chromium without windows, which needs half the
 * CPU time.
 */
const commands = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome']

// A browser under test calls nobody but the server under test.
const args = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'
]

/** The system's Chromium: playwright-core brings none. */
export function launchBrowser (): Promise<Browser> {
  return chromium.launch({ executablePath: browserPath(), args })
}

function browserPath (): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const path = commands.flatMap((command) => folders.map((folder) => join(folder, command))).find(isExecutable)
  if (path === undefined) throw new Error('there is no Chromium on the PATH: run test/support/needs.sh')
  return path
}

function isExecutable (path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
