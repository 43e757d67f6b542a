import { type Clock, type Random, systemClock, systemRandom } from '../ambient.ts'
import { type BackOff, backOffMs, pause } from '../back-off.ts'
import { checkOption } from '../check-options.ts'
import { type ErrorCode, FanlightError, closed, isFanlightError } from '../errors.ts'
import { restrict } from '../feeds/points.ts'
import { type Hold, isClosedByHolder, pull } from '../feeds/pull.ts'
import { tell } from '../feeds/tell.ts'
import { noneOf } from '../none-of.ts'
import type { Spans } from '../ranges.ts'
import type { Feed, FeedState, Store, Types, Update, Versions, WatchOptions } from '../store.ts'
import { reaches } from '../versions.ts'
import { Listeners } from './listeners.ts'
import type { MirrorOptions } from './mirror-options.ts'
import type { MirrorSink, SinkHost } from './mirror-sinks.ts'
import { Disturbed, Refusal } from './foreign-change-error.ts'

/** What may pass, or be otherwise after reading anew. */
const passing: readonly ErrorCode[] = ['UNAVAILABLE', 'STALLED', 'TOO_MANY', 'CONFLICT', 'LOST_IN_FOG']

/** Who changes the sink again within so many of the longest pauses is at it still. */
const peaceTimes = 3

/** A query that is kept mirrored into a sink: `mirror` makes one. */
export class Mirror<V = unknown> implements AsyncDisposable {
  /**
   * Calls back after each step, after what someone else changed was put back, after the state of a source changed, after a
   * failure, and when it is over. Bound, as useSyncExternalStore and its like want it.
   *
   * @returns ends it
   */
  readonly onChange: (callback: () => void) => () => void
  readonly #store: Pick<Store, 'watch' | 'fetch' | 'reached' | 'state'>
  readonly #spans: Spans
  readonly #sink: MirrorSink<V>
  readonly #options: MirrorOptions<V>
  readonly #clock: Clock
  readonly #random: Random
  readonly #listeners = new Listeners()
  readonly #ended = new AbortController()
  #feed: Feed<V> | undefined
  #hold: Hold | undefined
  #versions: Versions = {}
  #failures = 0
  #retrying: unknown
  /** Since when the sink may not hold what the store has. */
  #behindSince: number | undefined
  #repairs = 0
  /** How often something was put back, one time soon after the other, and when the last time was. */
  #fights = { count: 0, lastMs: -Infinity }
  #over: { readonly why: unknown; readonly isFailure: boolean } | undefined

  /** @internal */
  constructor(store: Store<Types>, spans: Spans, sink: MirrorSink<V>, options: MirrorOptions<V>) {
    this.#store = store
    this.#spans = spans
    this.#sink = sink
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
    this.onChange = (callback) => this.#listeners.add(callback)
    this.#fallsBehind()
    this.#start()
  }

