import { type Entry, isFanlightError, live } from 'fanlight'
import { type Groups, type Latest, type Seen, readVisits, visitsQuery } from '../visits/visit.ts'
import type { VisitsState } from '../visits/visits.ts'
import { app } from './ask.ts'
import { announce, byId, count, make, say } from './dom.ts'

/** How many countries are listed. */
const countriesMax = 5

/** Visits of cities: documents of MongoDB, and what a view makes of them. Both come in one live query. */
export class VisitsCard {
  readonly #list = live(app, visitsQuery, { alone: true })
  readonly #nameOf: (code: string) => string
  #entries: readonly Entry[] | undefined
  #seen: Seen | undefined
  #state: VisitsState = 'none'
  #updates = 0
  #different = 0

  /** @param nameOf what a country is called */
  constructor(nameOf: (code: string) => string) {
    this.#nameOf = nameOf
    this.#list.onChange(() => this.#read())
    this.#read()
  }

  /** Goes through the documents of each update, and compares. */
  #read(): void {
    const entries = this.#list.value as readonly Entry[] | undefined
    if (entries === undefined || entries === this.#entries || entries.length === 0) return
    this.#entries = entries
    this.#seen = readVisits(entries)
    this.#updates++
    if (this.#seen.different.length > 0) this.#different++
  }

  /** Shows it, where there is a MongoDB. */
  draw(state: VisitsState, uri: string, code: string): void {
    if (state !== this.#state && state === 'mounted') announce('MongoDB is mounted.')
    if (state !== this.#state && state === 'gone') announce('MongoDB has gone.')
    this.#state = state
    // Whoever comes when it has gone never saw anything of it.
    const isThere = state !== 'none' && (state !== 'gone' || this.#seen !== undefined)
    byId('visits').hidden = !isThere
    if (!isThere) return
    say(byId('visits-different'), `${this.#different}`)
    say(byId('visits-updates'), count(this.#updates))
    byId('visits').classList.toggle('is-torn', this.#different > 0)
    say(byId('visits-documents'), count(this.#seen?.documents ?? 0))
    say(byId('visits-uri'), uri)
    say(byId('visits-note'), this.#note(state))
    const { groups, counted } = this.#seen ?? {}
    fillRow('visits-view', groups?.get(code)?.visits, groups?.get(code)?.stars)
    fillRow('visits-counted', counted?.get(code)?.visits, counted?.get(code)?.stars)
    fillList('visits-latest', groups?.get(code)?.latest.map(lineOf) ?? [])
    fillList('visits-most', mostOf(groups, this.#nameOf))
  }

  #note(state: VisitsState): string {
    if (state === 'starting') return 'MongoDB starts.'
    if (state === 'gone') return 'MongoDB has gone. This is how it was.'
    const { error } = this.#list
    return isFanlightError(error) ? error.message : ''
  }
}

type Line = readonly [what: string, number: string]

function lineOf({ city, stars }: Latest): Line {
  return [city, '★'.repeat(Math.round(stars)).padEnd(5, '☆')]
}

function mostOf(groups: Groups | undefined, nameOf: (code: string) => string): Line[] {
  const all = [...(groups ?? [])].toSorted(([, a], [, b]) => b.visits - a.visits)
  return all.slice(0, countriesMax).map(([code, { visits }]) => [nameOf(code), count(visits)])
}

function fillRow(id: string, visits: number | undefined, stars: number | null | undefined): void {
  say(byId(id).children[1] as HTMLElement, count(visits ?? 0))
  say(byId(id).children[2] as HTMLElement, stars === null || stars === undefined ? 'none' : stars.toFixed(2))
}

function fillList(id: string, lines: readonly Line[]): void {
  const list = byId(id)
  while (list.children.length > lines.length) list.lastElementChild?.remove()
  while (list.children.length < lines.length) {
    const item = make('li')
    item.append(make('span'), make('span', 'number'))
    list.append(item)
  }
  for (const [i, item] of [...list.children].entries()) {
    const [what, number] = lines[i] ?? ['', '']
    say(item.children[0] as HTMLElement, what)
    say(item.children[1] as HTMLElement, number)
  }
}
