// Installs and builds where that is needed, runs the tests once, and says last how many passed and failed:
// test.mjs [--long] [arguments of vitest]
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { runNode } from './lib/run.mjs'

const long = process.argv.includes('--long')
const args = process.argv.slice(2).filter((arg) => arg !== '--long')
const folder = mkdtempSync(join(tmpdir(), 'fanlight-test-'))
const tallyFile = join(folder, 'tally.json')

/** Failures that are no single test's: each counts as one. */
const failures = []

await install()
if ((await build()) !== 0) failures.push('the build')
// The types of the tests, and the type tests (*.test-d.ts), which fail by not compiling.
else if ((await build(['tsconfig.test.json'])) !== 0) failures.push('the types of the tests')

const exitCode = await runNode(
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=./scripts/lib/tally-reporter.mjs',
    ...args,
  ],
  { env: { ...process.env, FANLIGHT_TALLY: tallyFile, ...(long ? { LONG: '1' } : {}) } },
)
const empty = { passed: 0, failed: 0, brokenFiles: [], unhandledErrors: 0, notRun: {} }
const tally = existsSync(tallyFile) ? JSON.parse(readFileSync(tallyFile, 'utf8')) : empty
rmSync(folder, { recursive: true, force: true })

failures.push(...tally.brokenFiles)
if (tally.unhandledErrors > 0) failures.push(`${tally.unhandledErrors} errors outside of any test`)
if (exitCode !== 0 && tally.failed + failures.length === 0) failures.push(`vitest ended with code ${exitCode}`)
const failed = tally.failed + failures.length

for (const failure of failures) console.log(`failed: ${failure}`)
if (tally.passed + failed === 0) console.log('failed: no test ran')
for (const [why, count] of Object.entries(tally.notRun)) console.log(`${count} not run: ${why}`)
console.log(`${tally.passed} passed, ${failed} failed`)
process.exit(failed === 0 && tally.passed > 0 ? 0 : 1)
