/**
 * The contract that every store, view, router and remote obeys, and the words it is written in.
 * The laws that it cites (L0 to L9) are in ARCHITECTURE.md.
 *
 * @module
 */
import type { FanlightError } from './errors.ts'
import type { ChangeOf, Types, ValueAt } from './types.ts'

export type { ChangeOf, Mounted, PrefixRange, PutAt, Types, TypesOf, ValueAt } from './types.ts'

/** One line of history: `name@incarnation`. Versions of two sources never compare. */
export type SourceId = string

/** A point: for each source a version, which is a safe integer >= 0. An absent source means "nothing known". */
export interface Versions {
  readonly [source: SourceId]: number
}

/** The versions of one source in which something is true: both ends inclusive. */
export interface Window {
  readonly from: number
  readonly to: number
}

/** For each source the window in which an answer is true. The answer is true at every point of this box (L1). */
export interface Windows {
  readonly [source: SourceId]: Window
}

/**
 * A span of keys, with the option names of abstract-level. `limit` and `reverse` are part of what is asked: a limited
 * range answers its first (or, reversed, last) `limit` entries. An empty or upside-down range answers nothing.
 */
export interface Range {
  readonly gt?: string | undefined
  readonly gte?: string | undefined
  readonly lt?: string | undefined
  readonly lte?: string | undefined
  /** Descending order. Default false. */
  readonly reverse?: boolean | undefined
  /** At most so many entries; Infinity or absent means all, 0 means none. */
  readonly limit?: number | undefined
}

/** What is asked for: a string is exactly that key; several ranges answer their union, each key once. */
export type Query = string | Range | readonly (string | Range)[]

/** A key with its value. */
export interface Entry<V = unknown> {
  readonly key: string
  readonly value: V
  /** A version since which the entry has not changed: never earlier than the truth. Only where one source answered. */
  readonly version?: number | undefined
}

/** What became of one range of the query. */
export interface Scanned {
  /** Whether more entries follow behind the last one taken: only where a `limit` cut the range. */
  readonly more: boolean
  /** The span that was read: from the start of the range to the last key taken, or all of it. */
  readonly range: Range
}

/** The answer to a query, and the windows in which it is the answer. */
export interface Snapshot<V = unknown> {
  /** In key order; descending where every range of the query says `reverse`. */
  readonly entries: readonly Entry<V>[]
  readonly windows: Windows
  /** The upper corner of the windows: for `since`, `basis` and `min`. */
  readonly versions: Versions
  /** One for each range of the query, in its order. */
  readonly more: readonly Scanned[]
  /** For each source, how far this answer is behind what its store had reached: a difference of versions. */
  readonly behind: Versions
}

/** A key gets a value, or is gone: the same shape in commits and in updates. */
export type Change<V = unknown> = Put<V> | Gone

/** A key gets a value. */
export interface Put<V = unknown> {
  readonly key: string
  readonly value: V
  readonly gone?: undefined
}

/** A key is gone: deleted, or (in an update) no longer in the answer. */
export interface Gone {
  readonly key: string
  readonly gone: true
  readonly value?: undefined
}

/** In these plain spans forget what you hold, and hold these entries instead. */
export interface Replace<V = unknown> {
  readonly ranges: readonly Range[]
  readonly entries: readonly Entry<V>[]
}

/**
 * One step of a feed, or the net difference between two answers. Apply `replace`, then `changes`; what you hold is then
 * the answer at `versions` (L6).
 */
export interface Update<V = unknown> {
  /** How many `setQuery` calls this update answers. */
  readonly generation: number
  /** The query that is answered from now on: where it changed. */
  readonly query?: Query | undefined
  readonly replace?: Replace<V> | undefined
  /** Each key once, in key order. */
  readonly changes: readonly Change<V>[]
  readonly versions: Versions
  readonly behind: Versions
  /**
   * How many commits that touch the ranges went into this update. It never says fewer where it says 0 or 1: 0 means that
   * none did, and 1 without `replace` that there is at most one, so that no other answer lies between the two points. A
   * greater number may count a commit more than once where several stores show it, but it is not greater than the number of
   * versions that were passed where these are known. A first answer, and one in place of what was lost, says 1.
   */
  readonly folded: number
}

/** What an asker does where an answer is not there yet: wait for it, fail at once, or take an older one. Default 'wait'. */
export type Stall = 'wait' | 'fail' | 'older'

