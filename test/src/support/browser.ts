import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { onPath } from './on-path.ts'

const names = ['chromium', 'google-chrome', 'google-chrome-stable', 'chromium-browser']

/** Installs Debian's chromium, where one may. Files of tests run side by side: one installs, the others wait for it. */
function install(): void {
  if (process.getuid?.() !== 0 || onPath('apt-get') === undefined || onPath('flock') === undefined) return
  const command =
    'command -v chromium || { apt-get update && apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=600 chromium; }'
  try {
    execFileSync('flock', [join(tmpdir(), 'fanlight-chromium.lock'), 'sh', '-c', command], { stdio: 'ignore' })
  } catch {
    // Then there is none, and the tests say so.
  }
}

function find(): string | undefined {
  const given = process.env['CHROMIUM_PATH']
  if (given !== undefined && given !== '') return given
  return names.map(onPath).find((path) => path !== undefined)
}

/**
 * Finds a real Chromium: CHROMIUM_PATH, or what the PATH has; where there is none and it may, it installs one.
 *
 * @returns where it is; undefined: there is none
 */
export function findBrowser(): string | undefined {
  const found = find()
  if (found !== undefined) return found
  install()
  return find()
}

/**
 * Starts it.
 *
 * @param path what `findBrowser` found
 */
export function openBrowser(path: string | undefined): Promise<Browser> {
  if (path === undefined) {
    throw new Error('there is no browser: install Chromium or Chrome, or say with CHROMIUM_PATH where it is')
  }
  // Where everything runs as root, in containers mostly, there is no sandbox to be had.
  return chromium.launch({ executablePath: path, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}

/** Why tests with a browser are left out; in CI they are not, and fail where there is none. */
export const noBrowser = 'no browser'

/** Whether tests with a browser are left out. */
export function lacksBrowser(path: string | undefined): boolean {
  return path === undefined && process.env['CI'] !== 'true'
}
