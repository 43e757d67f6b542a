import { FanlightError } from '@fanlight/core'
import { type Span, compareKeys } from '@fanlight/core/kit'
import type { Document, RunCommandCursor } from 'mongodb'
import { timeOf } from './cluster-time.ts'
import { documentKey, documentOf } from './keys/document-key.ts'
import { collectionSpan, idRanges } from './keys/id-ranges.ts'
import type { Ledger } from './ledger.ts'

/** A document, under its key. */
export interface Found {
  readonly key: string
  readonly document: Document
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
  async inSpan(collection: string, span: Span, at: number): Promise<readonly Found[]> {
    const { lo, hi, reverse, limit } = span
    if (limit === Infinity && isWhole(collection, span)) return this.#whole(collection, at, reverse)
    const ranges = idRanges(collection, lo, hi)
    const found: Found[] = []
    for (const { filter } of reverse ? ranges.toReversed() : ranges) {
      const most = limit - found.length
      if (most <= 0) break
      found.push(...(await this.#find(collection, { filter, reverse, limit: most }, at)))
    }
    return found
  }

  /** Those of these keys that are there. */
  async ofKeys(keys: readonly string[], at: number): Promise<ReadonlyMap<string, Document>> {
    const ids = new Map<string, unknown[]>()
    for (const key of keys) {
      const { collection, id } = documentOf(key)
      const list = ids.get(collection)
      if (list === undefined) ids.set(collection, [id])
      else list.push(id)
    }
    const found = new Map<string, Document>()
    const all = [...ids].map(async ([collection, list]) => {
      const filter = list.length === 1 ? { _id: list[0] } : { _id: { $in: list } }
      const some = await this.#find(collection, { filter, reverse: false, limit: Infinity }, at)
      for (const { key, document } of some) found.set(key, document)
    })
    await Promise.all(all)
    return found
  }

  /** All of a collection, in one read. MongoDB has the kinds of ids in another order than keys have them. */
  async #whole(collection: string, at: number, reverse: boolean): Promise<readonly Found[]> {
    const found = await this.#find(collection, { filter: {}, reverse, limit: Infinity }, at)
    const sign = reverse ? -1 : 1
    return found.sort((a, b) => sign * compareKeys(a.key, b.key))
  }

  async #find(collection: string, wanted: Wanted, at: number): Promise<Found[]> {
    const cursor = this.#cursor(collection, wanted, at)
    const documents = cursor === undefined ? [] : ((await cursor.toArray()) as Document[])
    return documents.flatMap((document) => {
      try {
        return [{ key: documentKey(collection, document['_id']), document }]
      } catch (error) {
        if (!(error instanceof FanlightError)) throw error
        this.#ledger.unmapped(error)
        return []
      }
    })
  }

  /**
   * A read at exactly a cluster time, of exactly the collection that had the name then.
   *
   * @returns undefined: there was none
   */
  #cursor(collection: string, { filter, reverse, limit }: Wanted, at: number): RunCommandCursor | undefined {
    const { db, catalog, scope } = this.#ledger
    const uuid = catalog.uuidAt(collection, at)
    if (uuid === undefined) return undefined
    const shown = scope.filterOf(collection)
    return db.runCursorCommand({
      find: collection,
      collectionUUID: uuid,
      filter: shown === undefined ? filter : { $and: [filter, shown] },
      sort: { _id: reverse ? -1 : 1 },
      batchSize: Math.min(limit + 1, batchMax),
      ...(limit === Infinity ? {} : { limit }),
      readConcern: { level: 'snapshot', atClusterTime: timeOf(at) },
    })
  }
}

/** Whether a span covers all that a collection can hold. */
function isWhole(collection: string, { lo, hi }: Span): boolean {
  const whole = collectionSpan(collection)
  return compareKeys(lo, whole.lo) <= 0 && (hi === undefined || compareKeys(hi, whole.hi) >= 0)
}
