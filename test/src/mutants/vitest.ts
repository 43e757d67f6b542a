import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { command } from './command.ts'

/** What vitest's report says, as far as it is read. */
interface Report {
  readonly success: boolean
  readonly numTotalTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** A test that failed. */
export interface Failed {
  readonly name: string
  readonly why: string
}

/**
 * Runs tests in a copy of the sources, up to the first that fails.
 *
 * @returns undefined: all passed
 * @throws Error where no test ran
 */
export async function failedTest(
  folder: string,
  tests: readonly string[],
  timeoutMs?: number,
): Promise<Failed | undefined> {
  const file = join(folder, '.report.json')
  await rm(file, { force: true })
  const args = ['run', ...tests, '--bail=1', '--reporter=json', `--outputFile=${file}`]
  const vitest = join(folder, 'node_modules/.bin/vitest')
  const { code, isKilled, output } = await command(vitest, args, folder, { FANLIGHT_SEED: '' }, timeoutMs)
  // A bug by which a test never ends was noticed too: by the time that it may take.
  if (isKilled) return { name: `the tests did not end: ${tests.join(' ')}`, why: output.slice(-400) }
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) throw new Error(`vitest gave no report: ${output.slice(-400)}`)
  const report = JSON.parse(text) as Report
  if (report.success && report.numTotalTests === 0) throw new Error(`no test ran for ${tests.join(' ')}: ${output}`)
  if (report.success) return undefined
  for (const { name, status, assertionResults } of report.testResults) {
    const failed = assertionResults.find((result) => result.status === 'failed')
    if (failed !== undefined) return { name: failed.fullName, why: failed.failureMessages.join('\n') }
    if (status === 'failed') return { name, why: output.slice(-400) }
  }
  return { name: `vitest ended with ${code}`, why: output.slice(-400) }
}
