import { type Clock, FanlightError } from '@fanlight/core'
import { pause } from '@fanlight/core/kit'
import type { Db, Document, Timestamp, UUID } from 'mongodb'
import type { Scope } from './scope.ts'

/**
 * Which collection each name means: names are given away anew, and a read in the past would take the collection that has
 * the name now for the one that had it then.
 */
export class Catalog {
  readonly #collections = new Map<string, { readonly uuid: UUID; readonly since: number }>()

  /** The names of the collections that there were at a version. */
  namesAt(version: number): string[] {
    return [...this.#collections].flatMap(([name, { since }]) => (since <= version ? [name] : []))
  }

  /** The collection that a name meant at a version. */
  uuidAt(name: string, version: number): UUID | undefined {
    const found = this.#collections.get(name)
    return found !== undefined && found.since <= version ? found.uuid : undefined
  }

  has(name: string): boolean {
    return this.#collections.has(name)
  }

  set(name: string, uuid: UUID, since: number): void {
    this.#collections.set(name, { uuid, since })
  }

  delete(name: string): void {
    this.#collections.delete(name)
  }

  clear(): void {
    this.#collections.clear()
  }
}

/** The collections that there are, and when. */
export interface Found {
  readonly uuids: ReadonlyMap<string, UUID>
  readonly time: Timestamp
}

/** How often the names are read, where collections come and go meanwhile. */
const roundsMax = 20

/**
 * The collections of a database, and a time at which they were these: read twice, and the same before and after that time.
 *
 * @param own a collection that is there
 */
export async function readCatalog(db: Db, scope: Scope, clock: Clock): Promise<Found> {
  for (let round = 1; ; round++) {
    const before = await listCollections(db, scope)
    const reply = await db.command({ find: scope.own, filter: {}, limit: 1, readConcern: { level: 'snapshot' } })
    const after = await listCollections(db, scope)
    const time = (reply['cursor'] as Document)['atClusterTime'] as Timestamp
    if (isSame(before, after)) return { uuids: after, time }
    if (round === roundsMax) throw new Error('collections come and go all the time')
    await pause(round * 10, clock)
  }
}

async function listCollections(db: Db, scope: Scope): Promise<Map<string, UUID>> {
  const found = await db.listCollections({ type: 'collection' }, { nameOnly: false }).toArray()
  const shown = found.filter(({ name }) => scope.has(name))
  for (const { name, options } of shown) if (hasOtherOrder(options?.['collation'])) throw otherOrder(name)
  return new Map(shown.map(({ name, info }) => [name, (info as { uuid: UUID }).uuid]))
}

/** Whether a collection compares text by the rules of a language, in its `_id`s too: two keys may be one document there. */
export function hasOtherOrder(collation: unknown): boolean {
  return typeof collation === 'object' && collation !== null && (collation as Document)['locale'] !== 'simple'
}

/** UNSUPPORTED for a collection with a collation. */
export function otherOrder(collection: string): FanlightError {
  const message = `the collection ${collection} has a default collation, so that its _ids are in another order than keys: leave it out of \`collections\``
  return new FanlightError('UNSUPPORTED', message)
}

function isSame(a: ReadonlyMap<string, UUID>, b: ReadonlyMap<string, UUID>): boolean {
  return a.size === b.size && [...a].every(([name, uuid]) => b.get(name)?.equals(uuid) === true)
}
