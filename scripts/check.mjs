// Everything that can be told without running the tests. All steps run, so that one run shows all there is to mend.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { root } from './lib/root.mjs'
import { runNode } from './lib/run.mjs'

/** Runs a chatty tool, and shows what it says only where it fails. */
function runQuietly(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) console.log(stdout + stderr)
  return status ?? 1
}

const publint = (path) => runQuietly(['node_modules/publint/src/cli.js', path, '--strict'])

const attw = (path) =>
  runQuietly(['node_modules/@arethetypeswrong/cli/dist/index.js', '--pack', path, '--profile', 'esm-only'])

await install()

const packages = readdirSync(join(root, 'packages'))
  .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
  .map((name) => `packages/${name}`)

// The build comes first: the rules that know types read what it makes.
const steps = [
  ['build', () => build()],
  ['types of the tests', () => build(['tsconfig.test.json'])],
  ['lint', () => runNode(['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'])],
  ['format', () => runNode(['node_modules/oxfmt/bin/oxfmt', '--check', '.'])],
  ['dead code', () => runNode(['node_modules/knip/bin/knip.js'])],
  ...packages.map((path) => [`publint ${path}`, () => publint(path)]),
  ...packages.map((path) => [`attw ${path}`, () => attw(path)]),
]

const failed = []
for (const [name, step] of steps) {
  console.log(`# ${String(name)}`)
  if ((await step()) !== 0) failed.push(name)
}
console.log(failed.length === 0 ? 'check: all is well' : `check: failed: ${failed.join(', ')}`)
process.exit(failed.length === 0 ? 0 : 1)
