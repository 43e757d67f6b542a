import type * as fc from 'fast-check'
import type { Random } from '../ambient.ts'
import type { HistoryLimits } from '../limits.ts'
import type { Change, SourceId, Supports, Versions } from '../store.ts'
import type { ManualClock } from '../testing/manual-clock.ts'
import type { State } from './evaluate.ts'

/** What the suite gives a store to be made with. Pass on what the store has an option for. */
export interface ConformanceSeams {
  /** Stands still until the suite moves it. */
  readonly clock: ManualClock
  /** The same in every run with the same seed. */
  readonly random: Random
  /** Where the suite wants little of the past to be kept: for the laws of the horizon. Otherwise absent. */
  readonly history?: HistoryLimits | undefined
}

/** A store, whatever the types of its values. */
export interface AnyStore extends AsyncDisposable {
  readonly sources: readonly SourceId[]
  readonly supports: Supports
  readonly oldest: Versions
  readonly reached: Versions
  fetch(query: never, options?: never): Promise<unknown>
  changes(query: never, options: never): Promise<unknown>
  watch(query: never, options?: never): unknown
  close(): Promise<void>
}

/**
 * How the suite makes, fills and ends a store. Most stores need `create` only; what a store cannot do is said by its
 * `supports`, and by nothing else.
 */
export interface Setup<S extends AnyStore = AnyStore> {
  /** Makes a fresh, empty store. */
  create(seams: ConformanceSeams): S | Promise<S>
  /** Removes what `create` left behind; the store is closed already. */
  teardown?(store: NoInfer<S>): void | Promise<void>
  /** For stores whose `supports.durable` is true: closes the store and opens what it wrote. */
  reopen?(store: NoInfer<S>, seams: ConformanceSeams): NoInfer<S> | Promise<NoInfer<S>>
  /**
   * Changes what the store shows: for stores that take no commits, or take them elsewhere. Default `store.commit`.
   *
   * It resolves with exactly the versions at which the store shows the change, in the store's own sources: not one more,
   * since the suite asks for just this point. Each call gets a greater one, also where the change puts what is there
   * already, or deletes what is not. Only a store that takes no commits, and cannot tell such a change, gives the same once
   * more. Where the driver has versions, give the one that the change got. Where the store counts for itself, wait until it
   * has taken the change in, then give what it has reached.
   *
   * One call is under way at a time; the suite reads meanwhile. Its clock stands still until it is moved: what waits for
   * the clock has to advance it.
   */
  write?(store: NoInfer<S>, changes: readonly Change[]): Promise<Versions>
  /** Lets a store that lags catch up with what was written. */
  settle?(store: NoInfer<S>): void | Promise<void>
  /** What the store shows where this state was written: for views. Default the same. */
  expected?(state: State): State
  /** Keys to write. Default `nastyKeys()`; for a store of one value always `''`. */
  readonly keys?: fc.Arbitrary<string> | undefined
  /** Values to write. Default all kinds. */
  readonly values?: fc.Arbitrary<unknown> | undefined
  /** Keys of one place can share a commit: for routers of several stores. Default: all can. */
  place?(key: string): string
  /**
   * Whether what the store shows at a key may depend on several sources, as in a join: then its feeds tell what is true on the way
   * that they took, and nothing of the points beside it (L1). Default false.
   */
  readonly mixes?: boolean | undefined
  /** How many random histories are tried, before `FANLIGHT_RUNS` multiplies it. Default 100. */
  readonly runs?: number | undefined
}
