/**
 * The atlas: 135,000 cities in LevelDB, an index of them that lags, countries in a JSON file, this machine's load, and one
 * router over all four, beside what one sees without it.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isFanlightError, live, type StoreEvent } from 'fanlight'
import { type Atlas, openAtlas } from './atlas.ts'
import { Column } from './column.ts'
import { askBoth, askRouter, type Answer } from './compare.ts'
import { type Settings, UsageError, asksForHelp, readSettings, usage } from './settings.ts'
import { whenAsked } from './ending.ts'
import { Terminal } from './terminal.ts'
import { Writer } from './writer.ts'

/** How long one way of asking rests between two answers. */
const restMs = 40

/** How often the picture is drawn. */
const frameMs = 100

const ending = new AbortController()
whenAsked(ending)
try {
  const args = process.argv.slice(2)
  if (asksForHelp(args)) process.stdout.write(usage)
  else await main(readSettings(args, process.env), ending)
} catch (error) {
  // Whoever ends it before it is open knows why nothing came.
  if (!ending.signal.aborted || isMishap(ending.signal)) {
    process.stderr.write(`${explain(error)}\n`)
    process.exitCode = 1
  }
}

async function main(settings: Settings, ending: AbortController): Promise<void> {
  const terminal = new Terminal(process.stdout)
  let waits = 0
  const onEvent = ({ type }: StoreEvent): void => {
    if (type === 'stall') waits++
  }
  const atlas = await openAtlas(settings, (done, all) => terminal.progress(done, all), onEvent, ending.signal)
  try {
    const both = new Column('Promise.all')
    const fanlight = new Column('Fanlight')
    await run(atlas, settings, { both, fanlight, terminal, ending, waits: () => waits })
    terminal.close()
    const { torn: tornPromiseAll } = both
    const { fetches, torn: tornFanlight, medianAgeMs } = fanlight
    const summary = { fetches, tornPromiseAll, tornFanlight, waits, medianAgeMs: Math.round(medianAgeMs) }
    process.stdout.write(`${JSON.stringify(summary)}\n`)
  } finally {
    terminal.close()
    await atlas.close()
  }
}

interface Running {
  readonly both: Column
  readonly fanlight: Column
  readonly terminal: Terminal
  readonly ending: AbortController
  readonly waits: () => number
}

async function run(
  atlas: Atlas,
  settings: Settings,
  { both, fanlight, terminal, ending, waits }: Running,
): Promise<void> {
  const { signal } = ending
  const { country, rate, lagMs, seconds } = settings
  const until = Date.now() + seconds * 1000
  const first = await askBoth(atlas, country, [])
  let shown = idsOf(first)
  if (shown.length === 0)
    throw new UsageError(`There is no country ${country} among the cities: use its two letters, such as FR.`)
  const { entries } = await atlas.cities.fetch({ limit: 20_000 })
  const failed = (error: unknown): void => ending.abort(error)
  const writer = new Writer(
    atlas.cities,
    entries.map(({ key }) => key),
    rate,
    failed,
  )
  const countryRow = live(atlas.router, `countries/${country}`)
  const load = live(atlas.router, 'load')
  const asking = async (column: Column, ask: (ids: readonly string[]) => Promise<Answer>): Promise<void> => {
    while (!signal.aborted) {
      const answer = await ask(shown)
      column.take(answer, writer.ageOf(answer.version, Date.now()))
      shown = idsOf(answer)
      writer.show(shown)
      await sleep(restMs)
    }
  }
  const loops = [
    asking(both, (ids) => askBoth(atlas, country, ids)),
    asking(fanlight, (ids) => askRouter(atlas, country, ids)),
  ].map((loop) => loop.catch(failed))
  const waited: { at: number; count: number }[] = []
  while (!signal.aborted && Date.now() < until) {
    const now = Date.now()
    waited.push({ at: now, count: waits() })
    while ((waited[0]?.at ?? now) < now - 1000) waited.shift()
    const state = Object.values(countryRow.state).find(({ status }) => status === 'stale')
    const view = {
      country: countryRow.value?.[0]?.value,
      code: country,
      load: load.value?.[0]?.value ?? 0,
      both,
      fanlight,
      waitsPerSecond: waits() - (waited[0]?.count ?? 0),
      rate,
      lagMs,
      countriesFile: atlas.countriesFile,
      stale: state?.why?.message,
    }
    terminal.show(view, now)
    await sleep(frameMs)
  }
  const mishap = isMishap(signal)
  ending.abort()
  await writer.close()
  await Promise.all([...loops, countryRow.close(), load.close()])
  if (mishap) throw signal.reason
}

/** Whether it ends because something failed, not because somebody asked for it. */
function isMishap({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof DOMException)
}

function idsOf(answer: Answer): string[] {
  return answer.rows.map(({ id }) => id)
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