/** Ends a wait. */
export interface WaitOptions {
  /** Milliseconds that a wait may last before it ends with STALLED. Default 30,000; Infinity means no end. */
  readonly timeoutMs?: number | undefined
  /** Ends a wait with ABORTED. */
  readonly signal?: AbortSignal | undefined
}

/** Bounds and patience of a `fetch`. */
export interface FetchOptions extends WaitOptions {
  /** Some point of the answer is not before this; ahead of the store, it waits (L2). */
  readonly min?: Versions | undefined
  /** Some point of the answer is not after this; behind the horizon: LOST_IN_FOG (L2). */
  readonly max?: Versions | undefined
  readonly stall?: Stall | undefined
}

/** The two points between which `changes` tells the difference. */
export interface ChangesOptions extends WaitOptions {
  /** Below the horizon: LOST_IN_FOG. So is a source that is absent here: nothing is known of it. */
  readonly since: Versions
  /** Exactly this point; ahead of the store, it waits. Absent: the newest. */
  readonly until?: Versions | undefined
}

/** How a feed starts, and what it does where sources are not at one point. */
export interface WatchOptions {
  /** The point that the asker holds: the feed tells what changed since, or replaces it where that is lost (L7). */
  readonly since?: Versions | undefined
  /** The first answer is not before this. */
  readonly min?: Versions | undefined
  /**
   * What a take does where a store has not come to the point that it is for: `min`, the first point of a store that is still
   * reading, a `to` that is ahead. Default 'wait'; 'fail': it ends with STALLED at once, and the next take tries again. A
   * feed steps to the newest point that all its stores have reached, so that 'older' is what it does by nature; it is
   * 'wait' where there is none yet, or none that is not before `min`.
   */
  readonly stall?: Stall | undefined
  /** Closes the feed. */
  readonly signal?: AbortSignal | undefined
  /** In a session: do not step together with its other feeds. Default false. */
  readonly alone?: boolean | undefined
}

/** Makes a retry of a commit harmless: however often it comes, it is applied once for its session and number. */
export interface CommitId {
  readonly session: string
  readonly number: number
  /** The versions that the session held when it first made this commit. */
  readonly born: Versions
}

/** Conditions and identity of a commit. */
export interface CommitOptions {
  /**
   * CONFLICT where a touched key, or a range in `guard`, changed after this point. Where the point says nothing of the
   * store's source, nothing is known of it: whatever there ever was at these keys counts as changed after it. So `{}` lets
   * through what creates, as long as the store knows all of its past; LOST_IN_FOG says that it does not.
   */
  readonly basis?: Versions | undefined
  /** Ranges that must not have changed after `basis` either. */
  readonly guard?: Query | undefined
  readonly id?: CommitId | undefined
  /** Kept in the log beside the commit: a value. */
  readonly meta?: unknown
  readonly signal?: AbortSignal | undefined
}

/** What a store declares that it can do; the conformance suite reads it and skips by nothing else. */
export interface Supports {
  /** Whether it takes commits. Otherwise `commit` is absent, or ends with READ_ONLY: a router's mounts come and go. */
  readonly commit: boolean
  /** What `guard` may name: ranges, single existing keys, or nothing. */
  readonly guard: 'ranges' | 'keys' | 'none'
  /** Whether commits with an `id` are kept, so that a retry is harmless. */
  readonly ids: boolean
  /** Whether it holds one value only, at the key `''`. */
  readonly single: boolean
  /** Whether what it acknowledged survives its process. */
  readonly durable: boolean
}

/** How a source stands: `stale` and `failed` say why. */
export interface SourceState {
  readonly status: 'connecting' | 'catching up' | 'live' | 'stale' | 'failed'
  readonly why?: FanlightError | undefined
}

/** For each source how it stands. */
export interface FeedState {
  readonly [source: SourceId]: SourceState
}

/** What a store was before: a point of `id` up to the version `upTo` reads as the same version of the present source. */
export interface Continued {
  readonly id: SourceId
  readonly upTo: number
  /** The present source that continues it. */
  readonly as: SourceId
}

/** Something that went on inside a store or router: for logs and inspectors, silent unless asked for. */
export interface StoreEvent {
  readonly type: 'stall' | 'carry' | 'restart' | 'fold' | 'reset' | 'progress'
  /** The source concerned, where there is one. */
  readonly source?: SourceId | undefined
  /** How long it took, in milliseconds of the store's clock. */
  readonly ms?: number | undefined
  /** How many: commits folded, rounds needed, entries read. */
  readonly count?: number | undefined
}

/** Hears what goes on inside a store or router. It must not throw. */
export type EventListener = (event: StoreEvent) => void

