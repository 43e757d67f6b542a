import { FanlightError } from '@fanlight/core'
import type { CommitId, Versions } from '@fanlight/core'
import { type CommitRequest, otherContent, refuseForgotten } from '@fanlight/core/kit'
import { createHash } from 'node:crypto'
import { BSON, type ClientSession, type Collection, type Document, type Timestamp } from 'mongodb'
import { secondsBefore, timeAfter, timeOf, versionOf } from './cluster-time.ts'
import { isDead, isDuplicate, mongoError } from './errors.ts'
import type { Ledger } from './ledger.ts'

/** What is kept of a commit with an id, in the same transaction: so it is there if, and only if, the commit is. */
interface Mark {
  readonly _id: string
  /** What the commit asked for. */
  readonly content: string
  /** It came after this time. */
  readonly after: Timestamp
  /** When it may be removed. */
  readonly until: Date
}

/** So many versions of marks are held in memory. */
const versionsMax = 100_000

/** How many batches are looked through for the version of a commit of before. */
const batchesMax = 1_000

/** The commit of this id was made meanwhile. */
export class MarkTaken extends Error {}

/** The commits that came with an id, in the collection that the store keeps for itself. */
export class CommitMarks {
  readonly #ledger: Ledger
  readonly #keptSeconds: number
  readonly #collection: Collection<Mark>
  /** What the stream told of marks, oldest first. */
  readonly #versions = new Map<string, number>()
  #prepared: Promise<unknown> | undefined

  /** @param keptSeconds how long marks are kept */
  constructor(ledger: Ledger, keptSeconds: number) {
    this.#ledger = ledger
    this.#keptSeconds = keptSeconds
    this.#collection = ledger.db.collection<Mark>(ledger.scope.own, { writeConcern: { w: 'majority' } })
  }

  /** Lets the server remove marks that are too old. */
  prepare(): Promise<unknown> {
    this.#prepared ??= this.#collection.createIndex({ until: 1 }, { expireAfterSeconds: 0 }).catch((error: unknown) => {
      this.#prepared = undefined
      throw error
    })
    return this.#prepared
  }

  /** The collection is gone, and with it its index. */
  forget(): void {
    this.#prepared = undefined
    this.#versions.clear()
  }

  /** The stream told of a mark. */
  told(id: string, version: number): void {
    if (!id.startsWith(markPrefix)) return
    this.#versions.set(id, version)
    if (this.#versions.size <= versionsMax) return
    for (const oldest of this.#versions.keys()) {
      this.#versions.delete(oldest)
      return
    }
  }

  /**
   * Writes the mark of a commit into its transaction.
   *
   * @throws MarkTaken where there is one
   */
  async write(id: CommitId, request: CommitRequest, session: ClientSession): Promise<void> {
    const { reached } = this.#ledger
    const after = timeOf(reached)
    const until = new Date((after.getHighBitsUnsigned() + this.#keptSeconds) * 1000)
    const mark = { _id: nameOf(id), content: contentOf(request), after, until }
    await this.#collection.insertOne(mark, { session }).catch((error: unknown) => {
      throw isDuplicate(error) ? new MarkTaken() : error
    })
  }

  /** Writes to the collection in a transaction that would change nothing: so that it has a version. */
  async touch(name: string, session: ClientSession): Promise<void> {
    const collection = this.#ledger.db.collection<{ _id: string }>(this.#ledger.scope.own)
    const _id = `touch/${name}`
    await collection.insertOne({ _id }, { session })
    await collection.deleteOne({ _id }, { session })
  }

  /**
   * The version of the commit that came before with the same id; undefined: there was none.
   *
   * @throws BAD_QUERY where it had other content; LOST_IN_FOG, SOURCE_RESET where nobody knows
   */
  async find(id: CommitId, request: CommitRequest): Promise<number | undefined> {
    const found = await this.#collection.findOne({ _id: nameOf(id) }, { readConcern: { level: 'majority' } })
    if (found === null) return undefined
    if (found.content !== contentOf(request)) throw otherContent(id, this.#ledger.name)
    const version = this.#versions.get(nameOf(id)) ?? (await this.#versionSince(found))
    if (version !== undefined) return version
    const message = `commit ${id.number} was applied, but the server does not know any more when: read`
    throw new FanlightError('LOST_IN_FOG', message, { store: this.#ledger.name, wanted: id.born, applied: 'unknown' })
  }

  /**
   * Refuses a commit that may have been applied before what is kept.
   *
   * @throws LOST_IN_FOG, SOURCE_RESET
   */
  refuseForgotten(id: CommitId, resolve: (point: Versions) => Versions): void {
    const { source, name, reached } = this.#ledger
    // The server removes what is over now and then: only half of the time is relied on.
    refuseForgotten(id, source, name, secondsBefore(reached, this.#keptSeconds / 2), resolve)
  }

  /** When a mark was written, from the server's log. */
  async #versionSince({ _id, after }: Mark): Promise<number | undefined> {
    const { db, scope, name } = this.#ledger
    const pipeline = [{ $match: { operationType: 'insert', 'documentKey._id': _id } }]
    const stream = db
      .collection(scope.own)
      .watch(pipeline, { startAtOperationTime: timeAfter(after), maxAwaitTimeMS: 10 })
    try {
      for (let i = 0; i < batchesMax; i++) {
        const event = (await stream.tryNext()) as { clusterTime?: Timestamp } | null
        if (event?.clusterTime !== undefined) return versionOf(event.clusterTime)
      }
      return undefined
    } catch (error) {
      if (isDead(error)) return undefined
      throw mongoError(error, name, { applied: 'unknown' })
    } finally {
      await stream.close()
    }
  }
}

const markPrefix = 'commit/'

function nameOf({ session, number }: CommitId): string {
  return `${markPrefix}${number}/${session}`
}

/** What a commit asked for, as a word. */
function contentOf({ changes }: CommitRequest): string {
  const hash = createHash('sha256')
  const sorted = changes.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  for (const { key, value, gone } of sorted)
    hash.update(BSON.serialize(gone === true ? { key } : { key, value: sortedMembers(value) }))
  return hash.digest('base64url')
}

/** The same value whatever the order of its members. */
function sortedMembers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(sortedMembers)
  const sorted: Document = {}
  for (const name of Object.keys(value).sort()) sorted[name] = sortedMembers((value as Document)[name])
  return sorted
}
