import type { AtHand } from './at-hand.ts'
import { onAbort } from './on-abort.ts'
import { type Clock, type Random, type Seams, systemClock, systemRandom } from './ambient.ts'
import { checkOption, checkOptions } from './check-options.ts'
import { FanlightError, aborted, closed, isFanlightError } from './errors.ts'
import { type FeedHost, StoreFeed } from './feeds/feed.ts'
import { FeedRegistry } from './feeds/feed-registry.ts'
import type { Followed } from './feeds/followed.ts'
import { Waiters } from './feeds/waiters.ts'
import { type Limits, checkLimits } from './limits.ts'
import { type Spans, readQuery } from './ranges.ts'
import type { Difference, Reading } from './reading.ts'
import { type Soon, promised, soon } from './soon.ts'
import type {
  ChangesOptions,
  Continued,
  EventListener,
  Feed,
  FeedState,
  FetchOptions,
  Query,
  Snapshot,
  SourceId,
  SourceState,
  Stall,
  Store,
  Supports,
  Types,
  Update,
  ValueAt,
  Versions,
  WaitOptions,
  WatchOptions,
} from './store.ts'
import { checkVersions, firstBehind, reaches, resolvePoint } from './versions.ts'

/** What every store that is built on `BaseStore` takes. */
export interface BaseOptions extends Seams {
  /** The name of the store: in its source id and in errors. */
  readonly name?: string | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Hears of stalls, folds and resets. Default: nobody does. */
  readonly onEvent?: EventListener | undefined
}

const live: SourceState = { status: 'live' }

/** What an asker may say of a wait. */
const stalls: readonly (Stall | undefined)[] = ['wait', 'fail', 'older', undefined]

/**
 * What stores have in common: it checks what is asked, waits, follows and closes, so that a store has to say only what its
 * state is at a point, and what differs between two points.
 *
 * A store that extends it calls `advanced` after its state and `reached` moved, in the same turn.
 */
export abstract class BaseStore<T extends Types = { '': unknown }> implements Store<T>, AtHand {
  declare readonly '~types'?: T
  readonly name: string
  protected readonly clock: Clock
  protected readonly random: Random
  protected readonly limits: Limits
  protected readonly onEvent: EventListener | undefined
  readonly #feeds: FeedRegistry
  readonly #waiters = new Waiters()
  /** Wait for the next advance. */
  readonly #movers: (() => void)[] = []
  #isEnded = false
  readonly #host: FeedHost
  #closing: Promise<void> | undefined
  #before: Versions | undefined

