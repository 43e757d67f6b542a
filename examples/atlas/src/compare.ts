import { type Entry, type Versions, type Windows, prefix } from 'fanlight'
import type { Atlas, Ranked } from './atlas.ts'
import type { City } from './cities.ts'

/** How many cities are shown. */
export const shownMax = 20

/** What an answer says of one city. */
export interface Row {
  readonly id: string
  readonly name: string
  /** What the index says. */
  readonly index: number
  /** What the data say; undefined where the city was not asked for yet. */
  readonly data: number | undefined
}

/** An answer in which data and index do not say the same. */
export interface Torn {
  readonly row: Row
  readonly dataVersion: number
  readonly indexVersion: number
}

/** An answer to the question of the atlas: the largest cities of a country, from the index, and what the data say of them. */
export interface Answer {
  readonly rows: readonly Row[]
  readonly torn: Torn | undefined
  /** The version of the data that the answer is true at. */
  readonly version: number
  /** For each side, the window that it claims of the source of the cities. */
  readonly windows: { readonly data: Windows; readonly index: Windows }
}

/** Asks both stores for themselves, as one does without a router. */
export async function askBoth({ cities, index }: Atlas, country: string, ids: readonly string[]): Promise<Answer> {
  const [ranks, data] = await Promise.all([
    index.fetch({ ...prefix(`${country}/`), limit: shownMax }),
    cities.fetch(ids),
  ])
  return answerOf(ranks.entries, data.entries, ranks, data)
}

/** Asks the router: the same question, as one query. */
export async function askRouter({ router }: Atlas, country: string, ids: readonly string[]): Promise<Answer> {
  const ranks = { ...prefix(`by-country/${country}/`), limit: shownMax }
  const answer = await router.fetch([ranks, ...ids.map((id) => `cities/${id}`)])
  const isRank = ({ key }: Entry): boolean => key.startsWith('by-country/')
  const data = answer.entries
    .filter((entry) => !isRank(entry))
    .map(({ key, value }) => ({ key: key.slice('cities/'.length), value }))
  return answerOf(answer.entries.filter(isRank), data, answer, answer)
}

/** The versions of one side, and the windows that it claims. */
export interface Side {
  readonly versions: Versions
  readonly windows: Windows
}

/** Lays what the index says of cities beside what the data say of them. The keys of `data` are ids. */
export function answerOf(ranks: readonly Entry[], data: readonly Entry[], index: Side, cities: Side): Answer {
  const populations = new Map(data.map(({ key, value }) => [key, (value as City).population]))
  const rows = ranks.map(({ value }) => {
    const { id, name, population } = value as Ranked
    return { id, name, index: population, data: populations.get(id) }
  })
  const dataVersion = versionOf(cities.versions)
  const different = rows.find((row) => row.data !== undefined && row.data !== row.index)
  return {
    rows,
    torn:
      different === undefined ? undefined : { row: different, dataVersion, indexVersion: versionOf(index.versions) },
    version: dataVersion,
    windows: { data: cities.windows, index: index.windows },
  }
}

/** The version of the source of the cities in a point. */
function versionOf(versions: Versions): number {
  return Object.entries(versions).find(([source]) => source.startsWith('cities@'))?.[1] ?? 0
}
