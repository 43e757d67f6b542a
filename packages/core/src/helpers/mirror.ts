import { type Clock, type Random, type Seams, systemClock, systemRandom } from '../ambient.ts'
import { type BackOff, backOffMs, pause } from '../back-off.ts'
import { checkOptions } from '../check-options.ts'
import { type ErrorCode, FanlightError, closed, isFanlightError } from '../errors.ts'
import { restrict } from '../feeds/points.ts'
import { tell } from '../feeds/tell.ts'
import { type Hold, isClosedByHolder, pull } from '../feeds/pull.ts'
import { noneOf } from '../none-of.ts'
import { type Spans, rangeOf, readQuery } from '../ranges.ts'
import type {
  Entry,
  Feed,
  FeedState,
  Query,
  Store,
  Types,
  Update,
  ValueAt,
  Versions,
  WatchOptions,
  WritableStore,
} from '../store.ts'
import { reaches, sourceName } from '../versions.ts'
import type { LiveOptions } from './live.ts'
import { Listeners } from './listeners.ts'
import { MapSink, type MirrorSink, SettableSink, StoreSink } from './mirror-sinks.ts'

/** Anything that can be set: a variable, a signal of a framework. */
export interface Settable<X> {
  set(value: X): unknown
}

/** Options of `mirror`. */
export interface MirrorOptions<V = unknown> extends LiveOptions, Seams {
  /** Put in front of keys, in a map or a store. Default none. */
  readonly prefix?: string | undefined
  /**
   * What a settable gets, made of the entries. Default: where the query is one key, its value, or undefined; otherwise the
   * list of `{ key, value }`.
   */
  readonly value?: ((entries: readonly Entry<V>[]) => unknown) | undefined
  /** At which key a store keeps how far the mirror is. Default `~mirror/` with the names of the sources, prefix and query. */
  readonly watermarkKey?: string | undefined
  /** Hears of every failure, also of those after which the mirror tries again. Default: nobody does. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** At most so long before it tries again, in milliseconds; twice as long before each try that follows. Default 100. */
  readonly retryMs?: number | undefined
  /** At most so long before any try, in milliseconds. Default 10,000. */
  readonly retryMsMax?: number | undefined
}

/** What may pass, or be otherwise after reading anew. */
const passing: readonly ErrorCode[] = ['UNAVAILABLE', 'STALLED', 'TOO_MANY', 'CONFLICT', 'LOST_IN_FOG']

/** A query that is kept mirrored into a sink: `mirror` makes one. */
export class Mirror<V = unknown> implements AsyncDisposable {
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
  #over: { readonly why: unknown; readonly isFailure: boolean } | undefined