/** Anything that answers this interface: a database, a file, a view, a router, a remote. */
export interface Store<T extends Types = { '': unknown }> extends AsyncDisposable {
  /** Never there at run time: lets helpers infer the types of values. */
  readonly '~types'?: T | undefined
  /**
   * Never there at run time: its mapped type has the compiler compare two stores by what they answer, so that every store
   * is a `Store<object>`. It must stand before the methods for that.
   */
  readonly '~shape'?: { [P in keyof T]: T[P] } | undefined
  /** Live: a router's change with its mounts. */
  readonly sources: readonly SourceId[]
  readonly supports: Supports
  /** Which former sources the present ones continue. Default none. */
  readonly continues?: readonly Continued[] | undefined
  /** The horizon: the state there, and every change since, can still be answered. */
  readonly oldest: Versions
  /** Every change up to here is known; it advances also where nothing changes (L9). */
  readonly reached: Versions
  /** How the sources stand. Default: all live. */
  readonly state?: FeedState | undefined

  /**
   * Answers a query at one point of every source (L1, L2, L3).
   *
   * @throws BAD_QUERY, LOST_IN_FOG, SOURCE_RESET, STALLED, ABORTED, CLOSED, UNAVAILABLE
   */
  fetch<const Q extends Query>(query: Q, options?: FetchOptions): Promise<Snapshot<ValueAt<T, Q>>>

  /**
   * The net difference of two answers: exactly at `until`, or at the newest point.
   *
   * @throws BAD_QUERY, LOST_IN_FOG, SOURCE_RESET, STALLED, ABORTED, CLOSED, UNAVAILABLE
   */
  changes<const Q extends Query>(query: Q, options: ChangesOptions): Promise<Update<ValueAt<T, Q>>>

  /**
   * Follows a query. The feed is pulled: it wakes its holder, who takes when it suits (L8).
   *
   * @throws BAD_QUERY, CLOSED
   */
  watch<const Q extends Query>(query: Q, options?: WatchOptions): Feed<ValueAt<T, Q>>

  /**
   * Changes several keys as one (L4); resolves with its exact version. Absent on stores that are only read, but for routers,
   * which end it with READ_ONLY or NOT_MOUNTED as long as no mount takes commits: `supports` tells which take any.
   * Every error says `applied`: 'no' or 'unknown'.
   *
   * @throws BAD_KEY, BAD_VALUE, BAD_QUERY, CONFLICT, LOST_IN_FOG, SOURCE_RESET, READ_ONLY, TOO_LARGE, UNSUPPORTED, CLOSED, ABORTED, UNAVAILABLE
   */
  commit?(changes: readonly ChangeOf<T>[], options?: CommitOptions): Promise<Versions>

  /** Ends all feeds and waits with CLOSED; resolves when all is released. A second call is harmless. */
  close(): Promise<void>
}

/** A store that takes commits. */
export interface WritableStore<T extends Types = { '': unknown }> extends Store<T> {
  commit(changes: readonly ChangeOf<T>[], options?: CommitOptions): Promise<Versions>
}

/**
 * A query that is being followed. Made by `watch`. It holds one point, not a queue: an update is made when it is taken
 * (L8), and brings the holder from the point held to exactly the point asked for (L6).
 */
export interface Feed<V = unknown> extends AsyncIterable<Update<V>>, AsyncDisposable {
  /** The point held. Where nothing in the ranges changed since, it moves on with `reached` by itself (L9). */
  readonly versions: Versions
  /** The newest point to which it could step now. */
  readonly reached: Versions
  readonly state: FeedState
  /**
   * Tells the one holder that there may be something to take: once, until it is taken. Where there is something already,
   * it is told in a microtask.
   *
   * @returns ends it
   * @throws BAD_QUERY where there is a holder already
   */
  wake(callback: () => void): () => void
  /**
   * Takes one update, from the point held to exactly `to` (which it may have to wait for), or to the newest point.
   * undefined: nothing changed; what is held is true at the new point. Answers at once where it can.
   *
   * @param to sources that are absent here are taken at the newest
   * @throws BAD_QUERY where `to` is behind the point held, or the take before has not ended; CLOSED; whatever ended the feed
   */
  take(to?: Versions): Update<V> | undefined | Promise<Update<V> | undefined>
  /**
   * Follows another query from the next update on.
   *
   * @returns the generation of the update that will answer it
   */
  setQuery(query: Query): number
  close(): Promise<void>
}

/** A store whose values are all of one type. */
export type StoreOf<V> = Store<{ '': V }>
