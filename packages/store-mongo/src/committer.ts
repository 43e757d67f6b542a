import { type Clock, FanlightError, type Random, type Versions } from '@fanlight/core'
import {
  type CommitRequest,
  aborted,
  backOffMs,
  conflict,
  lostBasis,
  nothingKnown,
  onAbort,
  pause,
  randomWord,
} from '@fanlight/core/kit'
import { type ClientSession, ReadConcern } from 'mongodb'
import { timeOf } from './cluster-time.ts'
import { type CommitMarks, MarkTaken } from './commit-marks.ts'
import { isAnswered, isLost, isTransient, mongoError } from './errors.ts'
import { transactionName } from './events.ts'
import { KeyLocks } from './key-locks.ts'
import type { Ledger } from './ledger.ts'
import type { Reader } from './reader.ts'
import { CannotHold, type Writes, guardedKeys, readWrites, write } from './writes.ts'

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

/** One commit, on its way. */
interface Attempt {
  readonly request: CommitRequest
  /** Those that are touched, and those that are guarded. */
  readonly keys: readonly string[]
  readonly writes: readonly Writes[]
  readonly signal: AbortSignal | undefined
  /** Whether something of it may have reached the server. */
  isWriting: boolean
  /** Whether a delete of what is not there meets whoever puts something there at the same time. */
  holdsAbsent: boolean
}

/** After how long a transaction that met another one is tried again. */
const backOff = { firstMs: 2, mostMs: 200 }

