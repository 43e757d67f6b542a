import type { Clock, Random } from '@fanlight/core'
import { backOffMs, pause } from '@fanlight/core/kit'
import { type ClientSession, type Db, type Document, Long, type Timestamp, type UUID } from 'mongodb'
import { timeOfToken } from './cluster-time.ts'
import { isDead } from './errors.ts'

/** What the change stream tells of one operation. */
export interface ChangeEvent {
  /** The resume token. */
  readonly _id: unknown
  readonly operationType: string
  readonly clusterTime: Timestamp
  readonly ns?: { readonly coll?: string }
  readonly to?: { readonly coll: string }
  readonly collectionUUID?: UUID
  readonly documentKey?: { readonly _id: unknown }
  /** Of a collection that was made. */
  readonly options?: Document
  readonly fullDocument?: Document
  /** Of the whole document, in bytes. */
  readonly size?: number | null
  /** Whether it is the first half of a write that changes nothing, made to hold a document while it is relied on. */
  readonly isLock?: boolean
  /** Whether it is the other half. */
  readonly isUnlock?: boolean
  /** The session of the transaction that it was part of, and which of its transactions it was. */
  readonly lsid?: { readonly id: { toString(encoding: 'hex'): string } }
  readonly txnNumber?: number | bigint
}

/** Everything that happened at one cluster time: one commit. */
export interface Happening {
  readonly time: Timestamp
  readonly events: readonly ChangeEvent[]
}

/** Who listens to the stream. */
export interface StreamHost {
  /** Whole commits, in order, and the time up to which there are no others. */
  came(happenings: readonly Happening[], passed: Timestamp | undefined): void
  /** Whether somebody waits for the stream to come further. */
  isAwaited(): boolean
  /** It is cut, and is opened again after a while. */
  broken(why: unknown): void
  live(): void
  /** It cannot go on from where it was, and has ended. */
  dead(why: unknown): void
}

/** What a stream needs beside its host. */
export interface StreamParts {
  readonly db: Db
  readonly pipeline: readonly Document[]
  readonly clock: Clock
  readonly random: Random
  /** How long the server may wait for something to tell: milliseconds. */
  readonly idleMs: number
}

/** After how long a stream that was cut is opened again. */
const backOff = { firstMs: 50, mostMs: 5_000 }

/** How long the server waits where an answer is needed soon: milliseconds. */
const soonMs = 10

/**
 * The change stream of a database, batch by batch. The driver's own would do but for one thing: that a commit is whole is
 * known only when the stream has passed its time, and the driver does not show where a batch ends.
 *
 * - An event of a later time says that the ones before are whole.
 * - So does a batch that ends with a token of a later time (`postBatchResumeToken`): the server gives it when it has come to
 *   the end of what there is, and a time has one entry in its log.
 * - And so does an empty batch: nothing is left to tell. So after an event the server is asked at once whether there is more.
 */
export class Stream {
  readonly #parts: StreamParts
  readonly #host: StreamHost
  /** Where it started: a time that has passed. The token of an empty stream names it. */
  readonly #start: Timestamp
  /** From where it is opened. */
  #from: Document
  /** What came of a time that has not passed. */
  #pending: { time: Timestamp; events: ChangeEvent[] } | undefined
  readonly #end = new AbortController()
  #running: Promise<void> | undefined

