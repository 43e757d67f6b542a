import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './root.mjs'
import { run, runNode } from './run.mjs'

const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'))

/** Why an install is needed; undefined where node_modules holds what package-lock.json asks for. */
function whyInstall() {
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return 'node_modules is missing'
  const wanted = readJson('package-lock.json').packages
  const present = readJson('node_modules/.package-lock.json').packages
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue
    const optional = entry.optional || entry.devOptional
    if (present[path]?.version !== entry.version && !(optional && present[path] === undefined))
      return `${path} is stale`
    if (!optional && !existsSync(join(root, path))) return `${path} is missing`
  }
  return undefined
}

/** Installs the dependencies where they are missing or stale. Ends the process when that fails. */
export async function install() {
  const why = whyInstall()
  if (why === undefined) return
  const args = existsSync(join(root, 'node_modules')) ? ['install'] : ['ci']
  console.error(`${why}: npm ${args.join(' ')}`)
  const npm = process.env['npm_execpath']
  const quiet = [...args, '--no-audit', '--no-fund']
  const code = npm?.endsWith('.js')
    ? await runNode([npm, ...quiet])
    : await run('npm', quiet, { shell: process.platform === 'win32' })
  if (code !== 0) process.exit(code)
}
