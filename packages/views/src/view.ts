import {
  type ChangesOptions,
  type Continued,
  FanlightError,
  type Feed,
  type FeedState,
  type FetchOptions,
  type Query,
  type Snapshot,
  type SourceId,
  type SourceState,
  type Store,
  type Supports,
  type Types,
  type Update,
  type ValueAt,
  type Versions,
  type WaitOptions,
  type WatchOptions,
  isFanlightError,
} from '@fanlight/core'
import {
  BaseStore,
  checkOptions,
  type Difference,
  type Reading,
  type Spans,
  factsOf,
  makeSourceId,
  randomWord,
  reaches,
  readQuery,
  type Soon,
  rescued,
  soon,
} from '@fanlight/core/kit'
import type { AnswerCache, CacheState } from './answer-cache.ts'
import type { Answers, Found } from './answers.ts'
import { FirstState, type Progress } from './first-state.ts'
import { Follower, type Taken } from './follower.ts'
import { isAt } from './path.ts'
import type { ViewSettings } from './settings.ts'
import { partOf, sameState } from './upstream.ts'

const live: SourceState = { status: 'live' }

/** So many entries are read at once where they are kept in memory, and where each part is a commit to a store. */
const memoryPage = 500_000
const storePage = 1_000

/** So often in a row the upstream may forget a point that is being read: then it keeps too little. */
const retriesMax = 16

/** A view: `createView` makes one. */
export class View<T extends Types = { '': unknown }> extends BaseStore<T> {
  readonly supports: Supports
  readonly #upstream: Store
  readonly #ownSource: SourceId
  readonly #kept: Answers
  /** Whether it keeps nothing. */
  readonly #passes: boolean
  readonly #follower: Follower
  readonly #first: FirstState
  readonly #cache: AnswerCache | undefined
  /** Whether there is a state. Until then nothing is reached. */
  #ready = false
  #reached: Versions = {}
  /** Whether the upstream has several. */
  #severalSources = false
  /** The point of which those who wait and follow were told last. */
  #announced: Versions = this.#reached
  /** The point of the feed that `reached` was made of last. */
  #seen: Versions | undefined
  /** The one source that moved in the last steps; undefined: several did at once. */
  #axis: SourceId | undefined
  #oldest: Versions = {}
  #oldestOf: Versions | undefined
  #sources: readonly SourceId[] = []
  #sourcesOf: Versions | undefined
  /** How all sources stand; undefined: as the upstream says. */
  #trouble: SourceState | undefined = { status: 'catching up' }
  #shown: FeedState = {}
  /** Ends each wait, where the view goes on no more. */
  readonly #giveUps = new Set<() => void>()

