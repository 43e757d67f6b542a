/**
 * The atlas: 135,000 cities in LevelDB, an index of them that lags, countries in a JSON file, this machine's load, and one
 * router over all four, beside what one sees without it; and, where there is a mongod, documents of MongoDB, grouped. As a page,
 * or in the terminal.
 *
 * @module
 */
import { isFanlightError } from 'fanlight'
import { isMishap, whenAsked } from './ending.ts'
import { servePage } from './serve-page.ts'
import { UsageError, asksForHelp, readSettings, usage } from './settings.ts'
import { showTerminal } from './show-terminal.ts'

const ending = new AbortController()
whenAsked(ending)
try {
  const args = process.argv.slice(2)
  if (asksForHelp(args)) process.stdout.write(usage)
  else {
    const settings = readSettings(args, process.env)
    await (settings.isTerminal ? showTerminal(settings, ending) : servePage(settings, ending))
  }
} catch (error) {
  // Whoever ends it before it is open knows why nothing came.
  if (!ending.signal.aborted || isMishap(ending.signal)) {
    process.stderr.write(`${explain(error)}\n`)
    process.exitCode = 1
  }
}

/** What went wrong, for the person at the terminal. */
function explain(error: unknown): string {
  if (error instanceof UsageError) return error.message
  if (isFanlightError(error)) {
    const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
    return `The atlas could not go on: ${error.message}${cause} [${error.code}]`
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
