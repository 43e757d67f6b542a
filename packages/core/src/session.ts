import { type Seams, randomWord, systemClock, systemRandom } from './ambient.ts'
import { type BackOff, backOffMs, pause } from './back-off.ts'
import { checkOptions } from './check-options.ts'
import { isFanlightError } from './errors.ts'
import { onAbort } from './on-abort.ts'
import { SessionFeed } from './session/feed.ts'
import { type CommitSeries, commitOnce, nextId } from './session/commit-once.ts'
import { SessionSteps } from './session/steps.ts'
import type {
  Change,
  ChangesOptions,
  CommitId,
  CommitOptions,
  Feed,
  FetchOptions,
  Query,
  Snapshot,
  SourceId,
  Store,
  Types,
  Update,
  ValueAt,
  Versions,
  WatchOptions,
  WritableStore,
} from './store.ts'
import { noneOf } from './none-of.ts'
import { checkVersions, mergeVersions, reaches, resolvePoint, withoutReset } from './versions.ts'
import { lowerCorner } from './windows.ts'
import { WritableWrapper } from './wrappers/wrapper.ts'

/** Options of `createSession`. */
export interface SessionOptions extends Seams {
  /** How often a commit is tried again while it is not known whether it was applied. Default 5; 0 for never. */
  readonly retries?: number | undefined
  /** At most so long before the first of these, in milliseconds; twice as long before each that follows. Default 100. */
  readonly retryMs?: number | undefined
  /** At most so long before any of them, in milliseconds. Default 5,000. */
  readonly retryMsMax?: number | undefined
}

/** What one asker sees of a store: `createSession` makes one. */
export interface Session<T extends Types = { '': unknown }> extends Store<T> {
  /** What an answer must not be before: the merge of all that was committed and seen through the session. */
  readonly min: Versions
}

/** What one asker sees of a store that takes commits. */
export interface WritableSession<T extends Types = { '': unknown }> extends WritableStore<T> {
  /** What an answer must not be before: the merge of all that was committed and seen through the session. */
  readonly min: Versions
}

class SessionStore<T extends Types> extends WritableWrapper<T> {
  readonly #retries: number
  readonly #series: CommitSeries
  readonly #pause: (attempt: number, signal: AbortSignal) => Promise<void>
  readonly #steps = new SessionSteps()
  /** Ends what waits between two attempts of a commit. */
  readonly #ended = new AbortController()
  #min: Versions = {}

