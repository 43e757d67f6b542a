import { resolve } from 'node:path'

/** How the atlas runs: from environment variables and the command line. */
export interface Settings {
  /** Where the data lies: DATA_DIR, default `./data/atlas`. */
  readonly dataDir: string
  /** Writes a second: RATE, default 50. */
  readonly rate: number
  /** How far the index lags, in milliseconds: LAG_MS, default 300. */
  readonly lagMs: number
  /** Ends by itself after so many seconds: `--seconds N`. Default: runs until Ctrl-C. */
  readonly seconds: number
  /** The country that is shown, by its two letters: `--country FR`. */
  readonly country: string
}

/** How the atlas is started. */
export const usage = `Usage: npm start -- [--seconds N] [--country XX] [--help]

Shows what two stores say of the largest cities of a country when each is asked for itself,
and what one query over the router says, while somebody writes.

  --seconds N   end after so many seconds. The last line is then the counts, as JSON
  --country XX  the country, by its two letters. Default FR

Environment variables:

  DATA_DIR      where the data lies. Default ./data/atlas
  RATE          writes a second. Default 50
  LAG_MS        how far the index lags, in milliseconds. Default 300
`

/** Whether somebody asks how the atlas is started. */
export function asksForHelp(args: readonly string[]): boolean {
  return args.some((arg) => arg === '--help' || arg === '-h')
}

/** A mistake of the person who starts the atlas: its message says what to do. */
export class UsageError extends Error {}

/** Reads the settings; every one has a default. */
export function readSettings(args: readonly string[], env: NodeJS.ProcessEnv): Settings {
  const options = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const name = args[i] ?? ''
    if (name === '--terminal') continue
    const value = args[++i]
    if (!['--seconds', '--country'].includes(name) || value === undefined) {
      throw new UsageError(
        value === undefined && ['--seconds', '--country'].includes(name)
          ? `${name} needs a value: --help says more.`
          : `I do not know ${name}. Use --seconds N, --country XX; DATA_DIR, RATE and LAG_MS are environment variables.`,
      )
    }
    options.set(name, value)
  }
  return {
    dataDir: resolve(env['DATA_DIR'] ?? 'data/atlas'),
    rate: number('RATE', env['RATE'] ?? '50', 0, 10_000),
    lagMs: number('LAG_MS', env['LAG_MS'] ?? '300', 0, 60_000),
    seconds: number('--seconds', options.get('--seconds') ?? 'Infinity', 0, Infinity),
    country: (options.get('--country') ?? 'FR').toUpperCase(),
  }
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value) || value < min || value > max) {
    throw new UsageError(`${name} must be a number from ${min} to ${max}, not ${JSON.stringify(text)}.`)
  }
  return value
}
