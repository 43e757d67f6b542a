/**
 * The atlas as a page: the same question asked in two ways, while the data change and the index lags.
 *
 * @module
 */
import { type Entry, type Snapshot, isFanlightError, live } from 'fanlight'
import type { Ranked } from '../atlas.ts'
import type { City } from '../cities.ts'
import { type Answer, type Side, answerOf } from '../compare.ts'
import { app, askBoth, askFanlight, cities, index, largest } from './ask.ts'
import { showCode } from './code.ts'
import { Controls } from './controls.ts'
import { Countries } from './country.ts'
import { announce, byId, say } from './dom.ts'
import { WorldMap } from './map.ts'
import { Moments, sourceNamed } from './moments.ts'
import { Panel } from './panel.ts'
import { plugged } from './plug.ts'
import { Timeline } from './timeline.ts'
import { VisitsCard } from './visits.ts'

/** How long one way of asking rests between two answers, in milliseconds. */
const restMs = 40

/** How often the bars are drawn, in milliseconds. */
const frameMs = 80

/** How often texts change, in milliseconds: so that they can be read. */
const textMs = 250

let shown: { readonly country: string; readonly ids: readonly string[] } = { country: '', ids: [] }
let places: readonly City[] = []

/** Ends when something is to be asked otherwise than it was. */
let patience = new AbortController()
const older = byId<HTMLInputElement>('older')
older.addEventListener('change', askAnew)

const moments = new Moments()
const both = new Panel('promise-all')
const fanlight = new Panel('fanlight')
const timeline = new Timeline(moments)
const countries = new Countries()
const map = new WorldMap()
const controls = new Controls(({ country, rate, lagMs }) => {
  if (shown.country !== country) askAnew()
  countries.code = country
  map.country = country
  say(byId('intro-rate'), `${rate}`)
  say(byId('intro-lag'), `${lagMs}`)
})
const load = live(app, 'load')
const status = live(app, 'status')
const visits = new VisitsCard((code) => countries.nameOf(code))

showCode()
void asking(both, async (country, ids) => {
  const [ranks, data] = await askBoth(country, ids)
  const now = performance.now()
  const source = sourceNamed(data.windows, 'cities')
  moments.saw(data.versions, now)
  timeline.take('data', source, data.windows, now)
  timeline.take('index', sourceNamed(ranks.windows, 'cities'), ranks.windows, now)
  return answerFrom(ranks.entries, data.entries, ranks, data)
})
void asking(fanlight, async (country, ids) => {
  const stall = older.checked ? 'older' : 'wait'
  const answer: Snapshot = await askFanlight(country, ids, { stall, signal: patience.signal })
  timeline.agree(answer.windows)
  const isCity = ({ key }: Entry): boolean => key.startsWith('cities/')
  const data = answer.entries.filter(isCity)
  places = data.map(({ value }) => value as City)
  return answerFrom(
    answer.entries.filter((entry) => !isCity(entry)),
    data,
    answer,
    answer,
  )
})
void lookingAround()
setInterval(drawTimeline, frameMs)
setInterval(drawTexts, textMs)
// What the map follows tells how far the data are, many times a second.
setInterval(() => moments.saw(cities.reached, performance.now()), restMs)
setInterval(() => timeline.describe(), 1000)
byId('map-country').addEventListener('click', () => {
  if (places.length === 0) return
  const [x, y] = [places.map(({ longitude }) => longitude), places.map(({ latitude }) => latitude)]
  map.show({ west: Math.min(...x), east: Math.max(...x), south: Math.min(...y), north: Math.max(...y) })
})
document.body.dataset['state'] = 'open'

/** Asks in one way, again and again. */
async function asking(panel: Panel, ask: (country: string, ids: readonly string[]) => Promise<Answer>): Promise<void> {
  for (;;) {
    const { country } = controls.now
    try {
      panel.asks(performance.now())
      const answer = await ask(country, await idsOf(country))
      const now = performance.now()
      const source = sourceNamed(answer.windows.data, 'cities')
      panel.take(answer, source === undefined ? 0 : moments.ageOf(source, answer.version, now), now)
      panel.drawCounts()
      if (shown.country === country) shown = { country, ids: answer.rows.map(({ id }) => id) }
      if (panel === both && panel.torn === 1) announce('Promise.all gave a torn answer. Fanlight gave none.')
      await sleep(restMs)
    } catch (error) {
      if (isFanlightError(error, 'ABORTED')) continue
      panel.failed(error instanceof Error ? error.message : String(error))
      await sleep(500)
    }
  }
}

function askAnew(): void {
  patience.abort()
  patience = new AbortController()
}

/** Which cities to ask for: those of the last answer, or, of another country, those that the index names. */
async function idsOf(country: string): Promise<readonly string[]> {
  if (shown.country !== country) {
    const { entries } = await index.fetch(largest(country))
    if (entries.length === 0) throw new Error('There is no city of this country.')
    shown = { country, ids: entries.map(({ value }) => (value as Ranked).id) }
  }
  return shown.ids
}

function answerFrom(ranks: readonly Entry[], data: readonly Entry[], index: Side, side: Side): Answer {
  return answerOf(
    ranks,
    data.map(({ key, value }) => ({ key: key.slice('cities/'.length), value })),
    index,
    side,
  )
}

/** Asks for the windows of the sources that are not compared. */
async function lookingAround(): Promise<void> {
  for (;;) {
    const answer = await app.fetch([`countries/${controls.now.country}`, 'load']).catch(() => undefined)
    if (answer !== undefined) timeline.takeOthers(answer.windows, performance.now())
    await sleep(250)
  }
}

function drawTimeline(): void {
  if (!document.hidden) timeline.draw(performance.now())
}

let waited: { readonly at: number; readonly waits: number }[] = []
let said = ''

function drawTexts(): void {
  const now = performance.now()
  const isOpen = plugged() === 'open'
  both.draw(now, isOpen ? '' : ': there is no connection')
  fanlight.draw(now, isOpen ? (controls.now.frozen ? ': the index is frozen' : '') : ': there is no connection')
  const { waits = 0, countriesFile = '', visits: mongo = 'none', visitsUri = '' } = status.value?.[0]?.value ?? {}
  waited = [...waited.filter(({ at }) => at > now - 5000), { at: now, waits }]
  const [first] = waited
  const seconds = first === undefined ? 0 : (now - first.at) / 1000
  say(byId('waits'), seconds < 1 ? '0' : ((waits - (first?.waits ?? 0)) / seconds).toFixed(1))
  say(byId('load'), (load.value?.[0]?.value ?? 0).toFixed(2))
  for (const element of document.querySelectorAll<HTMLElement>('.countries-file')) say(element, countriesFile)
  visits.draw(mongo, visitsUri, controls.now.country)
  drawConnection()
}

function drawConnection(): void {
  const state = plugged()
  const texts = {
    connecting: 'connecting',
    open: 'live',
    lost: 'no connection, trying again',
    unplugged: 'unplugged',
  } as const
  document.body.dataset['state'] = state
  say(byId('connection'), texts[state])
  if (state === said) return
  if (said !== '') announce(state === 'open' ? 'Connected again.' : `This page is not connected: ${texts[state]}.`)
  if (state === 'open') say(byId('as-of'), '')
  else say(byId('as-of'), `What is shown is of ${new Date().toLocaleTimeString('en-GB')}; it goes on by itself.`)
  said = state
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
