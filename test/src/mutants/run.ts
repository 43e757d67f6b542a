/**
 * `npm run mutants`: plants a bug for each law, one after another, in a copy of the sources, and shows that a test notices.
 * Names as arguments run these only.
 *
 * @module
 */
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Mutant, readMutants } from './mutant.ts'
import { command } from './command.ts'
import { failedTest } from './vitest.ts'

const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)))
const asked = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const all = await readMutants(join(root, 'test/mutants'))
const mutants = asked.length === 0 ? all : all.filter(({ name }) => asked.includes(name))
const copy = await mkdtemp(join(tmpdir(), 'fanlight-mutants-'))
/** The build of the original is linked into the copy: what is known of its files must stay what it is. */
const nothingWritten = ['--composite', 'false', '--incremental', 'false', '--tsBuildInfoFile', 'null']
let missed = 0
try {
  await copySources()
  const tests = [...new Set(mutants.flatMap((mutant) => mutant.tests))]
  const red = await failedTest(copy, tests, 600_000)
  if (red !== undefined) throw new Error(`without any patch a test fails: ${red.name}\n${red.why}`)
  process.stdout.write(`the tests are green without a patch: ${tests.join(' ')}\n`)
  for (const mutant of mutants) {
    const began = performance.now()
    const caughtBy = await plant(mutant)
    const seconds = Math.round((performance.now() - began) / 100) / 10
    process.stdout.write(`${JSON.stringify({ mutant: mutant.name, law: mutant.law, caughtBy, seconds })}\n`)
    if (caughtBy === null) missed++
  }
} finally {
  await rm(copy, { recursive: true, force: true })
}
const planted = mutants.length
process.stdout.write(`${planted - missed} of ${planted} planted bugs were caught\n`)
if (missed > 0 || planted === 0) process.exitCode = 1

/** The name of the test that noticed; null: none did, or the patch does not apply or compile. */
async function plant({ name, file, tests, packages }: Mutant): Promise<string | null> {
  const applied = await command('git', ['apply', file], copy)
  if (applied.code !== 0) return complain(name, `does not apply: ${applied.output}`)
  try {
    for (const one of packages) {
      const project = ['-p', join(copy, 'packages', one), '--noEmit', ...nothingWritten]
      const compiled = await command(join(root, 'node_modules/.bin/tsc'), project, copy)
      if (compiled.code !== 0) return complain(name, `does not compile: ${compiled.output}`)
    }
    return (await failedTest(copy, tests))?.name ?? complain(name, 'was not noticed')
  } finally {
    await command('git', ['apply', '-R', file], copy)
  }
}

function complain(name: string, why: string): null {
  process.stderr.write(`${name} ${why}\n`)
  return null
}

/** Copies what the tests need. Their imports of packages lead to the sources beside their configuration: to the copy. */
async function copySources(): Promise<void> {
  const skipped = /(^|\/)(node_modules|dist|data|\.git|coverage)$/
  await cp(root, copy, { recursive: true, filter: (source) => !skipped.test(source.slice(root.length)) })
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  // What is compiled against, and what child processes of tests run, is the build of the original.
  const dists = ['core', 'router', 'views', 'store-level', 'store-json', 'fanlight'].map(
    (name) => `packages/${name}/dist`,
  )
  for (const dist of [...dists, 'test/dist']) await symlink(join(root, dist), join(copy, dist))
}
