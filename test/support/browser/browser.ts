import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import type { Test } from 'tap'
import { HiddenPage } from './hidden-page.ts'

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

let launched: Promise<Browser> | undefined

/** The system's Chromium, once for all test files of this process: playwright-core brings none. */
export async function launchBrowser (): Promise<Browser> {
  const executablePath = browserPath(commands)
  if (executablePath === undefined) throw new Error('there is no Chromium on the PATH: run test/support/needs.sh')
  launched ??= chromium.launch({ executablePath, args })
  return launched
}

/** A browser with a back/forward cache, which Chromium without windows lacks; undefined when there is none. */
export function launchCachingBrowser (): Promise<Browser> | undefined {
  const executablePath = windowedBrowserPath()
  return executablePath === undefined
    ? undefined
    : chromium.launch({ executablePath, args, ignoreDefaultArgs: ['--disable-back-forward-cache'] })
}

/** A page that a test can hide and freeze, where there is a Chromium with windows. */
export function openHiddenPage (t: Test, url: string): Promise<HiddenPage> | undefined {
  const path = windowedBrowserPath()
  return path === undefined ? undefined : HiddenPage.open(t, path, args, url)
}

function windowedBrowserPath (): string | undefined {
  return browserPath(commands.slice(1))
}

function browserPath (commands: readonly string[]): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return commands.flatMap((command) => folders.map((folder) => join(folder, command))).find(isExecutable)
}

function isExecutable (path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
