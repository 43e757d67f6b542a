import { failedCommit } from './base-store.ts'
import { CommitIds } from './commit-ids.ts'
import { type CommitRequest, readCommit } from './commit-request.ts'
import type { Again, Driver, DriverStop, Pushed, Written } from './driver.ts'
import { FanlightError, isFanlightError } from './errors.ts'
import { compareKeys } from './keys/order.ts'
import { type Beginning, TreeStore, type TreeStoreOptions } from './memory/tree-store.ts'
import { everything, readQuery } from './ranges.ts'
import type { Change, ChangeOf, CommitOptions, FeedState, SourceState, Supports, Types, Versions } from './store.ts'
import { diffEntries } from './update.ts'
import { WriteQueue } from './write-queue.ts'

/** How many commits `writeMany` gets at most. */
const batchMax = 1_000

/** How many of its own versions a store remembers, to know them again when the driver tells of them. */
const ownVersionsMax = 10_000

/** How long after a failed reading it is tried once more: milliseconds. */
const rereadMs = 1_000

/** A store that is made of a driver: `defineStore` makes one. */
export class DefinedStore<T extends Types = { '': unknown }> extends TreeStore<T> {
  readonly supports: Supports
  readonly commit?: (changes: readonly ChangeOf<T>[], options?: CommitOptions) => Promise<Versions>
  readonly #driver: Driver
  readonly #stop: DriverStop
  readonly #queue: WriteQueue
  readonly #ids: CommitIds
  readonly #ownVersions = new Set<number>()
  #state: SourceState = { status: 'live' }
  /** What was told while a write is under way: what comes before it, and after it, is known when it has its version. */
  #held: Pushed[] | undefined
  /** Whether the outcome of a write is unknown, so that the copy may not be what the driver holds. */
  #doubtful = false
  #rereading: Promise<void> | undefined
  #cancelReread: (() => void) | undefined