  constructor(inner: Store<Types>, options: SessionOptions) {
    super(inner, 'session', { update: (update) => this.#seen(update) })
    checkOptions(options, { retries: 'count', retryMs: 'amount', retryMsMax: 'amount' })
    const { clock = systemClock, random = systemRandom, retries = 5, retryMs = 100, retryMsMax = 5_000 } = options
    const backOff: BackOff = { firstMs: retryMs, mostMs: retryMsMax }
    this.#retries = retries
    this.#series = { session: randomWord(random), number: 0 }
    this.#pause = (attempt, signal) => pause(backOffMs(attempt, backOff, random), clock, signal)
    this.life.onClose(() => this.#ended.abort())
  }

  get min(): Versions {
    return this.#min
  }

  /** As the store does; never before what was committed or seen through the session, unless `max` asks for it (L2). */
  override fetch<const Q extends Query>(query: Q, options: FetchOptions = {}): Promise<Snapshot<ValueAt<T, Q>>> {
    const ask = async (): Promise<Snapshot<ValueAt<T, Q>>> => {
      const min = this.#minFor(options)
      try {
        const snapshot = await super.fetch(query, min === options.min ? options : { ...options, min })
        this.#note(lowerCorner(snapshot.windows))
        return snapshot
      } catch (error) {
        if (!this.#forget(error, options.min)) throw error
      }
      return ask()
    }
    return ask()
  }

  /** As the store does; without `until`, never to a point before what was committed or seen through the session. */
  override changes<const Q extends Query>(query: Q, options: ChangesOptions): Promise<Update<ValueAt<T, Q>>> {
    this.#forgetReset()
    if (options?.until !== undefined || reaches(this.inner.reached, this.#ownMin()))
      return super.changes(query, options)
    const { signal, timeoutMs } = options
    return super.fetch([], { min: this.#ownMin(), signal, timeoutMs }).then(() => super.changes(query, options))
  }

  /** As the store does; its feeds step together (L5), but those with `alone`. */
  override watch<const Q extends Query>(query: Q, options: WatchOptions = {}): Feed<ValueAt<T, Q>> {
    this.life.assertOpen()
    this.#forgetReset()
    const min = mergeVersions(checkVersions(options.min ?? {}, 'min'), this.#ownMin())
    // Who keeps the feeds together is this session: one inside must not hold them for the sake of other askers.
    const inner = this.inner.watch(query, { ...options, min, alone: true })
    if (options.alone === true) return this.shown(inner, options.signal) as Feed<ValueAt<T, Q>>
    return this.#together(
      inner,
      query,
      mergeVersions(min, this.#resolved(options.since ?? {})),
      options.signal,
    ) as Feed<ValueAt<T, Q>>
  }

  protected override committed(changes: readonly Change[], options: CommitOptions | undefined): Promise<Versions> {
    this.#forgetReset()
    const { reached, supports } = this.inner
    const born = mergeVersions(reached, this.#min)
    const id = options?.id ?? (supports.ids ? nextId(this.#series, born) : undefined)
    const wait = (attempt: number): Promise<void> => {
      const ended = this.#ended.signal
      return this.#pause(attempt, options?.signal === undefined ? ended : AbortSignal.any([options.signal, ended]))
    }
    const all = id === undefined ? options : { ...options, id }
    const renew = async (): Promise<CommitOptions> => {
      await this.inner.fetch([], { signal: options?.signal })
      this.#forgetReset()
      return { ...options, id: { ...(id as CommitId), born: mergeVersions(this.inner.reached, this.#min) } }
    }
    const isOwn = options?.id !== undefined || id === undefined
    const one = (asked: CommitOptions | undefined): Promise<Versions> => this.commitInside(changes, asked)
    const done = commitOnce(one, all, this.#retries, wait, isOwn ? undefined : renew)
    return done.then((versions) => this.#note(versions))
  }

  #together(inner: Feed, query: Query, least: Versions, signal: AbortSignal | undefined): Feed {
    const home = {
      saw: (point: Versions) => void this.#note(point),
      whenReached: (asked: Query, point: Versions, ended: AbortSignal) =>
        this.inner.fetch(noneOf(asked), { min: point, timeoutMs: Infinity, signal: ended }),
    }
    const feed = new SessionFeed(inner, query, least, this.#steps, home)
    const stop = this.life.onClose((why) => void feed.end(why))
    const deaf = signal === undefined || signal.aborted ? undefined : onAbort(signal, () => void feed.close())
    feed.onEnd(() => {
      stop()
      deaf?.()
    })
    if (signal?.aborted === true) void feed.close()
    return feed
  }

  #note(versions: Versions): Versions {
    this.#min = mergeVersions(this.#min, versions)
    return versions
  }

  #seen(update: Update): Update {
    this.#note(update.versions)
    return update
  }

  /** What is known of the sources that the store has, so that a wait for others does not start. */
  #ownMin(): Versions {
    return this.#resolved(this.#min)
  }

  /** A point in the present sources of the store; what was reset counts as absent. */
  #resolved(point: Versions): Versions {
    const { sources, continues } = this.inner
    return withoutReset(point, (left) => resolvePoint(left, sources, continues ?? []))
  }

  /** The lower bound of a fetch: its own, and that of the session as far as its `max` allows. */
  #minFor({ min, max }: FetchOptions): Versions | undefined {
    if (min !== undefined) checkVersions(min, 'min')
    if (max !== undefined) checkVersions(max, 'max')
    if (Object.keys(this.#min).length === 0) return min
    let own = this.#min
    if (max !== undefined) {
      // Either may name an incarnation of before: as the present one they compare.
      const top = this.#resolved(max)
      const capped: Record<SourceId, number> = {}
      for (const [source, version] of Object.entries(this.#ownMin()))
        capped[source] = Math.min(version, top[source] ?? version)
      own = capped
    }
    return min === undefined ? own : mergeVersions(min, own)
  }

  /** Drops the versions of sources that were reset. */
  #forgetReset(): void {
    const { sources, continues } = this.inner
    for (;;) {
      try {
        return void resolvePoint(this.#min, sources, continues ?? [])
      } catch (error) {
        if (!this.#forget(error, undefined)) throw error
      }
    }
  }

  /** Drops the versions of a source that an error says was reset: whether asking again can help. */
  #forget(error: unknown, own: Versions | undefined): boolean {
    if (!isFanlightError(error, 'SOURCE_RESET')) return false
    const { source } = error
    if (source === undefined || !(source in this.#min) || (own !== undefined && source in own)) return false
    const { [source]: _gone, ...rest } = this.#min
    this.#min = rest
    return true
  }
}

/**
 * What one asker sees of a store: a store that remembers. Use one for each user, request or connection.
 *
 * - Reads your writes, and never goes back: an answer is not before what was committed or seen through the session (L2).
 *   A source that was reset is dropped, and the asker sees its new history.
 * - Numbers its commits, so that one whose outcome is not known is tried again, and applied once (L4).
 * - Its feeds step together (L5): all of them go to the same points, one after the other, and none goes on to the next while
 *   another has something to take at this one. So a reader that is slow to take from one feed holds the others of the
 *   session: give it `alone: true`, or a session of its own. A feed that nobody holds (`wake`, `observe`, an iterator),
 *   that was never taken from, or whose take failed, holds nobody.
 *
 * Closing it ends what was asked through it with CLOSED, waits for its commits, and leaves the store open.
 *
 * @param store   what is asked
 * @param options retries (default 5), retryMs (default 100), retryMsMax (default 5,000), clock, random
 *
 * @example
 * ```ts
 * import { createMemoryStore, createSession, get, put } from '@fanlight/core'
 *
 * const store = createMemoryStore<{ '': number }>()
 * const session = createSession(store)
 * await session.commit([put('a', 1)])
 * console.log(await get(session, 'a')) // 1
 * await session.close()
 * ```
 */
export function createSession<T extends Types>(store: WritableStore<T>, options?: SessionOptions): WritableSession<T>
export function createSession<T extends Types>(store: Store<T>, options?: SessionOptions): Session<T>
export function createSession<T extends Types>(store: Store<T>, options: SessionOptions = {}): Session<T> {
  return new SessionStore<T>(store, options)
}
