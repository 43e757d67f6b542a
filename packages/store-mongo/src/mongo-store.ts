import {
  type ChangeOf,
  type CommitOptions,
  FanlightError,
  type FeedState,
  type FetchOptions,
  type Query,
  type Snapshot,
  type SourceId,
  type SourceState,
  type Supports,
  type Types,
  type Versions,
  type WritableStore,
  isFanlightError,
} from '@fanlight/core'
import {
  BaseStore,
  aborted,
  onAbort,
  type Difference,
  type HistoryBounds,
  type Reading,
  type Soon,
  type Spans,
  failedCommit,
  historyBounds,
  pause,
  readCommit,
} from '@fanlight/core/kit'
import type { Db, Timestamp } from 'mongodb'
import { Catalog, readCatalog } from './catalog.ts'
import { ChangeLog } from './change-log.ts'
import { secondsBefore, versionOf } from './cluster-time.ts'
import { CommitMarks } from './commit-marks.ts'
import { Committer } from './committer.ts'
import { readSource } from './epoch.ts'
import { isLost, mongoError } from './errors.ts'
import { type Told, eventStages, readEvents } from './events.ts'
import type { Ledger } from './ledger.ts'
import type { MongoStoreOptions } from './options.ts'
import { Reader } from './reader.ts'
import { Scope } from './scope.ts'
import { findUnmapped } from './unmapped.ts'
import { type Happening, Stream, type StreamHost } from './stream.ts'

/** Collections of a MongoDB replica set: `openMongoStore` opens them. */
export interface MongoStore<T extends Types = { '': unknown }> extends WritableStore<T> {}

const live: SourceState = { status: 'live' }

/** How long what was can be read, where the server does not say: seconds. Its default is 300. */
const pastSeconds = 295

/** How often a fetch looks anew, where collections were made or dropped under it. */
const roundsMax = 8

/** The same, as it is made. */
export class MongoDbStore<T extends Types = { '': unknown }> extends BaseStore<T> implements MongoStore<T> {
  readonly supports: Supports = { commit: true, guard: 'keys', ids: true, single: false, durable: true }
  readonly #options: MongoStoreOptions
  readonly #bounds: HistoryBounds
  readonly #ledger: Ledger
  readonly #reader: Reader
  readonly #marks: CommitMarks
  readonly #committer: Committer
  readonly #end: () => Promise<void>
  /** Transactions of which the stream told, and whose commits are shown in a moment. */
  readonly #done: { readonly transaction: string; readonly version: number }[] = []
  #stream: Stream | undefined
  #sources: readonly SourceId[] = []
  #reached: Versions = {}
  #oldest: Versions = {}
  #state: SourceState = { status: 'connecting' }
  /** Documents without a key, until somebody opens the store anew. */
  #unmapped: FanlightError | undefined

  /** @internal */
  constructor(options: MongoStoreOptions, db: Db, end: () => Promise<void>) {
    super(options, 'mongo')
    this.#options = options
    this.#end = end
    this.#bounds = historyBounds(options.history)
    this.#ledger = {
      name: this.name,
      db,
      scope: new Scope(options.collections, options.ownCollection ?? 'fanlight'),
      catalog: new Catalog(),
      unmapped: (error) => {
        if (options.onUnmapped === undefined) throw error
        options.onUnmapped(error)
      },
      source: '',
      log: new ChangeLog(this.#bounds, 0),
      reached: 0,
    }
    this.#reader = new Reader(this.#ledger)
    this.#marks = new CommitMarks(this.#ledger, options.idsKeptSeconds ?? 172_800)
    const host = {
      clock: this.clock,
      random: this.random,
      timeoutMs: this.limits.timeoutMs,
      waitingMax: options.waitingMax ?? 10_000,
      resolve: (point: Versions) => this.resolve(point, 'born'),
      moved: () => this.whenMoved(),
      assertOpen: () => this.assertOpen(),
    }
    this.#committer = new Committer(this.#ledger, host, this.#reader, this.#marks)
  }

  get sources(): readonly SourceId[] {
    return this.#sources
  }

