import { type Entry, prefix } from 'fanlight'

/** A document, as the store shows it: somebody was in a city. Anyone may write others, so no member is sure to be there. */
export interface Visit {
  readonly city?: string
  readonly country?: string
  /** From 0 to 5. */
  readonly stars?: number
  readonly at?: { readonly $date?: string }
}

/** One visit, of those that are shown. */
export interface Latest {
  readonly city: string
  readonly stars: number
  /** When it was, in milliseconds. */
  readonly at: number
}

/** What there is of a country. */
export interface Visited {
  readonly visits: number
  /** The mean; null where nobody gave any. */
  readonly stars: number | null
  /** The latest first. */
  readonly latest: readonly Latest[]
}

/** How many of the latest visits of a country are shown. */
export const latestMax = 5

/** Where documents and groups are mounted; under the first, documents stand as `visits/<_id>`. */
export const mounts = { documents: 'mongo/', groups: 'visited/' } as const

/** All documents, and all groups that a view makes of them: one question, so that they agree. */
export const visitsQuery = [prefix('mongo/visits/'), prefix('visited/')] as const

type Member = Pick<Entry<Visit>, 'key' | 'value'>

/** The group of a document: its country, by two letters. */
export function countryOf({ value }: Member): string | undefined {
  const { country } = value
  return typeof country === 'string' && /^[A-Z]{2}$/.test(country) ? country : undefined
}

/** What it gives to the mean. */
export function starsOf({ value: { stars } }: Member): number | undefined {
  return typeof stars === 'number' && stars >= 0 && stars <= 5 ? stars : undefined
}

/** When it was, in milliseconds. */
export function timeOf({ value: { at } }: Member): number {
  const time = typeof at?.$date === 'string' ? Date.parse(at.$date) : 0
  return Number.isFinite(time) ? time : 0
}

/** What is shown of it. */
export function latestOf(member: Member): Latest {
  const { city } = member.value
  return { city: typeof city === 'string' ? city : 'somewhere', stars: starsOf(member) ?? 0, at: timeOf(member) }
}

/** The groups, by country. */
export type Groups = ReadonlyMap<string, Visited>

/** What an answer to `visitsQuery` says. */
export interface Seen {
  readonly documents: number
  /** What the view says. */
  readonly groups: Groups
  /** What one gets who goes through all documents of the same answer. */
  readonly counted: Groups
  /** The countries of which the two are not the same. */
  readonly different: readonly string[]
}

/** Reads an answer to `visitsQuery`, and goes through its documents. */
export function readVisits(entries: readonly Entry[]): Seen {
  const documents = entries.filter(({ key }) => key.startsWith('mongo/')) as Entry<Visit>[]
  const groups = new Map(
    entries
      .filter(({ key }) => key.startsWith(mounts.groups))
      .map(({ key, value }) => [key.slice(mounts.groups.length), value as Visited]),
  )
  const counted = countVisits(documents)
  const countries = new Set([...groups.keys(), ...counted.keys()])
  const different = [...countries].filter((country) => !isSame(groups.get(country), counted.get(country)))
  return { documents: documents.length, groups, counted, different }
}

function countVisits(documents: readonly Member[]): Groups {
  const members = new Map<string, Member[]>()
  for (const document of documents) {
    const country = countryOf(document)
    if (country === undefined) continue
    const list = members.get(country)
    if (list === undefined) members.set(country, [document])
    else list.push(document)
  }
  return new Map([...members].map(([country, list]) => [country, foldVisits(list)]))
}

function foldVisits(list: readonly Member[]): Visited {
  const stars = list.flatMap((member) => starsOf(member) ?? [])
  const latest = list.toSorted((a, b) => timeOf(b) - timeOf(a) || (a.key < b.key ? 1 : -1))
  return {
    visits: list.length,
    stars: stars.length === 0 ? null : stars.reduce((sum, one) => sum + one, 0) / stars.length,
    latest: latest.slice(0, latestMax).map(latestOf),
  }
}

/** A loop that adds doubles is not exact: far behind the point the mean may differ. */
function isSame(one: Visited | undefined, other: Visited | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  const isClose = one.stars === other.stars || Math.abs((one.stars ?? -1) - (other.stars ?? -1)) < 1e-9
  return one.visits === other.visits && isClose && JSON.stringify(one.latest) === JSON.stringify(other.latest)
}

/** The same in a line, of one country. */
export function describeVisits({ groups, different }: Seen, country: string, name: string): string {
  const { visits = 0, stars = null, latest = [] } = groups.get(country) ?? {}
  const mean = stars === null ? '' : `, ${stars.toFixed(2)} stars, last ${latest[0]?.city ?? ''}`
  const agree = different.length === 0 ? 'documents agree' : `documents differ in ${different.join()}`
  return `MongoDB, grouped: ${name} ${visits} visits${mean}; ${agree}`
}