  /** The point at which the sink holds the query; empty before the first step. It moves on where nothing changes. */
  get versions(): Versions {
    const isQuiet = this.#over === undefined && this.#hold?.isBusy === false && Object.keys(this.#versions).length > 0
    return isQuiet ? (this.#feed?.versions ?? this.#versions) : this.#versions
  }

  /** For each source how far the sink is behind what the store has reached: a difference of versions. */
  get behind(): Versions {
    const { versions } = this
    const { reached } = this.#feed ?? this.#store
    const behind = Object.entries(reached).map(([source, version]) => [
      source,
      Math.max(0, version - (versions[source] ?? 0)),
    ])
    return Object.fromEntries(behind) as Versions
  }

  /**
   * For how long the sink has not held all that the store had: milliseconds of the clock, 0 while it does. It grows from the
   * first thing that is not there yet until nothing is missing, and on when the mirror is over. What the store itself lacks,
   * `state` says.
   */
  get behindMs(): number {
    return this.#behindSince === undefined ? 0 : Math.max(0, this.#clock.now() - this.#behindSince)
  }

  /** How often what someone else changed was put back. */
  get repairs(): number {
    return this.#repairs
  }

  /** The failure after which it tries again; undefined from the next step on, or the next answer that there is none. */
  get retrying(): unknown {
    return this.#retrying
  }

  /** For each source how it stands. */
  get state(): FeedState {
    return this.#feed?.state ?? this.#store.state ?? {}
  }

  /** What ended it, where that was an error. */
  get error(): unknown {
    return this.#over?.isFailure === true ? this.#over.why : undefined
  }

  /**
   * Waits until the sink holds the query at a point.
   *
   * @param point     default: what the store has reached now
   * @param timeoutMs how long at most, in milliseconds. Default 30,000
   * @throws CLOSED, whatever ended the mirror; STALLED where it does not come to that in time, with what the sink refuses as its cause
   */
  async settled(point: Versions = this.#store.reached, timeoutMs: number = 30_000): Promise<void> {
    checkOption('timeoutMs', timeoutMs, 'amount')
    const untilMs = this.#clock.now() + timeoutMs
    await this.#store
      .fetch(noneOf(this.#spans.query), { min: point, signal: this.#ended.signal, timeoutMs })
      .catch((error: unknown) => {
        throw this.#over?.why ?? error
      })
    for (;;) {
      if (this.#over !== undefined) throw this.#over.why
      const holds = this.#feed !== undefined && Object.keys(this.#versions).length > 0
      if (holds && reaches(this.versions, restrict(point, this.#feed?.reached ?? {}))) return
      if (!(await this.#changed(untilMs - this.#clock.now()))) {
        const message = 'the sink does not hold the point in time: see the cause, or wait longer'
        throw new FanlightError('STALLED', message, { cause: this.retrying })
      }
    }
  }

  /** @returns false where nothing changed for so long */
  #changed(forMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (has: boolean): void => {
        stopTimer?.()
        stop()
        resolve(has)
      }
      const stop = this.#listeners.add(() => done(true))
      const stopTimer = forMs === Infinity ? undefined : this.#clock.after(Math.max(0, forMs), () => done(false))
    })
  }

  /** Ends it; the sink stays as it is. A step that is under way comes to its end. */
  async close(): Promise<void> {
    this.#end(closed('the mirror'))
    await this.#feed?.close()
    await this.#sink.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #start(): void {
    const host: SinkHost = {
      failed: (why) => this.#failed(why),
      repaired: (what) => this.#repaired(what),
    }
    try {
      const since = this.#sink.start(host)
      if (since instanceof Promise)
        since.then((point) => this.#follow(point)).catch((error: unknown) => this.#failed(error))
      else this.#follow(since)
    } catch (error) {
      this.#failed(error)
    }
  }

  #follow(since: Versions | undefined): void {
    if (this.#over !== undefined) return
    const { min, stall, signal, alone } = this.#options
    const options: WatchOptions = { min, stall, signal, alone, since }
    const feed: Feed = this.#store.watch(this.#spans.query, options)
    this.#feed = feed as Feed<V>
    this.#versions = since ?? {}
    const puller = {
      begins: () => this.#fallsBehind(),
      next: (update: Update<V>) => this.#apply(update),
      rest: () => {
        this.#behindSince = undefined
        this.#retrying = undefined
        this.#listeners.tell()
      },
      failed: (error: unknown) => this.#failed(error),
    }
    this.#hold = pull(this.#feed, puller, true)
  }

  #apply(update: Update<V>): void | Promise<void> {
    const applied = this.#sink.apply(update)
    const finish = (): void => {
      this.#failures = 0
      this.#versions = update.versions
    }
    return applied instanceof Promise ? applied.then(finish) : finish()
  }

  #fallsBehind(): void {
    this.#behindSince ??= this.#clock.now()
  }

  /** Starts again where that may help, from what the sink holds. */
  #failed(why: unknown): void {
    if (this.#over !== undefined) return
    this.#fallsBehind()
    this.#hold?.stop()
    void this.#feed?.close()
    this.#feed = undefined
    if (why instanceof Disturbed) {
      const ms = this.#fightMs()
      return ms === undefined ? this.#start() : this.#startAfter(ms)
    }
    const mayPass = isFanlightError(why) && passing.includes(why.code) && !(why instanceof Refusal)
    if (isClosedByHolder(why)) return this.#end(why)
    if (mayPass) this.#retrying = why
    this.#tell(why)
    if (!mayPass) return this.#end(why)
    this.#listeners.tell()
    this.#startAfter(backOffMs(++this.#failures, this.#backOff, this.#random))
  }

  #startAfter(ms: number): void {
    pause(ms, this.#clock, this.#ended.signal).then(
      () => this.#start(),
      () => undefined,
    )
  }

  get #backOff(): BackOff {
    const { retryMs = 100, retryMsMax = 10_000 } = this.#options
    return { firstMs: retryMs, mostMs: retryMsMax }
  }

  /**
   * Someone who changes the sink again and again, another mirror perhaps, is answered less and less often.
   *
   * @returns undefined: it was peace, and the answer comes at once
   */
  #fightMs(): number | undefined {
    const { count, lastMs } = this.#fights
    const isFight = count > 0 && this.#clock.now() - lastMs < peaceTimes * this.#backOff.mostMs
    return isFight ? backOffMs(count, this.#backOff, this.#random) : undefined
  }

  #repaired(what: FanlightError): void {
    const nowMs = this.#clock.now()
    const isFight = nowMs - this.#fights.lastMs < peaceTimes * this.#backOff.mostMs
    this.#fights = { count: isFight ? this.#fights.count + 1 : 1, lastMs: nowMs }
    this.#repairs++
    this.#tell(what)
    this.#listeners.tell()
  }

  #tell(error: unknown): void {
    const { onError } = this.#options
    if (onError !== undefined) tell(() => onError(error))
  }

  #end(error: unknown): void {
    if (this.#over !== undefined) return
    this.#versions = this.versions
    this.#retrying = undefined
    this.#fallsBehind()
    this.#over = { why: error, isFailure: !isClosedByHolder(error) }
    this.#hold?.stop()
    this.#ended.abort(error)
    // Whoever closes the mirror waits for this; otherwise nobody does.
    void this.#sink.close()
    this.#listeners.tell()
  }
}
