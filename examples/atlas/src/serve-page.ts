import { setTimeout as sleep } from 'node:timers/promises'
import { prefix, type StoreEvent } from 'fanlight'
import { serve } from '@fanlight/server'
import { type Atlas, isWait, openAtlas } from './atlas.ts'
import { shownMax } from './compare.ts'
import { isMishap } from './ending.ts'
import { type Settings, UsageError } from './settings.ts'
import { Site } from './site.ts'
import { Terminal } from './terminal.ts'
import { Visits } from './visits/visits.ts'
import { Writer } from './writer.ts'

/** How often the writer learns which cities are shown, and pages how often an answer had to wait. */
const everyMs = 500

/** Serves the atlas as a page, until it is interrupted or its time is over. */
export async function servePage(settings: Settings, ending: AbortController): Promise<void> {
  // First of all, so that a port that is taken is known before the cities are loaded.
  const site = await Site.open(settings)
  try {
    let waits = 0
    const onEvent = (event: StoreEvent): void => {
      if (isWait(event)) waits++
    }
    await site.prepare()
    const terminal = new Terminal(process.stdout)
    const atlas = await openAtlas(settings, (done, all) => terminal.progress(done, all), onEvent, ending.signal)
    try {
      await run(atlas, settings, { site, ending, waits: () => waits })
    } finally {
      await atlas.close()
    }
  } finally {
    await site.close()
  }
}

interface Running {
  readonly site: Site
  readonly ending: AbortController
  readonly waits: () => number
}

async function run(atlas: Atlas, settings: Settings, { site, ending, waits }: Running): Promise<void> {
  const { signal } = ending
  const { cities, knobs, status, router } = atlas
  await shownIn(atlas, settings.country)
  const { entries } = await cities.fetch({ limit: 20_000 })
  const failed = (error: unknown): void => ending.abort(error)
  const ids = entries.map(({ key }) => key)
  const writer = new Writer(cities, ids, () => knobs.now.rate, failed)
  const server = await serve(router, { server: site.http, path: '/live' })
  site.ready()
  process.stdout.write(`The atlas is at ${site.url} (Ctrl-C ends it)\n`)
  const visits = new Visits(atlas, settings, (text) => process.stdout.write(`${text}\n`))
  const until = Date.now() + settings.seconds * 1000
  try {
    while (!signal.aborted && Date.now() < until) {
      writer.show(await shownIn(atlas, knobs.now.country).catch(() => []))
      const { countriesFile } = atlas
      status.set({ waits: waits(), countriesFile, visits: visits.state, visitsUri: visits.uri })
      await sleep(everyMs, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    await server.close()
    await writer.close()
    await visits.close()
  }
  if (isMishap(signal)) throw signal.reason
}

/** The cities of a country that pages show. */
async function shownIn({ index }: Atlas, country: string): Promise<string[]> {
  const { entries } = await index.fetch({ ...prefix(`${country}/`), limit: shownMax })
  if (entries.length === 0) {
    throw new UsageError(`There is no country ${country} among the cities: use its two letters, such as FR.`)
  }
  return entries.map(({ value }) => value.id)
}