  /** @param after it tells what comes after this time, which has passed; it may tell of this time again */
  constructor(parts: StreamParts, host: StreamHost, after: Timestamp) {
    this.#parts = parts
    this.#host = host
    this.#start = after
    this.#from = { startAtOperationTime: this.#start }
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Ends it; nothing comes any more. */
  async end(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  get #isEnded(): boolean {
    return this.#end.signal.aborted
  }

  async #run(): Promise<void> {
    for (let attempt = 1; !this.#isEnded; attempt++) {
      try {
        await this.#follow(() => (attempt = 0))
      } catch (error) {
        if (this.#isEnded) return
        if (isDead(error)) return this.#host.dead(error)
        this.#host.broken(error)
        const { clock, random } = this.#parts
        await pause(backOffMs(Math.max(1, attempt), backOff, random), clock, this.#end.signal).catch(() => undefined)
      }
    }
  }

  /** Opens it, and takes batch after batch until it ends. */
  async #follow(came: () => void): Promise<void> {
    const { db, pipeline } = this.#parts
    const session = db.client.startSession({ causalConsistency: false })
    let cursor: Document = { id: Long.ZERO }
    try {
      const stages = [{ $changeStream: { showExpandedEvents: true, ...this.#from } }, ...pipeline]
      const { signal } = this.#end
      const opened = await db.command({ aggregate: 1, pipeline: stages, cursor: {} }, { session, signal })
      cursor = opened['cursor'] as Document
      this.#take(cursor, 'firstBatch')
      if (this.#isEnded) return
      this.#host.live()
      while (!this.#isEnded && isOpen(cursor)) {
        cursor = await this.#more(cursor, session)
        this.#take(cursor, 'nextBatch')
        came()
      }
    } finally {
      // Where a getMore was cut, the server ends it, and the cursor with it.
      if (isOpen(cursor) && !this.#isEnded) await this.#kill(cursor, session)
      await session.endSession()
    }
  }

  async #more(cursor: Document, session: ClientSession): Promise<Document> {
    const { db, idleMs } = this.#parts
    const maxTimeMS = this.#pending !== undefined ? 1 : this.#host.isAwaited() ? soonMs : idleMs
    const command = { getMore: cursor['id'] as Long, collection: collectionOf(cursor), maxTimeMS }
    // The server waits for something to tell: who ends the stream does not wait with it.
    const { signal } = this.#end
    return (await db.command(command, { session, signal }))['cursor'] as Document
  }

  async #kill(cursor: Document, session: ClientSession): Promise<void> {
    const command = { killCursors: collectionOf(cursor), cursors: [cursor['id'] as Long] }
    await this.#parts.db.command(command, { session }).catch(() => undefined)
  }

  #take(cursor: Document, name: 'firstBatch' | 'nextBatch'): void {
    if (this.#isEnded) return
    const events = cursor[name] as readonly ChangeEvent[]
    const token: unknown = cursor['postBatchResumeToken'] ?? events.at(-1)?._id
    const whole: Happening[] = []
    const before = this.#pending
    let pending = before === undefined ? undefined : { time: before.time, events: [...before.events] }
    let isOver = false
    for (const event of events) {
      if (pending !== undefined && !event.clusterTime.equals(pending.time)) {
        whole.push(pending)
        pending = undefined
      }
      pending ??= { time: event.clusterTime, events: [] }
      pending.events.push(event)
      isOver ||= event.operationType === 'invalidate'
    }
    const time = timeOfToken(token)
    const isFurther = pending !== undefined && time?.greaterThan(pending.time) === true
    // The first batch is what there was at once; of an empty one nobody says how far it has looked.
    const isAtEnd = isFurther || isOver || (events.length === 0 && name === 'nextBatch')
    if (isAtEnd && pending !== undefined) {
      whole.push(pending)
      pending = undefined
    }
    const passed = isAtEnd && time?.greaterThan(this.#start) === true ? time : whole.at(-1)?.time
    if (whole.length > 0 || passed !== undefined) this.#host.came(whole, passed)
    // Only now: what was not taken is told again.
    this.#pending = pending
    if (token !== undefined) this.#from = { startAfter: token }
  }
}

function isOpen(cursor: Document): boolean {
  return !(cursor['id'] as Long).isZero()
}

/** The part of a namespace behind the name of the database. */
function collectionOf(cursor: Document): string {
  const namespace = cursor['ns'] as string
  return namespace.slice(namespace.indexOf('.') + 1)
}
