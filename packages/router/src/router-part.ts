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
} from '@fanlight/core'
import { type AtHand, ask, type Soon } from '@fanlight/core/kit'
import type { Scope } from './scope.ts'

/**
 * A router, seen by someone who asks only for what lies under a query: its sources and how far they are, are those of the
 * mounts that the query touches. `router.part(query)` makes one.
 */
export class RouterPart<T extends Types = Types> implements Store<T>, AtHand {
  declare readonly '~types'?: T
  readonly #router: Store<T>
  readonly #scope: () => Scope

  constructor(router: Store<T>, scope: () => Scope) {
    this.#router = router
    this.#scope = scope
  }

  get sources(): readonly SourceId[] {
    return this.#scope().sources
  }

  get supports(): Supports {
    return { ...this.#scope().supports, commit: false }
  }

  get continues(): readonly Continued[] {
    return this.#scope().continues
  }

  get oldest(): Versions {
    return this.#scope().oldest
  }

  get reached(): Versions {
    return this.#scope().reached
  }

  get state(): FeedState {
    return this.#scope().state
  }

  fetch<const Q extends Query>(query: Q, options?: FetchOptions): Promise<Snapshot<ValueAt<T, Q>>> {
    return this.#router.fetch(query, options)
  }

  '~atHand'(query: Query, options?: FetchOptions): Soon<Snapshot> {
    return ask(this.#router, query, options)
  }

  changes<const Q extends Query>(query: Q, options: ChangesOptions): Promise<Update<ValueAt<T, Q>>> {
    return this.#router.changes(query, options)
  }

  watch<const Q extends Query>(query: Q, options?: WatchOptions): Feed<ValueAt<T, Q>> {
    return this.#router.watch(query, options)
  }

  /** Does nothing: a part is a way to look at a router, which closes by itself. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
