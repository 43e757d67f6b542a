import { FanlightError } from '@fanlight/core'
import type { Document, Filter } from 'mongodb'

/** Which collections a store shows: all of the database; those of a list; those whose names match; or some documents of each. */
export type Collections = string | readonly string[] | RegExp | Readonly<Record<string, Filter<Document>>>

/** The collections that a store shows, and which of their documents. */
export class Scope {
  /** The collection that holds what the store keeps for itself. */
  readonly own: string
  readonly #names: ReadonlySet<string> | undefined
  readonly #pattern: RegExp | undefined
  readonly #filters: ReadonlyMap<string, Filter<Document>>

  constructor(collections: Collections | undefined, own: string) {
    this.own = own
    // Without the flags that make it remember where it was.
    this.#pattern =
      collections instanceof RegExp ? new RegExp(collections, collections.flags.replace(/[gy]/g, '')) : undefined
    const { names, filters } = read(collections)
    this.#names = names
    if (names?.has(own) === true)
      throw badName(`the collection ${own} is kept by the store for itself: name another as ownCollection`)
    this.#filters = filters
  }

  /** Whether the documents of a collection are shown. */
  has(collection: string): boolean {
    if (collection === this.own || collection.startsWith('system.')) return false
    if (this.#pattern !== undefined) return this.#pattern.test(collection)
    return this.#names === undefined || this.#names.has(collection)
  }

  /** What the documents of a collection must match to be shown; undefined: all are. */
  filterOf(collection: string): Filter<Document> | undefined {
    return this.#filters.get(collection)
  }

  /** Matches the events of the change stream that concern the store. */
  get events(): Document {
    const name = this.#names === undefined ? { $exists: true } : { $in: [...this.#names, this.own] }
    return {
      $or: [{ 'ns.coll': name }, { 'to.coll': name }, { operationType: { $in: ['invalidate', 'dropDatabase'] } }],
    }
  }
}

function read(collections: Collections | undefined): {
  names: ReadonlySet<string> | undefined
  filters: ReadonlyMap<string, Filter<Document>>
} {
  if (collections === undefined || collections instanceof RegExp) return { names: undefined, filters: new Map() }
  if (typeof collections === 'string') return { names: new Set([named(collections)]), filters: new Map() }
  if (Array.isArray(collections)) {
    return { names: new Set((collections as readonly unknown[]).map(named)), filters: new Map() }
  }
  if (typeof collections !== 'object' || collections === null) throw bad()
  const entries = Object.entries(collections)
  if (entries.some(([, filter]) => typeof filter !== 'object' || filter === null)) throw bad()
  const filters = new Map(entries.filter(([, filter]) => Object.keys(filter).length > 0))
  return { names: new Set(entries.map(([name]) => named(name))), filters }
}

function named(name: unknown): string {
  if (typeof name !== 'string' || name === '' || name.includes('\0') || name.includes('$')) throw bad()
  return name
}

function bad(): FanlightError {
  return badName('collections are a name, a list of names, a regular expression, or an object of filters by name')
}

function badName(message: string): FanlightError {
  return new FanlightError('BAD_QUERY', message)
}
