import { type Clock, FanlightError, type Random, type Versions } from '@fanlight/core'
import { type CommitRequest, backOffMs, conflict, lostBasis, nothingKnown, pause } from '@fanlight/core/kit'
import { type ClientSession, type Document, ReadConcern } from 'mongodb'
import { timeOf } from './cluster-time.ts'
import type { CommitMarks } from './commit-marks.ts'
import { isDuplicate, isLost, isTransient, isUnknownResult, mongoError } from './errors.ts'
import { lockName } from './events.ts'
import { documentOf } from './keys/document-key.ts'
import { KeyLocks } from './key-locks.ts'
import type { Ledger } from './ledger.ts'
import type { Reader } from './reader.ts'
import { documentFrom } from './values.ts'

/** What a committer needs of its store. */
export interface CommitHost {
  readonly clock: Clock
  readonly random: Random
  /** How long a commit is tried: milliseconds. */
  readonly timeoutMs: number
  /** How many may be under way. */
  readonly waitingMax: number
  resolve(point: Versions): Versions
  /** Resolves when the stream has come further. */
  moved(): Promise<void>
  assertOpen(): void
}

/** A write to one collection. */
interface Writes {
  readonly updates: Document[]
  readonly deletes: Document[]
  readonly locks: Document[]
}

/** After how long a transaction that met another one is tried again. */
const backOff = { firstMs: 2, mostMs: 200 }

/** How often a transaction is tried, whatever the clock says. */
const triesMax = 200

/**
 * Commits: one transaction each.
 *
 * That a touched key changed after the basis is found exactly, also where others change it who know nothing of this store:
 * up to where the stream has come the log tells it; and the transaction reads at that very time (`atClusterTime`), so that
 * whatever comes later at its documents is a conflict of the storage engine.
 */
export class Committer {
  readonly #ledger: Ledger
  readonly #host: CommitHost
  readonly #reader: Reader
  readonly #marks: CommitMarks
  readonly #locks = new KeyLocks()
  readonly #underWay = new Set<Promise<unknown>>()
  /** Who waits for the stream to tell of a transaction, by its session. */
  readonly #waiting = new Map<string, { done(version: number): void; failed(why: FanlightError): void }>()

  constructor(ledger: Ledger, host: CommitHost, reader: Reader, marks: CommitMarks) {
    this.#ledger = ledger
    this.#host = host
    this.#reader = reader
    this.#marks = marks
  }

