import { resolve } from 'node:path'
import { findMongod } from './visits/find-mongod.ts'

/** How the atlas runs: from environment variables and the command line. */
export interface Settings {
  /** Where the data lies: DATA_DIR, default `./data/atlas`. */
  readonly dataDir: string
  /** Writes a second: RATE, default 50. */
  readonly rate: number
  /** How far the index lags, in milliseconds: LAG_MS, default 300. */
  readonly lagMs: number
  /** How many cities are loaded into an empty folder, the largest first: CITIES, default all. */
  readonly cities: number
  /** Where the page is served: PORT, default 8080; 0 is any free one. */
  readonly port: number
  /** On which address: HOST, default 127.0.0.1, which only this machine reaches. */
  readonly host: string
  /** Shows the atlas in the terminal, not as a page: `--terminal`. */
  readonly isTerminal: boolean
  /** Ends by itself after so many seconds: `--seconds N`. Default: runs until Ctrl-C. */
  readonly seconds: number
  /** The country that is shown first, by its two letters: `--country FR`. */
  readonly country: string
  /** The mongod that is started: MONGOD_BINARY, or that of the PATH; undefined: there is none, and no MongoDB mount. */
  readonly mongod: string | undefined
}

/** How the atlas is started. */
export const usage = `Usage: npm start -- [--terminal] [--seconds N] [--country XX] [--help]

Shows what two stores say of the largest cities of a country when each is asked for itself,
and what one query over the router says, while somebody writes.

  --terminal    show it here, not as a page
  --seconds N   end after so many seconds. In the terminal the last line is then the counts, as JSON
  --country XX  the country, by its two letters. Default FR

Environment variables:

  PORT          where the page is served. Default 8080
  HOST          on which address. Default 127.0.0.1, which only this machine reaches
  CITIES        how many cities are loaded, the largest first. Default all of them
  DATA_DIR      where the data lies. Default ./data/atlas
  RATE          writes a second. Default 50
  LAG_MS        how far the index lags, in milliseconds. Default 300
  MONGOD_BINARY a mongod, for a MongoDB mount with a grouped view. Default the one on the PATH; without one it is left out
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
      if (value === undefined && ['--seconds', '--country'].includes(name)) {
        throw new UsageError(`${name} needs a value: --help says more.`)
      }
      throw new UsageError(
        `I do not know ${name}. Use --terminal, --seconds N, --country XX; ` +
          'PORT, HOST, DATA_DIR, RATE, LAG_MS, CITIES and MONGOD_BINARY are environment variables.',
      )
    }
    options.set(name, value)
  }
  const port = number('PORT', env['PORT'] ?? '8080', 0, 65_535)
  if (!Number.isInteger(port)) throw new UsageError(`PORT must be a whole number, not ${port}.`)
  return {
    dataDir: resolve(env['DATA_DIR'] ?? 'data/atlas'),
    rate: number('RATE', env['RATE'] ?? '50', 0, 10_000),
    lagMs: number('LAG_MS', env['LAG_MS'] ?? '300', 0, 60_000),
    cities: number('CITIES', env['CITIES'] ?? 'Infinity', 100, Infinity),
    port,
    host: env['HOST'] ?? '127.0.0.1',
    isTerminal: args.includes('--terminal'),
    seconds: number('--seconds', options.get('--seconds') ?? 'Infinity', 0, Infinity),
    country: (options.get('--country') ?? 'FR').toUpperCase(),
    mongod: findMongod(env),
  }
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value) || value < min || value > max) {
    throw new UsageError(`${name} must be a number from ${min} to ${max}, not ${JSON.stringify(text)}.`)
  }
  return value
}
