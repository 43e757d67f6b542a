import type { Clock } from '../ambient.ts'
import type {
  ChangesOptions,
  Continued,
  Feed,
  FeedState,
  FetchOptions,
  Query,
  Snapshot,
  SourceId,
  Store,
  Supports,
  Types,
  Update,
  ValueAt,
  Versions,
  WatchOptions,
} from '../store.ts'
import { Behind } from './behind.ts'

/** Options of `lagging`. */
export interface LaggingOptions {
  /** What the store is called in errors. Default 'lagging'. */
  readonly name?: string | undefined
  /** Follows by itself, so many milliseconds late. Default: it follows when it is told. */
  readonly delayMs?: number | undefined
  /** For `delayMs` and for the time that askers wait. Default the machine's. */
  readonly clock?: Clock | undefined
}

/** A store that has not reached what the store under it has. */
export interface LaggingStore<T extends Types = { '': unknown }> extends Store<T> {
  /**
   * Lets it reach `to`, or what one step of the store under it changed. It never goes back, nor beyond that store.
   *
   * @param to absent: one step
   */
  release(to?: Versions): Promise<void>
  /** Lets it reach all that the store under it has reached. */
  releaseAll(): Promise<void>
}

class Lagging<T extends Types = { '': unknown }> implements Store<T> {
  declare readonly '~types'?: T
  readonly commit?: NonNullable<Store<T>['commit']>
  readonly #behind: Behind

  constructor(store: Store<T>, options: LaggingOptions = {}) {
    this.#behind = new Behind(store as Store<Types> as Store, options)
    if (store.commit !== undefined) this.commit = store.commit.bind(store)
  }

  get sources(): readonly SourceId[] {
    return this.#behind.sources
  }

  get supports(): Supports {
    return this.#behind.supports
  }

  get continues(): readonly Continued[] {
    return this.#behind.continues
  }

  get oldest(): Versions {
    return this.#behind.oldest
  }

  get reached(): Versions {
    return this.#behind.reached
  }

  get state(): FeedState {
    return this.#behind.state
  }

  fetch<const Q extends Query>(query: Q, options?: FetchOptions): Promise<Snapshot<ValueAt<T, Q>>> {
    return this.#behind.fetch(query, options) as Promise<Snapshot> as Promise<Snapshot<ValueAt<T, Q>>>
  }

  changes<const Q extends Query>(query: Q, options: ChangesOptions): Promise<Update<ValueAt<T, Q>>> {
    return this.#behind.changes(query, options) as Promise<Update> as Promise<Update<ValueAt<T, Q>>>
  }

  watch<const Q extends Query>(query: Q, options: WatchOptions = {}): Feed<ValueAt<T, Q>> {
    return this.#behind.watch(query, this.#behind.patient(options)) as Feed as Feed<ValueAt<T, Q>>
  }

  release(to?: Versions): Promise<void> {
    return this.#behind.step(to)
  }

  releaseAll(): Promise<void> {
    return this.#behind.catchUp()
  }

  /** Closes it and the store under it. */
  close(): Promise<void> {
    return this.#behind.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * Makes a store lag: it stays where it was until it is released. It obeys every law, so what stalls on it stalls as on a
 * slow store. Where the store under it forgets its past, it is taken along.
 *
 * @param store   what it shows later; it is closed with it
 * @param options name, and how it follows
 *
 * @example
 * ```ts
 * import { createMemoryStore, put } from '@fanlight/core'
 * import { lagging } from '@fanlight/core/testing'
 *
 * const store = createMemoryStore()
 * const late = lagging(store)
 * const min = await store.commit([put('a', 1)])
 * const answer = late.fetch({}, { min })
 * await late.releaseAll()
 * console.log((await answer).entries.length) // 1
 * await late.close()
 * ```
 */
export function lagging<T extends Types>(store: Store<T>, options: LaggingOptions = {}): LaggingStore<T> {
  return new Lagging<T>(store, options)
}