  /** @returns the version of the commit */
  commit(request: CommitRequest, signal: AbortSignal | undefined): Promise<number> {
    const { id } = request
    const { size } = this.#underWay
    if (size >= this.#host.waitingMax) {
      throw new FanlightError('TOO_MANY', `${size} commits are under way already: await some, or raise waitingMax`)
    }
    const keys = [...request.changes.map(({ key }) => key), ...guarded(request)]
    const writes = this.#writes(request)
    // Those of this process wait for each other, rather than to meet in the server again and again.
    const names = id === undefined ? keys : [...keys, `\0${id.number}/${id.session}`]
    const done = this.#locks.hold(names, () => this.#try(request, keys, writes, signal))
    const ended = done.then(ignore, ignore)
    this.#underWay.add(ended)
    void ended.then(() => this.#underWay.delete(ended))
    return done
  }

  /** Resolves when no commit is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  /** The stream told of the transaction of a session. */
  told(session: string, version: number): void {
    this.#waiting.get(session)?.done(version)
  }

  /** The stream lost its place: what it would have told is not known. */
  lost(why: FanlightError): void {
    for (const waiting of this.#waiting.values()) waiting.failed(why)
  }

  async #try(
    request: CommitRequest,
    keys: readonly string[],
    writes: ReadonlyMap<string, Writes>,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const { clock, random, timeoutMs } = this.#host
    const endMs = clock.now() + timeoutMs
    for (let attempt = 1; ; attempt++) {
      this.#host.assertOpen()
      const settled = await this.#settle(request, keys)
      if (settled !== undefined) return settled
      try {
        return await this.#transact(request, writes)
      } catch (error) {
        const again = isTransient(error) || isLost(error) || (request.id !== undefined && isDuplicate(error))
        if (!again || attempt === triesMax || clock.now() >= endMs) throw this.#failed(error)
        // What it met is known when the stream has told of it.
        await Promise.race([this.#host.moved(), pause(backOffMs(attempt, backOff, random), clock, signal)])
      }
    }
  }

  /**
   * Decides on a commit by what is known: the id first, since a retry must not meet its own effect as a conflict.
   *
   * @returns the version of the commit that came before with the same id
   */
  async #settle(request: CommitRequest, keys: readonly string[]): Promise<number | undefined> {
    const { id, basis } = request
    const { log, name, source, reached } = this.#ledger
    if (id !== undefined) {
      const version = await this.#marks.find(id, request)
      if (version !== undefined) return version
      this.#marks.refuseForgotten(id, (point) => this.#host.resolve(point))
    }
    if (basis === undefined) return undefined
    const since = basis[source] ?? nothingKnown
    const changed = log.changedAfter(since, keys)
    const isUnknown = since === nothingKnown
    if (isUnknown) {
      for (const key of await this.#reader.present(keys, reached)) if (!changed.includes(key)) changed.push(key)
    }
    if (changed.length > 0) throw conflict(changed, name, isUnknown ? source : undefined)
    if (since < log.horizon && keys.length > 0) throw lostBasis(name, source, since, log.horizon)
    return undefined
  }

  async #transact(request: CommitRequest, writes: ReadonlyMap<string, Writes>): Promise<number> {
    const { db, reached } = this.#ledger
    // An index cannot be made in a transaction.
    if (request.id !== undefined) await this.#marks.prepare()
    const session = db.client.startSession({ causalConsistency: false })
    try {
      const snapshot = new ReadConcern('snapshot')
      // The driver hands a read concern on as it is.
      if (request.basis !== undefined) Object.assign(snapshot, { atClusterTime: timeOf(reached) })
      session.startTransaction({ readConcern: snapshot, writeConcern: { w: 'majority' } })
      const name = session.id?.id.toString('hex') ?? ''
      let count = 0
      for (const [collection, own] of writes) count += await this.#write(collection, own, session)
      if (request.id !== undefined) await this.#marks.write(request.id, request, session)
      else if (count === 0) await this.#marks.touch(name, session)
      return await this.#end(session, name)
    } catch (error) {
      if (session.inTransaction()) await session.abortTransaction().catch(() => undefined)
      throw error
    } finally {
      await session.endSession()
    }
  }

  /** @returns how many documents are other than before */
  async #write(collection: string, { updates, deletes, locks }: Writes, session: ClientSession): Promise<number> {
    const { db, name } = this.#ledger
    let count = 0
    for (const lock of locks) {
      const { n } = await db.command({ update: collection, updates: [{ q: lock, u: lockOn }] }, { session })
      if (n === 0) throw absentGuard(name)
      await db.command({ update: collection, updates: [{ q: lock, u: lockOff }] }, { session })
      count++
    }
    if (updates.length > 0) {
      const { nModified, upserted } = await db.command({ update: collection, updates }, { session })
      count += Number(nModified) + (Array.isArray(upserted) ? upserted.length : 0)
    }
    if (deletes.length > 0) count += Number((await db.command({ delete: collection, deletes }, { session }))['n'])
    return count
  }

  /** Commits, and waits until the stream tells of it: only its own event says when it was. */
  async #end(session: ClientSession, name: string): Promise<number> {
    const { clock, timeoutMs } = this.#host
    const told = new Promise<number>((done, failed) => this.#waiting.set(name, { done, failed }))
    told.catch(() => undefined)
    let stop: () => void = () => undefined
    try {
      const endMs = clock.now() + timeoutMs
      for (let attempt = 1; ; attempt++) {
        try {
          await session.commitTransaction()
          break
        } catch (error) {
          if (!isUnknownResult(error)) throw error
          if (attempt === triesMax || clock.now() >= endMs) throw this.#unknown(error)
          await pause(backOffMs(attempt, backOff, this.#host.random), clock)
        }
      }
      const late = new Promise<never>((_, reject) => {
        stop = clock.after(timeoutMs, () => reject(this.#unknown(new Error('the change stream does not tell of it'))))
      })
      return await Promise.race([told, late])
    } finally {
      stop()
      this.#waiting.delete(name)
    }
  }

  #unknown(cause: unknown): FanlightError {
    const message = `${this.#ledger.name} does not know whether the commit was applied: commit with an id, and try it again`
    return new FanlightError('UNAVAILABLE', message, { store: this.#ledger.name, applied: 'unknown', cause })
  }

  #failed(error: unknown): FanlightError {
    return mongoError(error, this.#ledger.name, { applied: 'no' })
  }

  /** What is written to each collection. */
  #writes(request: CommitRequest): ReadonlyMap<string, Writes> {
    const { scope } = this.#ledger
    const writes = new Map<string, Writes>()
    const of = (key: string): { own: Writes; _id: unknown } => {
      const { collection, id } = documentOf(key)
      if (!scope.has(collection)) throw badCollection(key, collection)
      let own = writes.get(collection)
      if (own === undefined) writes.set(collection, (own = { updates: [], deletes: [], locks: [] }))
      return { own, _id: id }
    }
    for (const { key, value, gone } of request.changes) {
      const { own, _id } = of(key)
      if (gone === true) own.deletes.push({ q: { _id }, limit: 1 })
      else own.updates.push({ q: { _id }, u: documentFrom(value, key), upsert: true })
    }
    const changed = new Set(request.changes.map(({ key }) => key))
    for (const key of guarded(request)) {
      if (changed.has(key)) continue
      const { own, _id } = of(key)
      own.locks.push({ _id })
    }
    return writes
  }
}

function ignore(): void {
  // How it ended is for whoever made the commit.
}

/** Holds a document for the transaction, as only a write does; the second write takes back what the first one put there. */
const lockOn = { $set: { [lockName]: true } }
const lockOff = { $unset: { [lockName]: true } }

/**
 * The keys in a guard.
 *
 * @throws UNSUPPORTED for ranges
 */
function guarded({ guard }: CommitRequest): string[] {
  return (guard?.list ?? []).map(({ lo, hi }) => {
    if (hi === `${lo}\0`) return lo
    throw new FanlightError('UNSUPPORTED', 'MongoDB cannot guard ranges, only single keys that are there', {
      applied: 'no',
    })
  })
}

function absentGuard(store: string): FanlightError {
  return new FanlightError('UNSUPPORTED', 'MongoDB cannot guard a key that is not there: put something there', {
    store,
    applied: 'no',
  })
}

function badCollection(key: string, collection: string): FanlightError {
  const message = `${JSON.stringify(key)}: the store does not show the collection ${collection}: name it in \`collections\``
  return new FanlightError('BAD_KEY', message, { keys: [key], applied: 'no' })
}