/** So often it is tried again without a pause: most of those that it meets are over by then, and the server is asked anyway. */
const roundsAtOnce = 3

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
  /** Who waits for the stream to tell of a transaction, by its name. */
  readonly #waiting = new Map<string, { done(version: number): void; failed(why: FanlightError): void }>()

  constructor(ledger: Ledger, host: CommitHost, reader: Reader, marks: CommitMarks) {
    this.#ledger = ledger
    this.#host = host
    this.#reader = reader
    this.#marks = marks
  }

  /** @returns the version of the commit */
  commit(request: CommitRequest, signal: AbortSignal | undefined): Promise<number> {
    const { size } = this.#underWay
    if (size >= this.#host.waitingMax) {
      throw new FanlightError('TOO_MANY', `${size} commits are under way already: await some, or raise waitingMax`)
    }
    const { id } = request
    const keys = [...request.changes.map(({ key }) => key), ...guardedKeys(request)]
    const attempt: Attempt = {
      request,
      keys,
      writes: readWrites(request, this.#ledger),
      signal,
      isWriting: false,
      holdsAbsent: true,
    }
    // Those of this process wait for each other, rather than to meet in the server again and again.
    const names = id === undefined ? keys : [...keys, `\0${id.number}/${id.session}`]
    const done = this.#locks.hold(names, () => this.#try(attempt))
    const ended = done.then(ignore, ignore)
    this.#underWay.add(ended)
    void ended.then(() => this.#underWay.delete(ended))
    return signal === undefined ? done : unlessAborted(done, signal, attempt)
  }

  /** Resolves when no commit is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  /** The stream told of a transaction. */
  told(name: string, version: number): void {
    this.#waiting.get(name)?.done(version)
  }

  /** The stream lost its place: what it would have told is not known. */
  lost(why: FanlightError): void {
    for (const waiting of this.#waiting.values()) waiting.failed(why)
  }

  async #try(attempt: Attempt): Promise<number> {
    const { clock, random, timeoutMs } = this.#host
    const { signal } = attempt
    const endMs = clock.now() + timeoutMs
    for (let round = 1; ; round++) {
      this.#host.assertOpen()
      if (signal?.aborted === true) throw aborted(signal, { store: this.#ledger.name, applied: 'no' })
      const { before, reached } = await this.#settle(attempt)
      if (before !== undefined) return before
      try {
        return await this.#transact(attempt, reached)
      } catch (error) {
        attempt.isWriting = false
        if (error instanceof CannotHold && attempt.request.basis === undefined) {
          // Nobody asked whether it stays so.
          attempt.holdsAbsent = false
          continue
        }
        const again = isTransient(error) || isLost(error) || error instanceof MarkTaken
        if (!again || round === triesMax || clock.now() >= endMs) {
          throw mongoError(error, this.#ledger.name, { applied: 'no' })
        }
        if (round <= roundsAtOnce) continue
        // What it met is known when the stream has told of it.
        const pauseMs = backOffMs(round - roundsAtOnce, backOff, random)
        await Promise.race([this.#host.moved(), pause(pauseMs, clock, signal)])
      }
    }
  }

  /**
   * Decides on a commit by what is known: the id first, since a retry must not meet its own effect as a conflict.
   *
   * @returns `before`: the version of the commit that came before with the same id; else up to where its conditions hold
   */
  async #settle({ request, keys }: Attempt): Promise<{ before?: number | undefined; reached: number }> {
    const { id, basis } = request
    if (id !== undefined) {
      const before = await this.#marks.find(id, request).catch((error: unknown) => {
        // Whether it came before is what nobody can say now.
        throw mongoError(error, this.#ledger.name, { applied: 'unknown' })
      })
      if (before !== undefined) return { before, reached: 0 }
      this.#marks.refuseForgotten(id, (point) => this.#host.resolve(point))
    }
    if (basis === undefined) return { reached: this.#ledger.reached }
    const since = basis[this.#ledger.source] ?? nothingKnown
    const isUnknown = since === nothingKnown
    const there = isUnknown ? await this.#reader.present(keys, this.#ledger.reached) : []
    // From here on in one turn: the log and how far it goes belong together.
    const { log, name, source, reached } = this.#ledger
    const changed = [...new Set([...log.changedAfter(since, keys), ...there])]
    if (changed.length > 0) throw conflict(changed, name, isUnknown ? source : undefined)
    if (since < log.horizon && keys.length > 0) throw lostBasis(name, source, since, log.horizon)
    return { reached }
  }

  async #transact(attempt: Attempt, reached: number): Promise<number> {
    const { request, writes } = attempt
    const { id, basis } = request
    const { db } = this.#ledger
    // An index cannot be made in a transaction.
    if (id !== undefined) await this.#marks.prepare()
    const session = db.client.startSession({ causalConsistency: false })
    try {
      const snapshot = new ReadConcern('snapshot')
      // The driver hands a read concern on as it is.
      if (basis !== undefined) Object.assign(snapshot, { atClusterTime: timeOf(reached) })
      session.startTransaction({ readConcern: snapshot, writeConcern: { w: 'majority' }, readPreference: 'primary' })
      const count = await write(writes, attempt.holdsAbsent, this.#ledger, session)
      if (id !== undefined) await this.#marks.write(id, request, session)
      else if (count === 0) await this.#marks.touch(randomWord(this.#host.random), session)
      attempt.isWriting = true
      // The number is given with the first command.
      const { id: serverId, txnNumber } = session.serverSession
      const name = transactionName(serverId.id, txnNumber)
      return await this.#end(session, name)
    } catch (error) {
      if (session.inTransaction()) await session.abortTransaction().catch(ignore)
      throw error
    } finally {
      await session.endSession()
    }
  }

  /** Commits, and waits until the stream tells of it: only its own event says when it was. */
  async #end(session: ClientSession, name: string): Promise<number> {
    const { clock, timeoutMs } = this.#host
    const told = new Promise<number>((done, failed) => this.#waiting.set(name, { done, failed }))
    told.catch(ignore)
    let stop: () => void = ignore
    try {
      await this.#endTransaction(session)
      const late = new Promise<never>((_, reject) => {
        stop = clock.after(timeoutMs, () => reject(this.#unknown(new Error('the change stream does not tell of it'))))
      })
      return await Promise.race([told, late])
    } finally {
      stop()
      this.#waiting.delete(name)
    }
  }

  async #endTransaction(session: ClientSession): Promise<void> {
    const { clock, random, timeoutMs } = this.#host
    const endMs = clock.now() + timeoutMs
    for (let round = 1; ; round++) {
      try {
        return await session.commitTransaction()
      } catch (error) {
        if (isAnswered(error)) throw error
        if (round === triesMax || clock.now() >= endMs) throw this.#unknown(error)
        await pause(backOffMs(round, backOff, random), clock)
      }
    }
  }

  #unknown(cause: unknown): FanlightError {
    const message = `${this.#ledger.name} does not know whether the commit was applied: commit with an id, and try it again`
    return new FanlightError('UNAVAILABLE', message, { store: this.#ledger.name, applied: 'unknown', cause })
  }
}

/** Whoever gives a commit up hears so at once, and whether it may be applied all the same. */
function unlessAborted(done: Promise<number>, signal: AbortSignal, attempt: Attempt): Promise<number> {
  return new Promise((resolve, reject) => {
    const deaf = onAbort(signal, () => {
      reject(aborted(signal, { applied: attempt.isWriting ? 'unknown' : 'no' }))
    })
    done.finally(deaf).then(resolve, reject)
  })
}

function ignore(): void {
  // How it ended is for whoever made the commit.
}