  constructor(driver: Driver, options: TreeStoreOptions, beginning: Beginning, stop: DriverStop) {
    super(options, driver.name, beginning)
    this.#driver = driver
    this.#stop = stop
    const writes = driver.write !== undefined || driver.writeMany !== undefined
    const { single = false, durable = false } = driver
    this.supports = { commit: writes, guard: writes ? 'ranges' : 'none', ids: writes, single, durable }
    this.#ids = new CommitIds(this.source, this.name, this.tree, (point) => this.resolve(point, 'born'))
    this.#queue = new WriteQueue({
      name: this.name,
      batchMax: driver.writeMany === undefined ? 1 : batchMax,
      waitsMax: this.limits.waits,
      ready: () => (this.#doubtful ? this.#certain() : undefined),
      settled: (request, signal) => this.#settledNow(request, signal),
      write: (requests, signals) => this.#write(requests, signals),
      written: (requests, outcomes) => this.#written(requests, outcomes),
      unwritten: (requests, failure) => this.#unwritten(requests, failure),
    })
    if (writes) this.commit = (changes, commitOptions) => this.#commit(changes, commitOptions)
  }

  override get state(): FeedState {
    return { [this.source]: this.#state }
  }

  /**
   * Takes in what the driver told.
   *
   * @throws BAD_KEY, BAD_VALUE where it is no data; BAD_QUERY where its version does not grow
   */
  push(pushed: Pushed): void {
    if (this.isClosed) return
    if (this.#held !== undefined && pushed.version !== undefined) this.#held.push(pushed)
    else this.#take(pushed)
  }

  /** The driver does not hear of changes. */
  fail(why: unknown): void {
    if (this.isClosed) return
    const message = `${this.name} does not hear of changes at the moment: see the cause`
    const error = isFanlightError(why)
      ? why
      : new FanlightError('UNAVAILABLE', message, { store: this.name, cause: why })
    this.#enter({ status: 'stale', why: error })
  }

  protected override async release(): Promise<void> {
    this.#cancelReread?.()
    await this.#queue.idle()
    await this.#stop()
  }

  protected override checked(changes: readonly Change[], options: CommitOptions | undefined): CommitRequest {
    const request = super.checked(changes, options)
    this.#refuseKeys(request.changes)
    this.#driver.check?.(request.changes)
    return request
  }

  #enter(state: SourceState): void {
    if (state.status === this.#state.status && state.why === this.#state.why) return
    this.#state = state
    this.stateChanged()
  }

  #take(pushed: Pushed): void {
    const now = this.tree.version
    const { version } = pushed
    if (version !== undefined && version <= now && this.#isKnown(pushed, version)) return
    const request = this.#requestOf(pushed)
    const touched = request.changes.length > 0
    const next = version ?? (touched ? now + 1 : now)
    if (!Number.isSafeInteger(next) || next < now || (next === now && touched)) {
      const message = `${this.name} was told of version ${next} after ${now}: every change needs a version greater than the last`
      throw new FanlightError('BAD_QUERY', message, { store: this.name, source: this.source })
    }
    if (next > now) this.apply(request, next)
    this.#heard()
  }

  /** Whether what was told is what the store wrote itself, or a whole state that is older than what it knows. */
  #isKnown(pushed: Pushed, version: number): boolean {
    const own = this.#ownVersions.has(version)
    if (own) this.#heard()
    return own || ('entries' in pushed && version < this.tree.version)
  }

  /** The driver hears of changes; that says nothing of a write whose outcome is unknown. */
  #heard(): void {
    if (!this.#doubtful) this.#enter({ status: 'live' })
  }

  #requestOf(pushed: Pushed): CommitRequest {
    const changes = 'changes' in pushed ? pushed.changes : this.#differenceTo(pushed.entries)
    const request = readCommit(changes, undefined, this.limits, (point) => point)
    this.#refuseKeys(request.changes)
    return request
  }

  #differenceTo(entries: Extract<Pushed, { entries: unknown }>['entries']): Change[] {
    const ordered = entries.toSorted((a, b) => compareKeys(a.key, b.key))
    return diffEntries(this.read(readQuery(everything), this.reached).entries, ordered)
  }

  #refuseKeys(changes: readonly Change[]): void {
    const other = this.supports.single ? changes.find(({ key }) => key !== '') : undefined
    if (other === undefined) return
    const message = `${this.name} has one key, '': mount it at exactly ${JSON.stringify(other.key)}`
    throw new FanlightError('BAD_KEY', message, { store: this.name, keys: [other.key] })
  }

  #commit(changes: readonly Change[], options: CommitOptions | undefined): Promise<Versions> {
    let request: CommitRequest
    try {
      request = this.checked(changes, options)
    } catch (error) {
      return Promise.reject(failedCommit(error, 'no'))
    }
    const committed = this.#queue.add(request, options?.signal)
    if (request.id === undefined) return committed
    this.#ids.began(request)
    return committed.finally(() => this.#ids.ended(request))
  }

  #settledNow(request: CommitRequest, signal: AbortSignal | undefined): Versions | undefined {
    this.assertOpen()
    this.refuseAborted(signal)
    if (this.#driver.knowsIds !== true) this.#ids.refuseDoubtful(request)
    return this.settled(this.#ids.isFirst(request) ? { ...request, id: undefined } : request)
  }

  /** The promise of the driver itself: what it resolves with is applied before anything that the driver does after it. */
  #write(
    requests: readonly CommitRequest[],
    signals: readonly (AbortSignal | undefined)[],
  ): Promise<readonly Written[] | Again> {
    const driver = this.#driver
    const at = this.tree.version
    this.#held = []
    const commits = requests.map(({ changes, basis, guard, id, meta }, i) => {
      return { changes, at, basis, guard: guard?.query, id, meta, signal: signals[i] }
    })
    if (driver.writeMany !== undefined) return driver.writeMany(commits)
    const [only] = commits
    if (only === undefined || driver.write === undefined) return Promise.resolve([])
    return Promise.resolve(driver.write(only.changes, only)).then((outcome) =>
      outcome === 'again' ? outcome : [outcome ?? undefined],
    )
  }

  /** Applies what was written, in order with what the driver told meanwhile. */
  #written(requests: readonly CommitRequest[], outcomes: readonly Written[]): readonly (Versions | FanlightError)[] {
    const results = requests.map((request, i) => {
      const outcome = outcomes[i]
      if (isFanlightError(outcome)) return failedCommit(outcome, 'no')
      this.#takeHeld(outcome ?? 0)
      const version = outcome ?? this.tree.version + 1
      if (!Number.isSafeInteger(version) || version <= this.tree.version) {
        const message = `${this.name} wrote version ${version} after ${this.tree.version}: let versions grow`
        throw new FanlightError('BAD_QUERY', message, { store: this.name, source: this.source, applied: 'unknown' })
      }
      this.#remember(version)
      return this.apply(request, version)
    })
    this.#release()
    return results
  }

  #unwritten(requests: readonly CommitRequest[], failure: FanlightError | undefined): void {
    this.#release()
    if (failure === undefined || failure.applied === 'no') return
    for (const request of requests) this.#ids.doubt(request, this.tree.version)
    this.#doubtful = true
    this.fail(failure)
    this.#rereadQuietly()
  }

  /** Takes in what was held and comes before a version. */
  #takeHeld(version: number): void {
    for (let next = this.#held?.[0]; next !== undefined && (next.version ?? 0) < version; next = this.#held?.[0]) {
      this.#held?.shift()
      this.#takeLate(next)
    }
  }

  #release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const pushed of held) this.#takeLate(pushed)
  }

  /** Takes in what the driver told some time ago: it cannot be told any more that it was no data. */
  #takeLate(pushed: Pushed): void {
    try {
      this.#take(pushed)
    } catch (error) {
      this.fail(error)
    }
  }

  #remember(version: number): void {
    this.#ownVersions.add(version)
    if (this.#ownVersions.size <= ownVersionsMax) return
    for (const oldest of this.#ownVersions) {
      this.#ownVersions.delete(oldest)
      return
    }
  }

  async #certain(): Promise<void> {
    try {
      await this.#reread()
    } catch (cause) {
      this.assertOpen()
      const message = `${this.name} does not know what became of a write, and cannot be read: see the cause, and commit again`
      throw new FanlightError('UNAVAILABLE', message, { store: this.name, cause })
    }
  }

  /** Finds out what came of a write: reads everything once more. Until that succeeds, nothing is written. */
  #reread(): Promise<void> {
    this.#cancelReread?.()
    this.#cancelReread = undefined
    this.#rereading ??= this.#rereadOnce().finally(() => {
      this.#rereading = undefined
    })
    return this.#rereading
  }

  async #rereadOnce(): Promise<void> {
    try {
      const reading = await this.#driver.read([everything])
      this.assertOpen()
      if (reading.version !== undefined && reading.version < this.tree.version) {
        throw new FanlightError(
          'UNAVAILABLE',
          `${this.name} was read at a version before what it told: it is read again`,
        )
      }
      this.#doubtful = false
      this.#take(reading)
    } catch (error) {
      if (!this.isClosed) {
        this.#doubtful = true
        this.fail(error)
        this.#cancelReread = this.clock.after(rereadMs, () => this.#rereadQuietly())
      }
      throw error
    }
  }

  #rereadQuietly(): void {
    // What fails is told by the state, and tried once more.
    this.#reread().catch(() => undefined)
  }
}