  constructor(options: BaseOptions, name: string) {
    this.name = options.name ?? name
    this.clock = options.clock ?? systemClock
    this.random = options.random ?? systemRandom
    this.limits = checkLimits(options.limits)
    checkOptions(options, { onEvent: 'function' })
    this.onEvent = options.onEvent
    this.#feeds = new FeedRegistry(this.random, this.limits.feeds, {
      began: ({ spans, signature }) => this.followed?.(spans, signature),
      ended: ({ spans, signature }) => this.unfollowed?.(spans, signature),
    })
    this.#host = this.#hostOfFeeds()
  }

  abstract readonly sources: readonly SourceId[]
  abstract readonly supports: Supports
  abstract readonly oldest: Versions
  /** The same object until the store advances: points are compared by identity first. */
  abstract readonly reached: Versions

  get continues(): readonly Continued[] {
    return []
  }

  get state(): FeedState {
    return Object.fromEntries(this.sources.map((source) => [source, live]))
  }

  /**
   * The point that feeds can step to. Default `reached`; a store that is told elsewhere what changes may know how far that is
   * before it has been told.
   */
  protected get fed(): Versions {
    return this.reached
  }

  /** From where on feeds can be told what changed. Default `oldest`. */
  protected get fedSince(): Versions {
    return this.oldest
  }

  /** The answer at exactly `at`, a complete point between `oldest` and `reached`. */
  protected abstract read(spans: Spans, at: Versions): Soon<Reading>

  /** What differs between the answers at two complete points, `oldest` <= `since` <= `until` <= `reached`. */
  protected abstract difference(spans: Spans, since: Versions, until: Versions): Soon<Difference>

  /** Lets go of what the store holds; called once. */
  protected release(): Promise<void> {
    return Promise.resolve()
  }

  fetch<const Q extends Query>(query: Q, options?: FetchOptions): Promise<Snapshot<ValueAt<T, Q>>> {
    return promised(() => this['~atHand'](query, options)) as Promise<Snapshot<ValueAt<T, Q>>>
  }

  /** Answers for `fetch` and for routers: whoever extends a store in how it answers overrides this, and has both. */
  '~atHand'(query: Query, options?: FetchOptions): Soon<Snapshot> {
    this.assertOpen()
    const spans = readQuery(query, this.limits.ranges)
    if (options === undefined) return this.answer(spans, this.reached)
    this.refuseAborted(options.signal)
    return this.#fetch(spans, options)
  }

  changes<const Q extends Query>(query: Q, options: ChangesOptions): Promise<Update<ValueAt<T, Q>>> {
    return promised(() => {
      this.assertOpen()
      const spans = readQuery(query, this.limits.ranges)
      if (typeof options !== 'object' || options === null) {
        throw new FanlightError('BAD_QUERY', 'changes needs to know since when: { since: versions }')
      }
      this.refuseAborted(options.signal)
      return this.#changesOf(spans, options)
    }) as Promise<Update<ValueAt<T, Q>>>
  }

  watch<const Q extends Query>(query: Q, options: WatchOptions = {}): Feed<ValueAt<T, Q>> {
    this.assertOpen()
    checkOption('stall', options.stall, stalls)
    return new StoreFeed(this.#host, readQuery(query, this.limits.ranges), options) as Feed as Feed<ValueAt<T, Q>>
  }

  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    let settle: (value: void | Promise<void>) => void = () => undefined
    this.#closing = new Promise((resolve) => (settle = resolve))
    this.endAll(closed(this.name, { store: this.name }))
    settle(this.release())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Whether `close` was called. */
  protected get isClosed(): boolean {
    return this.#closing !== undefined
  }

  protected assertOpen(): void {
    if (this.#closing !== undefined) throw closed(this.name, { store: this.name })
  }

  protected refuseAborted(signal: AbortSignal | undefined): void {
    if (signal?.aborted === true) throw aborted(signal, { store: this.name })
  }

  /**
   * The state and `reached` moved: wakes the feeds that the keys touch, and everyone who waits for this point.
   *
   * @param keys the keys whose values may have changed; absent: any, be it only for a while in between
   */
  protected advanced(keys?: Iterable<string>): void {
    this.#advance((before, reached) => this.#feeds.mark(keys, before, reached))
  }

  /**
   * The same, for a store that is told which queries are touched: more than the keys say, where a value changed and changed back.
   *
   * @param signatures those of `followed`
   */
  protected advancedIn(signatures: Iterable<string>): void {
    this.#advance((before, reached) => this.#feeds.markQueries(signatures, before, reached))
  }

  /** Feeds of these spans came: for a store that has to ask elsewhere for what changes in them. */
  protected followed?(spans: Spans, signature: string): void

  /** The last feed of these spans went. */
  protected unfollowed?(spans: Spans, signature: string): void

  /**
   * Ends feeds for good, with an error that names a store: without one it would read as an end by their holders.
   *
   * @param signature those of one query, as `followed` names it; absent: all
   */
  protected endFeeds(why: FanlightError, signature?: string): void {
    for (const feed of signature === undefined ? this.#feeds.all() : this.#feeds.of(signature)) feed.end(why)
  }

  /** Whether every feed of a query was taken from up to a point, or nothing was missing up to there. */
  protected allHold(signature: string, point: Versions): boolean {
    return this.#feeds.of(signature).every(({ versions }) => reaches(versions, point))
  }

  /** Ends all feeds, and all waits with what `assertOpen` throws from now on: for a store that ended before it was closed. */
  protected endAll(why: FanlightError): void {
    this.#isEnded = true
    this.endFeeds(why)
    this.#waiters.releaseAll()
    this.#tellMoved()
  }

  /** Resolves when the store advances, or ends: for a read that lost its point because the store is further than it shows yet. */
  protected whenMoved(): Promise<void> {
    if (this.#isEnded) return Promise.resolve()
    return new Promise((resolve) => this.#movers.push(resolve))
  }

  /** The state of a source changed: tells every feed. */
  protected stateChanged(): void {
    for (const feed of this.#feeds.all()) feed.ring()
  }

  /** The least version of a source that somebody waits for, so that a store that steps can stop there. */
  protected awaited(source: SourceId): number | undefined {
    return this.#waiters.next(source)
  }

  /** A point from elsewhere, in the present sources. */
  protected resolve(point: Versions, what: string): Versions {
    return resolvePoint(checkVersions(point, what), this.sources, this.continues)
  }

  /** How far a point is behind what the store reached. */
  protected behind(at: Versions): Versions {
    const { reached } = this
    const behind: Record<SourceId, number> = {}
    for (const source of Object.keys(at)) behind[source] = Math.max(0, (reached[source] ?? 0) - (at[source] ?? 0))
    return behind
  }

  /** The answer at a point, with all that a snapshot says. */
  protected answer(spans: Spans, at: Versions): Soon<Snapshot> {
    const reading = this.read(spans, at)
    return reading instanceof Promise ? reading.then((found) => this.#snapshot(found)) : this.#snapshot(reading)
  }

  /**
   * Waits until the store reached a point, then goes on in the same turn.
   *
   * @throws STALLED when the time is over or `stall` is 'fail'; ABORTED; CLOSED; TOO_MANY
   */
  protected whenReached<R>(
    point: Versions,
    options: WaitOptions & { readonly stall?: Stall | undefined },
    go: () => Soon<R>,
  ): Promise<R> {
    const { signal, stall, timeoutMs = this.limits.timeoutMs } = options
    try {
      checkOption('stall', stall, stalls)
      checkOption('timeoutMs', timeoutMs, 'amount')
    } catch (error) {
      return Promise.reject(error)
    }
    if (stall === 'fail') return Promise.reject(this.#stalled(point))
    if (this.#waiters.size >= this.limits.waits) {
      return Promise.reject(
        new FanlightError('TOO_MANY', `${this.#waiters.size} askers wait already: raise limits.waits`),
      )
    }
    const began = this.clock.now()
    // When it has been reached, nothing tells any more what was waited for.
    const source = this.onEvent === undefined ? undefined : firstBehind(this.reached, point)
    return new Promise((resolve, reject) => {
      let deaf: (() => void) | undefined
      const run = (): void => {
        finish()
        try {
          this.assertOpen()
          resolve(go())
        } catch (error) {
          reject(error)
        }
      }
      const fail = (error: FanlightError): void => {
        cancel()
        finish()
        reject(error)
      }
      const heard = (): void => fail(aborted(signal as AbortSignal, { store: this.name }))
      const finish = (): void => {
        stopTimer?.()
        deaf?.()
        this.onEvent?.({ type: 'stall', source, ms: this.clock.now() - began })
      }
      const stopTimer =
        timeoutMs === Infinity ? undefined : this.clock.after(timeoutMs, () => fail(this.#stalled(point)))
      const cancel = this.#waiters.add(point, this.fed, run)
      if (signal?.aborted === true) heard()
      else if (signal !== undefined) deaf = onAbort(signal, heard)
    })
  }

  /** Answers once `min` is reached; looks anew then, since a source may be gone by that time. */
  #fetch(spans: Spans, options: FetchOptions): Soon<Snapshot> {
    const min = options.min === undefined ? undefined : this.resolve(options.min, 'min')
    const max = options.max === undefined ? undefined : this.resolve(options.max, 'max')
    if (min !== undefined && max !== undefined) refuseUpsideDown(min, max)
    if (min === undefined || reaches(this.reached, min)) return this.answer(spans, this.#within(max))
    return this.whenReached(min, options, () => this.#fetch(spans, options))
  }

  #changesOf(spans: Spans, options: ChangesOptions): Soon<Update> {
    const since = this.resolve(options.since, 'since')
    const until = options.until === undefined ? undefined : this.resolve(options.until, 'until')
    if (until !== undefined) refuseUpsideDown(since, until)
    const least = until ?? since
    if (reaches(this.reached, least)) return this.#changes(spans, since, until)
    return this.whenReached(least, options, () => this.#changesOf(spans, options))
  }

  #changes(spans: Spans, since: Versions, until: Versions | undefined): Soon<Update> {
    const { oldest, reached } = this
    const target = until === undefined ? reached : { ...reached, ...until }
    for (const source of this.sources) {
      if ((since[source] ?? -1) < (oldest[source] ?? 0)) throw this.#lost('since', since, source)
    }
    const made = ({ replace, changes, folded }: Difference): Update => ({
      generation: 0,
      ...(replace === undefined ? {} : { replace }),
      changes,
      versions: target,
      behind: this.behind(target),
      folded,
    })
    const difference = this.difference(spans, since, target)
    return soon(difference, made)
  }

  #tellMoved(): void {
    for (const go of this.#movers.splice(0)) go()
  }

  #advance(mark: (before: Versions, reached: Versions) => readonly Followed[]): void {
    const reached = this.fed
    const before = this.#before ?? this.oldest
    this.#before = reached
    const hits = mark(before, reached)
    this.#waiters.release(reached)
    this.#waiters.releaseGone(this.sources, reached)
    this.#feeds.ring(hits)
    this.#tellMoved()
  }

  /** The newest point that is not after `max`. */
  #within(max: Versions | undefined): Versions {
    const { reached, oldest } = this
    if (max === undefined) return reached
    let at: Record<SourceId, number> | undefined
    for (const source of Object.keys(max)) {
      const wanted = max[source] ?? 0
      if (wanted < (oldest[source] ?? 0)) throw this.#lost('max', max, source)
      if (wanted < (reached[source] ?? 0)) (at ??= { ...reached })[source] = wanted
    }
    return at ?? reached
  }

  #snapshot({ entries, windows, more }: Reading): Snapshot {
    const versions: Record<SourceId, number> = {}
    const behind: Record<SourceId, number> = {}
    const { reached } = this
    for (const source in windows) {
      const to = windows[source]?.to ?? 0
      versions[source] = to
      behind[source] = Math.max(0, (reached[source] ?? 0) - to)
    }
    return { entries, windows, versions, more, behind }
  }

  #lost(what: string, wanted: Versions, source: SourceId | undefined): FanlightError {
    const message = `${what} lies before what ${this.name} still knows: fetch without it, or keep a longer history`
    return new FanlightError('LOST_IN_FOG', message, { store: this.name, source, wanted, horizon: this.oldest })
  }

  #stalled(wanted: Versions): FanlightError {
    const { name, reached } = this
    const source = firstBehind(reached, wanted)
    const message = `${name} has not reached ${source ?? 'the point'} ${wanted[source ?? ''] ?? ''}: see to what it waits for, wait longer, or ask for an earlier point`
    return new FanlightError('STALLED', message, { store: name, source, wanted, reached })
  }

  #hostOfFeeds(): FeedHost {
    // oxlint-disable-next-line typescript/no-this-alias -- the getters below are those of the host
    const store = this
    return {
      get reached() {
        return store.fed
      },
      get oldest() {
        return store.fedSince
      },
      get state() {
        return store.state
      },
      rangesMax: this.limits.ranges,
      resolve: (point, what) => this.resolve(point, what),
      readAt: (spans, at) => this.#readInHistory(spans, at),
      differenceOf: (spans, since, until) => this.difference(spans, since, until),
      behind: (at) => this.behind(at),
      whenReached: (point, options, go) => this.whenReached(point, options, go),
      follow: (feed, spans) => {
        // From here on a commit must know the point before it; while nobody follows, nobody asks.
        this.#before ??= this.fed
        return this.#feeds.follow(feed, spans)
      },
      unfollow: (feed, followed) => this.#feeds.unfollow(feed, followed),
      noted: (type, count, from, to) => this.onEvent?.({ type, source: firstBehind(from, to), count }),
    }
  }

  #readInHistory(spans: Spans, at: Versions): Soon<Reading> {
    const { fedSince } = this
    if (!reaches(at, fedSince)) throw this.#lost('the point', at, firstBehind(at, fedSince))
    return this.read(spans, at)
  }
}

/** Marks the error of a commit with whether it may have been applied. */
export function failedCommit(error: unknown, applied: 'no' | 'unknown'): FanlightError {
  if (isFanlightError(error)) {
    return error.applied === undefined && error instanceof FanlightError ? error.withApplied(applied) : error
  }
  return new FanlightError('UNAVAILABLE', 'the store failed under the commit: see the cause', { cause: error, applied })
}

function refuseUpsideDown(low: Versions, high: Versions): void {
  for (const source of Object.keys(low)) {
    const top = high[source]
    if (top === undefined || (low[source] ?? 0) <= top) continue
    throw new FanlightError('BAD_QUERY', `the first point is after the second at ${source}: swap or drop one`, {
      source,
      wanted: low,
      reached: high,
    })
  }
}
