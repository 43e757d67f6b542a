import { setTimeout as sleep } from 'node:timers/promises'
import { live, type StoreEvent } from 'fanlight'
import { type Atlas, isWait, openAtlas } from './atlas.ts'
import { Column } from './column.ts'
import { askBoth, askRouter, type Answer } from './compare.ts'
import { isMishap } from './ending.ts'
import { type Settings, UsageError } from './settings.ts'
import { Terminal } from './terminal.ts'
import { describeVisits, readVisits, visitsQuery } from './visits/visit.ts'
import { Visits } from './visits/visits.ts'
import { Writer } from './writer.ts'

/** How long one way of asking rests between two answers. */
const restMs = 40

/** How often the picture is drawn. */
const frameMs = 100

/** Shows the atlas in the terminal, until it is interrupted or its time is over. */
export async function showTerminal(settings: Settings, ending: AbortController): Promise<void> {
  const terminal = new Terminal(process.stdout)
  let waits = 0
  const onEvent = (event: StoreEvent): void => {
    if (isWait(event)) waits++
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
    () => rate,
    failed,
  )
  const countryRow = live(atlas.router, `countries/${country}`)
  const load = live(atlas.router, 'load')
  const visits = new Visits(atlas, settings, (text) => terminal.say(text))
  const visited = live(atlas.router, visitsQuery)
  const visitsOf = (name: string): string => {
    if (visits.state !== 'mounted') return visits.note
    return describeVisits(readVisits(visited.value ?? []), country, name)
  }
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
    const known = countryRow.value?.[0]?.value
    const view = {
      country: known,
      code: country,
      load: load.value?.[0]?.value ?? 0,
      both,
      fanlight,
      waitsPerSecond: waits() - (waited[0]?.count ?? 0),
      rate,
      lagMs,
      countriesFile: atlas.countriesFile,
      stale: state?.why?.message,
      visits: visitsOf(known?.name ?? country),
    }
    terminal.show(view, now)
    await sleep(frameMs)
  }
  const mishap = isMishap(signal)
  ending.abort()
  await writer.close()
  await Promise.all([...loops, countryRow.close(), load.close(), visited.close()])
  await visits.close()
  if (mishap) throw signal.reason
}

function idsOf(answer: Answer): string[] {
  return answer.rows.map(({ id }) => id)
}