  /** Whichever is later: since when every change is known, or since when the server can be asked what was. */
  get oldest(): Versions {
    const { source, log, reached } = this.#ledger
    const version = Math.max(log.horizon, Math.min(reached, secondsBefore(reached, pastSeconds)))
    if (this.#oldest[source] !== version) this.#oldest = { [source]: version }
    return this.#oldest
  }

  get reached(): Versions {
    return this.#reached
  }

  override get state(): FeedState {
    const { source } = this.#ledger
    const state: SourceState =
      this.#unmapped !== undefined && this.#state.status === 'live'
        ? { status: 'stale', why: this.#unmapped }
        : this.#state
    return { [source]: state }
  }

  /** Reads where the database stands, and follows it from there. Called once. */
  async start(): Promise<void> {
    try {
      await this.#begin(undefined)
    } catch (error) {
      await this.#stream?.end()
      throw error
    }
  }

  override async '~atHand'(query: Query, options: FetchOptions = {}): Promise<Snapshot> {
    const { timeoutMs = this.limits.timeoutMs, signal } = options
    const endMs = this.clock.now() + timeoutMs
    for (let round = 1; ; round++) {
      try {
        const leftMs = Math.max(0, endMs - this.clock.now())
        const answer = super['~atHand'](query, round === 1 ? options : { ...options, timeoutMs: leftMs })
        // The driver does not stop a read: whoever gives it up hears so at once.
        if (signal === undefined && options.timeoutMs === undefined) return await answer
        return await this.#unlessGivenUp(Promise.resolve(answer), leftMs, signal)
      } catch (error) {
        // Where a collection was made or dropped, nothing before that can be read: there is a newer point in a moment.
        const isOver = options.max !== undefined || round === roundsMax || this.clock.now() >= endMs
        if (!isFanlightError(error, 'LOST_IN_FOG') || isOver) throw error
      }
    }
  }

  /**
   * Changes several documents as one: in one transaction.
   *
   * @throws BAD_KEY, BAD_VALUE, BAD_QUERY, CONFLICT, LOST_IN_FOG, SOURCE_RESET, TOO_LARGE, UNSUPPORTED where `guard` has
   *   ranges or keys that are not there, FORBIDDEN, UNAVAILABLE, CLOSED, ABORTED
   */
  async commit(changes: readonly ChangeOf<T>[], options?: CommitOptions): Promise<Versions> {
    const { signal } = options ?? {}
    try {
      this.assertOpen()
      this.refuseAborted(signal)
      const request = readCommit(changes, options, this.limits, (point, what) => this.resolve(point, what))
      const version = await this.#committer.commit(request, signal)
      return { [this.#ledger.source]: version }
    } catch (error) {
      throw failedCommit(error, 'no')
    }
  }

  protected read(spans: Spans, at: Versions): Promise<Reading> {
    return this.#unlessLost(at, this.#reader.read(spans, at[this.#ledger.source] ?? 0))
  }

  protected difference(spans: Spans, since: Versions, until: Versions): Soon<Difference> {
    const { source } = this.#ledger
    const difference = this.#reader.difference(spans, since[source] ?? 0, until[source] ?? 0)
    return difference instanceof Promise ? this.#unlessLost(until, difference) : difference
  }

  protected override async release(): Promise<void> {
    // What is under way ends, and the stream tells when it was.
    await this.#committer.idle()
    await this.#stream?.end()
    await this.#end()
  }

  /** What the server cannot read is lost; before anyone is told so, the stream gets to where it can be read again. */
  async #unlessLost<R>(at: Versions, work: Promise<R>): Promise<R> {
    const { source, name, reached } = this.#ledger
    try {
      return await work
    } catch (error) {
      if (!isLost(error)) throw mongoError(error, name)
      if (this.#ledger.reached <= reached) await this.#moved()
      const message = `${name}: the server cannot read at this time any more: fetch without max, or a later point`
      const facts = { store: name, source, wanted: at, horizon: this.oldest, cause: error }
      throw new FanlightError('LOST_IN_FOG', message, facts)
    }
  }

  /** @throws STALLED when the time is over, ABORTED */
  #unlessGivenUp<R>(work: Promise<R>, leftMs: number, signal: AbortSignal | undefined): Promise<R> {
    return new Promise((resolve, reject) => {
      const deaf =
        signal === undefined ? undefined : onAbort(signal, () => reject(aborted(signal, { store: this.name })))
      const late = (): void => {
        const message = `${this.name}: MongoDB did not answer in time: wait longer, or see to the server`
        reject(new FanlightError('STALLED', message, { store: this.name, source: this.#ledger.source }))
      }
      const stop = leftMs === Infinity ? undefined : this.clock.after(leftMs, late)
      const end = (): void => {
        stop?.()
        deaf?.()
      }
      work.finally(end).then(resolve, reject)
    })
  }

  /** Waits for the stream to come further, and not for ever. */
  async #moved(): Promise<void> {
    let stop: () => void = () => undefined
    const late = new Promise<void>((resolve) => (stop = this.clock.after(this.limits.timeoutMs, resolve)))
    await Promise.race([this.whenMoved(), late])
    stop()
  }

  /** @param dead the source whose history was lost */
  async #begin(dead: SourceId | undefined): Promise<void> {
    const { db, scope, catalog, name } = this.#ledger
    const source = await readSource({ db, own: scope.own, name, random: this.random }, dead)
    const { names, time, refused } = await readCatalog(db, scope, this.clock)
    const version = versionOf(time)
    if (version === undefined) throw crowded(name)
    for (const error of refused) this.#ledger.unmapped(error)
    for (const collection of names.keys()) {
      for (const error of await findUnmapped(db, collection)) this.#ledger.unmapped(error)
    }
    if (this.isClosed) return
    catalog.clear()
    for (const [collection, uuid] of names) catalog.set(collection, uuid, 0)
    this.#ledger.source = source
    this.#sources = [source]
    this.#restartLog(version)
    this.#reach(version)
    this.advanced()
    // What was committed before is told of by no stream any more.
    this.#committer.lost(new FanlightError('UNAVAILABLE', `${name} began anew`, { store: name, applied: 'unknown' }))
    await this.#follow(time)
  }

  /** Follows the database; resolves when the stream is open. */
  #follow(after: Timestamp): Promise<void> {
    const { db, scope } = this.#ledger
    const { clock, random } = this
    const pipeline = [{ $match: scope.events }, ...eventStages]
    const parts = { db, pipeline, clock, random, idleMs: this.#options.idleMs ?? 250 }
    return new Promise((resolve, reject) => {
      const host: StreamHost = {
        came: (happenings, passed) => this.#came(happenings, passed),
        isAwaited: () => this.awaited(this.#ledger.source) !== undefined,
        broken: (why) => {
          reject(mongoError(why, this.name))
          this.#say({ status: 'stale', why: mongoError(why, this.name) })
        },
        live: () => {
          resolve()
          this.#say(live)
        },
        dead: (why) => {
          reject(mongoError(why, this.name))
          void this.#restart(mongoError(why, this.name), this.#ledger.source)
        },
      }
      this.#stream = new Stream(parts, host, after)
      this.#stream.start()
    })
  }

  #came(happenings: readonly Happening[], passed: Timestamp | undefined): void {
    const touched: string[] = []
    let isForgotten = false
    for (const { time, events } of happenings) {
      const version = versionOf(time)
      if (version === undefined) return void this.#restart(crowded(this.name), undefined)
      if (version <= this.#ledger.reached) continue
      const { scope, catalog } = this.#ledger
      const told = readEvents(events, scope, (name) => catalog.has(name))
      if (told.isOver !== 'no') return this.#lookAnew(told.isOver)
      for (const { key } of told.changes) touched.push(key)
      isForgotten = this.#take(told, version) || isForgotten
    }
    const version = passed === undefined ? undefined : versionOf(passed)
    if (passed !== undefined && version === undefined) return void this.#restart(crowded(this.name), undefined)
    if (version === undefined || version <= this.#ledger.reached) return
    this.#reach(version)
    this.advanced(isForgotten ? undefined : touched)
    for (const { transaction, version: at } of this.#done.splice(0)) this.#committer.told(transaction, at)
  }

  /** Collections were renamed, or what the store keeps for itself is another, or gone. */
  #lookAnew(what: 'names' | 'epoch'): void {
    const why = new FanlightError('UNAVAILABLE', `${this.name}: its collections are looked at anew`, {
      store: this.name,
    })
    if (what === 'epoch') this.#marks.forget()
    void this.#restart(why, undefined)
  }

  /** @returns whether everything before is forgotten */
  #take(told: Told, version: number): boolean {
    const { log, catalog } = this.#ledger
    for (const transaction of told.transactions) this.#done.push({ transaction, version })
    for (const id of told.own) this.#marks.told(id, version)
    for (const error of told.unmapped) this.#heedUnmapped(error)
    for (const name of told.dropped) catalog.delete(name)
    for (const { name, uuid } of told.created) catalog.set(name, uuid, version)
    // What a dropped collection held can be read no more, nor is it known what its keys were: the commit is a new beginning.
    if (told.dropped.length > 0) {
      this.#restartLog(version)
      return true
    }
    if (told.changes.length > 0) log.push(told.changes, version, this.clock.now())
    return false
  }

  #restartLog(version: number): void {
    this.#ledger.log = new ChangeLog(this.#bounds, version)
  }

  #reach(version: number): void {
    this.#ledger.reached = version
    this.#reached = { [this.#ledger.source]: version }
  }

  #heedUnmapped(error: FanlightError): void {
    const { onUnmapped } = this.#options
    if (onUnmapped !== undefined) {
      // What the listener throws must not stop the stream: it is thrown where nobody else stands.
      queueMicrotask(() => onUnmapped(error))
      return
    }
    this.#unmapped = error
    this.stateChanged()
  }

  /** Begins anew: what was known is lost. */
  async #restart(why: FanlightError, dead: SourceId | undefined): Promise<void> {
    this.#say({ status: 'stale', why })
    this.#committer.lost(why.withApplied('unknown'))
    this.#done.splice(0)
    void this.#endStream()
    for (let attempt = 1; !this.isClosed; attempt++) {
      try {
        return await this.#begin(dead)
      } catch (error) {
        await this.#endStream()
        this.#say({ status: 'stale', why: mongoError(error, this.name) })
        await pause(Math.min(5_000, 100 * 2 ** attempt), this.clock)
      }
    }
  }

  #endStream(): Promise<void> | undefined {
    const stream = this.#stream
    this.#stream = undefined
    return stream?.end()
  }

  #say(state: SourceState): void {
    if (this.#state.status === 'live' && state.status === 'live') return
    this.#state = state
    this.stateChanged()
  }
}

function crowded(name: string): FanlightError {
  const message = `${name}: MongoDB counted more than 2,097,152 operations in one second of its clock, which was set back: it goes on with the next second`
  return new FanlightError('UNAVAILABLE', message, { store: name })
}