  /** @internal */
  constructor(store: Store<Types>, spans: Spans, sink: MirrorSink<V>, options: MirrorOptions<V>) {
    this.#store = store
    this.#spans = spans
    this.#sink = sink
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? systemRandom
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
   * @param point default: what the store has reached now
   * @throws CLOSED, whatever ended the mirror; STALLED where the store does not reach the point within 30 seconds
   */
  async settled(point: Versions = this.#store.reached): Promise<void> {
    await this.#store
      .fetch(noneOf(this.#spans.query), { min: point, signal: this.#ended.signal })
      .catch((error: unknown) => {
        throw this.#over?.why ?? error
      })
    for (;;) {
      if (this.#over !== undefined) throw this.#over.why
      const holds = this.#feed !== undefined && Object.keys(this.#versions).length > 0
      if (holds && reaches(this.versions, restrict(point, this.#feed?.reached ?? {}))) return
      await new Promise<void>((resolve) => {
        const stop = this.#listeners.add(() => {
          stop()
          resolve()
        })
      })
    }
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
    try {
      const since = this.#sink.start()
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
      next: (update: Update<V>) => this.#apply(update),
      rest: () => this.#listeners.tell(),
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

  /** Starts again where that may help, from what the sink holds. */
  #failed(why: unknown): void {
    if (this.#over !== undefined) return
    const mayPass = isFanlightError(why) && passing.includes(why.code)
    this.#hold?.stop()
    void this.#feed?.close()
    this.#feed = undefined
    if (isClosedByHolder(why)) return this.#end(why)
    this.#tell(why)
    if (!mayPass) return this.#end(why)
    const { retryMs = 100, retryMsMax = 10_000 } = this.#options
    const backOff: BackOff = { firstMs: retryMs, mostMs: retryMsMax }
    const ms = backOffMs(++this.#failures, backOff, this.#random)
    pause(ms, this.#clock, this.#ended.signal).then(
      () => this.#start(),
      () => undefined,
    )
  }

  #tell(error: unknown): void {
    const { onError } = this.#options
    if (onError !== undefined) tell(() => onError(error))
  }

  #end(error: unknown): void {
    if (this.#over !== undefined) return
    this.#versions = this.versions
    this.#over = { why: error, isFailure: !isClosedByHolder(error) }
    this.#hold?.stop()
    this.#ended.abort(error)
    this.#listeners.tell()
  }
}

/**
 * Keeps a sink equal to a query. Every step of the query is one step of the sink, with the deletes of what vanished: a sink
 * never shows half a commit (L4, L5). A slow sink gets fewer and larger steps (L8).
 *
 * - A variable, or anything with `set`, gets the value of the key that is asked for, or the list of entries; or what `value`
 *   makes of them.
 * - A `Map` gets the entries, all of a step in one turn.
 * - A store that takes commits gets one commit a step. The commit also says, at `watermarkKey`, up to which point the sink
 *   holds the query: a mirror that starts again, after a crash too, goes on exactly there, or replaces what it holds where the
 *   past is lost (L7). A step whose outcome is not known is tried again and done once.
 *
 * The keys of the sink that the ranges of the query cover, behind `prefix`, belong to the mirror: whatever else stands there
 * when it begins is removed. A mirror is no view: a store that is fed by it has a source of its own.
 *
 * A failure that may pass (UNAVAILABLE, STALLED, TOO_MANY, CONFLICT, LOST_IN_FOG) is told to `onError`, and the mirror goes
 * on after a pause; any other ends it, and is its `error`.
 *
 * @param store   what is mirrored
 * @param query   which part of it
 * @param sink    where to
 * @param options prefix, value, watermarkKey, onError, retryMs (default 100), retryMsMax (default 10,000), clock, random, and
 *   min, stall, signal, alone as in `watch`
 * @returns how it goes: `versions`, `behind`, `state`, `settled`, `close`
 * @throws BAD_QUERY, BAD_KEY; READ_ONLY where the sink takes no commits
 *
 * @example
 * ```ts
 * import { createMemoryStore, mirror, prefix, put } from '@fanlight/core'
 *
 * const store = createMemoryStore<{ '': number }>()
 * const copy = new Map<string, number>()
 * const mirrored = mirror(store, prefix('a/'), copy)
 * await store.commit([put('a/1', 10), put('b/1', 20)])
 * await mirrored.settled()
 * console.log(copy) // Map(1) { 'a/1' => 10 }
 * await mirrored.close()
 * ```
 */
export function mirror<T extends Types, const Q extends Query, S extends Types>(
  store: Store<T>,
  query: Q,
  sink: Map<string, ValueAt<T, Q>> | Settable<never> | Store<S>,
  options: MirrorOptions<ValueAt<T, Q>> = {},
): Mirror<ValueAt<T, Q>> {
  const spans = readQuery(query)
  checkOptions(options, { value: 'function', onError: 'function', retryMs: 'amount', retryMsMax: 'amount' })
  return new Mirror(store, spans, sinkOf(store, spans, sink, options), options)
}

function sinkOf<V, S extends Types>(
  store: Pick<Store, 'sources'>,
  spans: Spans,
  sink: Map<string, V> | Settable<never> | Store<S>,
  options: MirrorOptions<V>,
): MirrorSink<V> {
  const { prefix = '', clock, random } = options
  if ((typeof sink !== 'object' && typeof sink !== 'function') || sink === null) {
    throw new FanlightError('BAD_QUERY', 'a mirror writes into a Map, into anything with `set`, or into a store')
  }
  if (sink instanceof Map) return new MapSink(sink, prefix)
  if ('set' in sink) {
    const make = options.value ?? (typeof spans.query === 'string' ? valueOfOne : plainList)
    return new SettableSink((entries) => void sink.set(make(entries) as never), spans.reverse)
  }
  if (sink.commit === undefined || !sink.supports.commit)
    throw new FanlightError('READ_ONLY', 'the sink takes no commits: mirror to one that does')
  const names = store.sources.map(sourceName).sort().join('+')
  const own = `~mirror/${names}/${prefix}${JSON.stringify(spans.list.map(rangeOf))}`
  return new StoreSink(sink as WritableStore<Types>, spans, {
    prefix,
    clock,
    random,
    watermarkKey: options.watermarkKey ?? own,
  })
}

function valueOfOne<V>(entries: readonly Entry<V>[]): V | undefined {
  return entries[0]?.value
}

function plainList<V>(entries: readonly Entry<V>[]): readonly Entry<V>[] {
  return entries.map(({ key, value }) => ({ key, value }))
}
