import { type Span, compareKeys } from '@fanlight/core/kit'
import type { Document, UUID } from 'mongodb'
import type { Names } from './catalog.ts'
import { timeOf } from './cluster-time.ts'
import { isPassing } from './errors.ts'
import { documentOf, keyOrWhyNot } from './keys/document-key.ts'
import { collectionSpan, idRanges } from './keys/id-ranges.ts'
import type { Ledger } from './ledger.ts'

/** A document, under its key. */
export interface Found {
  readonly key: string
  readonly document: Document
}

/** A collection, by the name that it had. */
export interface Named {
  readonly name: string
  readonly uuid: UUID
}

/** Which documents of a collection are asked for. */
interface Wanted {
  readonly filter: object
  readonly reverse: boolean
  readonly limit: number
}

/** So many documents are asked for in one batch. */
const batchMax = 10_000

/** Finds documents as they were at a version. */
export class Finder {
  readonly #ledger: Ledger

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** The documents of a collection whose keys lie in a span, in its order: as many of them as its limit allows. */
  async inSpan(collection: Named, span: Span, at: number): Promise<readonly Found[]> {
    const { lo, hi, reverse, limit } = span
    if (limit === Infinity && isWhole(collection.name, span)) return this.#whole(collection, at, reverse)
    const ranges = idRanges(collection.name, lo, hi)
    const found: Found[] = []
    for (const { kind, filter } of reverse ? ranges.toReversed() : ranges) {
      const most = limit - found.length
      if (most <= 0) break
      // Among the numbers MongoDB counts some that have no key, which must not take the place of others.
      const own = kind === 'number' && limit !== Infinity ? { $and: [filter, noDecimal] } : filter
      found.push(...(await this.#find(collection, { filter: own, reverse, limit: most }, at)))
    }
    return found
  }

  /** Those of these keys that are there. */
  async ofKeys(names: Names, keys: readonly string[], at: number): Promise<ReadonlyMap<string, Document>> {
    const ids = new Map<string, unknown[]>()
    for (const key of keys) {
      const { collection, id } = documentOf(key)
      const list = ids.get(collection)
      if (list === undefined) ids.set(collection, [id])
      else list.push(id)
    }
    const found = new Map<string, Document>()
    const all = [...ids].map(async ([name, list]) => {
      const uuid = names.get(name)
      if (uuid === undefined) return
      const filter = list.length === 1 ? { _id: list[0] } : { _id: { $in: list } }
      const some = await this.#find({ name, uuid }, { filter, reverse: false, limit: Infinity }, at)
      for (const { key, document } of some) found.set(key, document)
    })
    await Promise.all(all)
    return found
  }

  /** All of a collection, in one read. MongoDB has the kinds of ids in another order than keys have them. */
  async #whole(collection: Named, at: number, reverse: boolean): Promise<readonly Found[]> {
    const found = await this.#find(collection, { filter: {}, reverse, limit: Infinity }, at)
    const sign = reverse ? -1 : 1
    return found.sort((a, b) => sign * compareKeys(a.key, b.key))
  }

  /** A read at exactly a cluster time, of exactly the collection that had the name then. */
  async #find({ name, uuid }: Named, { filter, reverse, limit }: Wanted, at: number): Promise<Found[]> {
    const { db, scope } = this.#ledger
    const shown = scope.filterOf(name)
    const command = {
      find: name,
      collectionUUID: uuid,
      filter: shown === undefined ? filter : { $and: [filter, shown] },
      sort: { _id: reverse ? -1 : 1 },
      batchSize: Math.min(limit + 1, batchMax),
      ...(limit === Infinity ? {} : { limit }),
      readConcern: { level: 'snapshot', atClusterTime: timeOf(at) },
    }
    const documents = await retried(() => db.runCursorCommand(command).toArray() as Promise<Document[]>)
    return documents.flatMap((document) => {
      const key = keyOrWhyNot(name, document['_id'])
      if (typeof key === 'string') return [{ key, document }]
      this.#ledger.unmapped(key)
      return []
    })
  }
}

/** So often a read is tried. */
const triesMax = 4

/** Reads, and again where the connection or the primary was lost: the driver waits for the next one, and the time is the same. */
async function retried<R>(read: () => Promise<R>): Promise<R> {
  for (let round = 1; ; round++) {
    try {
      return await read()
    } catch (error) {
      if (!isPassing(error) || round === triesMax) throw error
    }
  }
}

/** Leaves out the numbers that have no key. */
const noDecimal = { _id: { $not: { $type: 'decimal' } } }

/** Whether a span covers all that a collection can hold. */
function isWhole(collection: string, { lo, hi }: Span): boolean {
  const whole = collectionSpan(collection)
  return compareKeys(lo, whole.lo) <= 0 && (hi === undefined || compareKeys(hi, whole.hi) >= 0)
}