  constructor(upstream: Store, settings: ViewSettings) {
    super(settings, 'view')
    const { query, into, delayMs = 0 } = settings
    const spans = readQuery(query, this.limits.ranges)
    checkOptions(settings, { delayMs: 'amount', pageSize: 'count' })
    if (settings.pageSize === 0)
      throw new FanlightError('BAD_QUERY', 'pageSize must be a whole number from 1 up, not 0')
    this.#upstream = partOf(upstream, query)
    const definition = settings.definition ?? randomWord(this.random)
    this.#ownSource = makeSourceId('view', definition)
    const { name, clock, random } = this
    const depthMax = this.limits.valueDepth
    const made = settings.answers({ upstream: this.#upstream, definition, name, clock, random, depthMax })
    this.#kept = made.answers
    this.#cache = made.cache
    this.#passes = made.isOnDemand
    const durable = (this.#passes || into?.supports.durable === true) && upstream.supports.durable
    this.supports = { commit: false, guard: 'none', ids: false, single: false, durable }
    const pageSize = settings.pageSize ?? (into === undefined ? memoryPage : storePage)
    this.#first = new FirstState({
      upstream: this.#upstream,
      spans,
      answers: made.answers,
      pageSize,
      progressed: (count) => this.onEvent?.({ type: 'progress', source: this.#source, count }),
    })
    this.#follower = this.#makeFollower(query, delayMs)
    this.#open()
  }

  /** Stands for the function of the view. Who waits for the first state waits for the one that is known by then. */
  get #source(): SourceId {
    return (this.#ready ? this.#kept.source : undefined) ?? this.#ownSource
  }

  /** Those of the upstream, and one that stands for the function of the view: it never moves. */
  get sources(): readonly SourceId[] {
    const { reached } = this
    if (!this.#ready) return [...new Set([...this.#upstream.sources, this.#source])]
    if (this.#sourcesOf !== reached) {
      this.#sourcesOf = reached
      this.#sources = Object.keys(reached)
    }
    return this.#sources
  }

  override get continues(): readonly Continued[] {
    return this.#upstream.continues ?? []
  }

  get oldest(): Versions {
    const { reached } = this
    if (!this.#ready) return reached
    const of = this.#kept.oldest(this.#upstream.oldest)
    // What was kept last may have pushed out what is shown still, for a few microtasks.
    if (!reaches(reached, of)) return reached
    if (this.#oldestOf !== of) {
      this.#oldestOf = of
      this.#oldest = this.#complete(of)
    }
    return this.#oldest
  }

  get reached(): Versions {
    const { clean } = this.#follower
    if (clean !== undefined && clean !== this.#seen) this.#float(clean)
    return this.#reached
  }

  get cache(): CacheState | undefined {
    return this.#cache?.state
  }

  get progress(): Progress {
    return { read: this.#first.read, isWhole: this.#ready }
  }

  override get state(): FeedState {
    const trouble = this.#trouble
    if (trouble !== undefined) return Object.fromEntries(this.sources.map((source) => [source, trouble]))
    return { ...this.#follower.state, [this.#source]: live }
  }

  override '~atHand'(query: Query, options?: FetchOptions): Soon<Snapshot> {
    if (this.#ready && this.#cache !== undefined && typeof query === 'string' && options === undefined) {
      return this.#heldFor(query, this.#cache)
    }
    if (this.#ready) return this.#unlessForgotten(options, () => super['~atHand'](query, options))
    return this.#whenReady(query, options, (rest) => super['~atHand'](query, rest))
  }

  override changes<const Q extends Query>(query: Q, options: ChangesOptions): Promise<Update<ValueAt<T, Q>>> {
    if (this.#ready) return super.changes(query, options)
    return this.#whenReady(query, options, (rest) => super.changes(query, { ...options, ...rest }))
  }

  override watch<const Q extends Query>(query: Q, options: WatchOptions = {}): Feed<ValueAt<T, Q>> {
    return super.watch(query, this.#ready ? options : { ...options, min: { ...options.min, [this.#source]: 0 } })
  }

  protected read(spans: Spans, at: Versions): Soon<Reading> {
    // The feed of an upstream of several sources may not move on by itself: whoever reads makes the view look.
    if (this.#severalSources) this.#follower.heed()
    return this.#unlessOvertaken(() => this.#kept.read(spans, at))
  }

  protected difference(spans: Spans, since: Versions, until: Versions): Soon<Difference> {
    return this.#unlessOvertaken(() => this.#kept.difference(spans, since, until))
  }

  /** The newest answer to one key, which is asked most. */
  #heldFor(key: string, cache: AnswerCache): Soon<Snapshot> {
    const { reached } = this
    const held = this.isClosed ? undefined : cache.snapshotOf(key, reached)
    if (held !== undefined) return held
    const answer = this.#unlessForgotten(undefined, () => super['~atHand'](key))
    if (!(answer instanceof Promise) && isAt(answer.versions, reached)) cache.keep(key, answer, reached)
    return answer
  }

  /** Where the upstream forgot the newest point before it was read there, nothing said which point it was to be. */
  #unlessForgotten<R>(options: FetchOptions | undefined, work: () => Soon<R>, left: number = retriesMax): Soon<R> {
    const { reached } = this
    const lost = (error: unknown): Soon<R> => {
      const isForgotten = left > 0 && options?.max === undefined && isFanlightError(error, 'LOST_IN_FOG')
      if (!this.#passes || !isForgotten) throw error
      const again = (): Soon<R> => this.#unlessForgotten(options, work, left - 1)
      if (this.reached !== reached) return again()
      if (reaches(reached, this.#upstream.oldest)) throw error
      return this.whenMoved().then(again)
    }
    return rescued(work, lost)
  }

  /** Where what is shown is lost, since a state is kept that is not shown yet, that is told when it is: then there is a newer point. */
  #unlessOvertaken<R>(work: () => Soon<R>): Soon<R> {
    return rescued(work, async (error) => {
      const { newest } = this.#kept
      const isOvertaken = newest !== undefined && !reaches(this.#reached, newest)
      if (isOvertaken && isFanlightError(error, 'LOST_IN_FOG')) await this.whenMoved()
      throw error
    })
  }

  protected override whenReached<R>(
    point: Versions,
    options: WaitOptions & Pick<FetchOptions, 'stall'>,
    go: () => R | Promise<R>,
  ): Promise<R> {
    const failed = this.#trouble?.status === 'failed'
    const waited = super.whenReached(point, failed ? { ...options, stall: 'fail' } : options, go)
    if (!failed) this.#follower.heed()
    const blamed = waited.then(undefined, (error: unknown) => this.#blame(error, point))
    if (failed) return blamed
    return new Promise((resolve, reject) => {
      const giveUp = (): void => resolve(this.whenReached(point, options, go))
      const done = (): boolean => this.#giveUps.delete(giveUp)
      this.#giveUps.add(giveUp)
      blamed.finally(done).then(resolve, reject)
    })
  }

  protected override async release(): Promise<void> {
    const { clean } = this.#follower
    if (clean !== undefined) this.#float(clean)
    const stopped = this.#follower.stop()
    await this.#first.stop()
    await stopped
    // The store of the shelf may be closed already: then the next start goes on from the last step.
    await this.#kept.mark().catch(() => undefined)
  }

  /** Waits until there is a state, then asks with the time that is left. */
  #whenReady<R>(query: Query, options: FetchOptions = {}, go: (rest: FetchOptions) => Soon<R>): Promise<R> {
    try {
      this.assertOpen()
      readQuery(query, this.limits.ranges)
      this.refuseAborted(options.signal)
    } catch (error) {
      return Promise.reject(error)
    }
    const { timeoutMs = this.limits.timeoutMs } = options
    const beganMs = this.clock.now()
    return this.whenReached({ [this.#source]: 0 }, options, () =>
      go({ ...options, timeoutMs: Math.max(0, timeoutMs - (this.clock.now() - beganMs)) }),
    )
  }

  /**
   * Where the upstream itself has not reached what was waited for, it knows better who is to blame. Where the view does not
   * follow, it says why.
   */
  async #blame(error: unknown, point: Versions): Promise<never> {
    const { [this.#source]: _, ...wanted } = point
    if (!isFanlightError(error, 'STALLED') || this.isClosed) throw error
    const { status, why } = this.#trouble ?? {}
    if (status === 'failed' || reaches(this.#upstream.reached, wanted)) {
      throw why === undefined ? error : this.#stopped(error, status === 'failed', why)
    }
    const complaint = await this.#follower.complaint(wanted)
    throw isFanlightError(complaint, 'STALLED') ? complaint : error
  }

  /** STALLED with the reason for which the view does not follow. */
  #stopped(stalled: FanlightError, failed: boolean, why: FanlightError): FanlightError {
    const { source = 'the point', wanted = {} } = stalled
    const stands = failed ? 'has failed for good' : 'does not follow at the moment'
    const { cause } = why
    const text = cause instanceof Error ? `. The cause: ${cause.name}: ${cause.message}` : ''
    const message = `${this.name} ${stands}, and has not reached ${source} ${wanted[source] ?? ''}: ${why.message}${text}`
    return new FanlightError('STALLED', message, { ...factsOf(stalled), keys: why.keys, cause: why })
  }

  #makeFollower(query: Query, delayMs: number): Follower {
    const kept = this.#kept
    return new Follower(
      this.#upstream,
      query,
      {
        clock: this.clock,
        random: this.random,
        get held() {
          return kept.newest
        },
        instant: kept.instant,
        awaited: (source) => this.awaited(source),
        apply: (update, at) =>
          soon(kept.apply(update, at), (touched) => {
            this.#tell(update)
            this.#stepped(at, this.#isStraight(at) ? touched : undefined)
          }),
        settle: (at) => this.#settle(at),
        stateMoved: () => this.#stateMoved(),
        troubled: (status, why) => {
          this.#trouble = status === undefined ? undefined : { status, why }
          this.#stateMoved()
          if (status === 'failed') for (const giveUp of this.#giveUps) giveUp()
        },
        reopen: () => this.#open(),
      },
      delayMs,
    )
  }

  /** Finds out what is kept, makes the first state where there is none, and follows on from there. */
  #open(): void {
    const follow = (since: Versions | undefined): void => {
      if (this.isClosed) return
      // A write of which nobody knew whether it came to be did.
      const { newest } = this.#kept
      if (this.#ready && newest !== undefined && !reaches(this.#reached, newest)) this.#stepped(newest, undefined)
      const held = this.#follower.start(since)
      if (held !== undefined) this.#kept.resume(held)
    }
    const start = (found: Found | undefined): Soon<void> => {
      const isThere = found !== undefined && found.rest === undefined
      if (isThere || this.#ready || this.isClosed) return follow(found?.at)
      return this.#first.make(found).then(follow)
    }
    try {
      const started = soon(this.#kept.open(), start)
      if (started instanceof Promise) started.catch((error: unknown) => this.#follower.fail(error))
    } catch (error) {
      this.#follower.fail(error)
    }
  }

  /**
   * Whether what a step left as it was is so in all of the box since the steps before. Where one source moved, and then
   * another, nobody saw the points at which only the other had: there it may be otherwise (L1).
   */
  #isStraight(at: Versions): boolean {
    const [axis, ...others] = Object.keys(at).filter((source) => at[source] !== this.#seen?.[source])
    const before = this.#axis
    if (axis !== undefined) this.#axis = others.length === 0 ? axis : undefined
    return this.#passes || axis === undefined || (others.length === 0 && (before === undefined || before === axis))
  }

  #tell({ replace, folded }: Taken): void {
    if (this.#ready && replace !== undefined) this.onEvent?.({ type: 'reset', source: this.#source })
    else if (folded > 1) this.onEvent?.({ type: 'fold', source: this.#source, count: folded })
  }

  /** There is a state at a point: tells those who wait and follow. */
  #stepped(at: Versions, touched: readonly string[] | undefined): void {
    this.#ready = true
    this.#severalSources = Object.keys(at).length > 1
    this.#seen = at
    this.#announced = this.#reached = this.#complete(at)
    this.advanced(touched)
  }

  /** What is kept is the state at this point too. */
  #settle(at: Versions): void {
    if (!this.#ready) {
      this.#kept.quiet(at)
      this.#stepped(at, [])
      return
    }
    this.#float(at)
    if (this.#announced === this.#reached) return
    this.#announced = this.#reached
    this.advanced([])
  }

  #float(at: Versions): void {
    this.#seen = at
    const { newest } = this.#kept
    if (!this.#ready || newest === undefined || reaches(newest, at) || !reaches(at, newest)) return
    this.#kept.quiet(at)
    this.#reached = this.#complete(at)
  }

  #complete(at: Versions): Versions {
    return { ...at, [this.#source]: 0 }
  }

  #stateMoved(): void {
    const { state } = this
    if (sameState(state, this.#shown)) return
    this.#shown = state
    this.stateChanged()
  }
}
