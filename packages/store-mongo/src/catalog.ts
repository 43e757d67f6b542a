import { type Clock, FanlightError } from '@fanlight/core'
import { pause } from '@fanlight/core/kit'
import type { Db, Document, Timestamp, UUID } from 'mongodb'
import type { Scope } from './scope.ts'

/** Which collection each name meant at a version. */
export type Names = ReadonlyMap<string, UUID>

/**
 * Which collection each name means: names are given away anew, and a read in the past would take the collection that has
 * the name now for the one that had it then.
 */
export class Catalog {
  readonly #collections = new Map<string, { readonly uuid: UUID; readonly since: number }>()

  /** The collections that there were at a version. Whoever reads asks once: a name may go while it is read. */
  at(version: number): Names {
    const names = new Map<string, UUID>()
    for (const [name, { uuid, since }] of this.#collections) if (since <= version) names.set(name, uuid)
    return names
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
export interface FoundNames {
  readonly names: Names
  readonly time: Timestamp
  /** Those that cannot be shown. */
  readonly refused: readonly FanlightError[]
}

/** How often the names are read, where collections come and go meanwhile. */
const roundsMax = 20

/**
 * The collections of a database, and a time at which they were these: read twice, and the same before and after that time.
 *
 * @param db one in which the collection that the store keeps for itself is there
 */
export async function readCatalog(db: Db, scope: Scope, clock: Clock): Promise<FoundNames> {
  for (let round = 1; ; round++) {
    const before = await listCollections(db, scope)
    const reply = await db.command({ find: scope.own, filter: {}, limit: 1, readConcern: { level: 'snapshot' } })
    const { names, refused } = await listCollections(db, scope)
    const time = (reply['cursor'] as Document)['atClusterTime'] as Timestamp
    if (isSame(before.names, names)) return { names, time, refused }
    if (round === roundsMax) {
      throw new FanlightError(
        'UNAVAILABLE',
        'collections come and go all the time: name those to show in `collections`',
      )
    }
    await pause(round * 10, clock)
  }
}

async function listCollections(db: Db, scope: Scope): Promise<Omit<FoundNames, 'time'>> {
  const found = await db.listCollections({ type: 'collection' }, { nameOnly: false }).toArray()
  const names = new Map<string, UUID>()
  const refused: FanlightError[] = []
  for (const { name, info, options } of found) {
    if (!scope.has(name)) continue
    const why = whyRefused(name, options)
    if (why === undefined) names.set(name, (info as { uuid: UUID }).uuid)
    else refused.push(why)
  }
  return { names, refused }
}

/** UNSUPPORTED for a collection whose documents cannot be shown; undefined: they can. */
export function whyRefused(collection: string, options: Document | undefined): FanlightError | undefined {
  const { locale } = (options?.['collation'] ?? {}) as { locale?: string }
  const because =
    locale !== undefined && locale !== 'simple'
      ? 'has a default collation, so that its _ids are in another order than keys'
      : options?.['capped'] === true
        ? 'is capped, and MongoDB cannot read those as they were'
        : undefined
  if (because === undefined) return undefined
  return new FanlightError('UNSUPPORTED', `the collection ${collection} ${because}: leave it out of \`collections\``)
}

function isSame(a: Names, b: Names): boolean {
  return a.size === b.size && [...a].every(([name, uuid]) => b.get(name)?.equals(uuid) === true)
}
