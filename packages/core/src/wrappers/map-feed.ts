import { type FanlightError, closed } from '../errors.ts'
import { iterateFeed } from '../feeds/iterate.ts'
import type { Feed, FeedState, Query, Update, Versions } from '../store.ts'

/** How a feed is shown: what is left out stays as it is. */
export interface FeedMapping<V = unknown> {
  /** The query of the feed inside for one that the holder sets. */
  readonly query?: (query: Query) => Query
  /** The update as the holder gets it, for one that was taken. Its `query` is that of the holder already. */
  readonly update?: (update: Update) => Update<V>
  /** The error as the holder gets it. */
  readonly error?: (error: unknown) => unknown
}

/** A feed that shows another one in another way: `mapFeed` makes one. */
export class MappedFeed<V = unknown> implements Feed<V> {
  readonly #feed: Feed
  readonly #mapping: FeedMapping<V>
  /** What the holder asked for, by generation, as far as it is not answered. */
  readonly #asked = new Map<number, Query>()
  #generation = 0
  #failure: FanlightError | undefined

  constructor(feed: Feed, mapping: FeedMapping<V>) {
    this.#feed = feed
    this.#mapping = mapping
  }

  get versions(): Versions {
    return this.#feed.versions
  }

  get reached(): Versions {
    return this.#feed.reached
  }

  get state(): FeedState {
    return this.#feed.state
  }

  wake(callback: () => void): () => void {
    if (this.#failure !== undefined) throw this.#failure
    return this.#feed.wake(callback)
  }

  take(to?: Versions): Update<V> | undefined | Promise<Update<V> | undefined> {
    if (this.#failure !== undefined) throw this.#failure
    const failed = (error: unknown): never => {
      throw this.#failure ?? this.#mapping.error?.(error) ?? error
    }
    try {
      const taken = this.#feed.take(to)
      return taken instanceof Promise ? taken.then((update) => this.#show(update), failed) : this.#show(taken)
    } catch (error) {
      return failed(error)
    }
  }

  setQuery(query: Query): number {
    if (this.#failure !== undefined) throw this.#failure
    const inside = this.#mapping.query?.(query) ?? query
    // The answer may be taken before this returns, by a holder that is woken at once.
    const generation = this.#generation + 1
    this.#asked.set(generation, query)
    try {
      this.#feed.setQuery(inside)
    } catch (error) {
      this.#asked.delete(generation)
      throw this.#mapping.error?.(error) ?? error
    }
    return (this.#generation = generation)
  }

  close(): Promise<void> {
    return this.end(closed('the feed'))
  }

  /** Ends the feed: takes from now on fail with this. */
  end(why: FanlightError): Promise<void> {
    this.#failure ??= why
    return this.#feed.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [Symbol.asyncIterator](): AsyncIterator<Update<V>, void, undefined> {
    return iterateFeed(this, () => this.#failure !== undefined && this.#failure.store === undefined)
  }

  #show(update: Update | undefined): Update<V> | undefined {
    if (update === undefined) return undefined
    const query = this.#answered(update.generation)
    const shown = query === undefined ? update : { ...update, query }
    return this.#mapping.update?.(shown) ?? (shown as Update<V>)
  }

  /** The query, as the holder asked for it, that this generation is the first to answer. */
  #answered(generation: number): Query | undefined {
    if (this.#asked.size === 0) return undefined
    const query = this.#asked.get(generation)
    for (const old of this.#asked.keys()) if (old <= generation) this.#asked.delete(old)
    return query
  }
}

/**
 * Shows a feed in another way: with other keys, or other values. It is taken, woken and closed as the feed inside is.
 *
 * @param feed    has no holder
 * @param mapping what becomes of queries, updates and errors
 *
 * @example
 * ```ts
 * import { createMemoryStore, put } from '@fanlight/core'
 * import { mapFeed } from '@fanlight/core/kit'
 *
 * const store = createMemoryStore()
 * await store.commit([put('a', 1)])
 * const feed = mapFeed(store.watch({}), { update: (update) => ({ ...update, folded: 100 }) })
 * console.log((await feed.take())?.folded) // 100
 * await feed.close()
 * ```
 */
export function mapFeed<V>(feed: Feed, mapping: FeedMapping<V>): MappedFeed<V> {
  return new MappedFeed(feed, mapping)
}
