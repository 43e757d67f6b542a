import { Observable, type Subscriber } from 'rxjs'
import { type Hold, isClosedByHolder, pull } from '../feeds/pull.ts'
import { readQuery } from '../ranges.ts'
import type { Entry, Feed, FeedState, Query, Store, Update, ValueAt, Versions, WatchOptions } from '../store.ts'
import type { Types } from '../types.ts'
import { Listeners } from './listeners.ts'
import { reconcile } from './reconcile.ts'

/** Options of `live`: those of `watch`, but where it resumes. */
export type LiveOptions = Omit<WatchOptions, 'since'>

/** A query as a list that is kept up to date: `live` makes one. */
export class Live<V = unknown> extends Observable<readonly Entry<V>[]> implements AsyncDisposable {
  /**
   * Calls back after the list, or the state of a source, changed, and when it is over. Bound, as useSyncExternalStore and
   * its like want it.
   *
   * @returns ends it
   */
  readonly onChange: (callback: () => void) => () => void
  readonly #feed: Feed<V>
  readonly #reverse: boolean
  readonly #listeners = new Listeners()
  readonly #subscribers: Set<Subscriber<readonly Entry<V>[]>>
  readonly #hold: Hold
  #value: readonly Entry<V>[] | undefined
  #versions: Versions = {}
  #over: { readonly error?: unknown } | undefined

  /** @internal */
  constructor(feed: Feed<V>, reverse: boolean) {
    const subscribers = new Set<Subscriber<readonly Entry<V>[]>>()
    const hello: { to: (subscriber: Subscriber<readonly Entry<V>[]>) => void } = { to: () => undefined }
    super((subscriber) => {
      subscribers.add(subscriber)
      hello.to(subscriber)
      return () => subscribers.delete(subscriber)
    })
    hello.to = (subscriber) => this.#greet(subscriber)
    this.#subscribers = subscribers
    this.#feed = feed
    this.#reverse = reverse
    this.onChange = (callback) => this.#listeners.add(callback)
    const puller = {
      next: (update: Update<V>) => this.#apply(update),
      idle: () => this.#listeners.tell(),
      failed: (error: unknown) => this.#end(isClosedByHolder(error) ? {} : { error }),
    }
    // Where the store answers at once, so does the list: a first rendering need not be empty.
    this.#hold = pull(feed, puller, true)
  }

  /** The list, in key order (descending where every range says `reverse`), frozen; undefined before the first answer. */
  get value(): readonly Entry<V>[] | undefined {
    return this.#value
  }

  /** The point at which `value` is the answer. It moves on where nothing changes; it stays where it was when this ends. */
  get versions(): Versions {
    const isQuiet = this.#over === undefined && this.#value !== undefined && !this.#hold.isBusy
    return isQuiet ? this.#feed.versions : this.#versions
  }

  /** For each source how it stands. */
  get state(): FeedState {
    return this.#feed.state
  }

  /** What ended it, where that was an error. */
  get error(): unknown {
    return this.#over?.error
  }

  /** Ends it: subscribers complete, `value` stays. */
  close(): Promise<void> {
    this.#versions = this.versions
    this.#hold.stop()
    this.#end({})
    return this.#feed.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The list now and after each change; lists that came while the loop was busy are left out. Leaving it closes nothing. */
  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Entry<V>[], void, undefined> {
    let ring: (() => void) | undefined
    let seen: readonly Entry<V>[] | undefined
    const stop = this.#listeners.add(() => ring?.())
    try {
      for (;;) {
        const changed = new Promise<void>((resolve) => (ring = resolve))
        const value = this.#value
        if (value !== undefined && value !== seen) yield (seen = value)
        else if (this.#over === undefined) await changed
        else if ('error' in this.#over) throw this.#over.error
        else return
      }
    } finally {
      stop()
    }
  }

  #greet(subscriber: Subscriber<readonly Entry<V>[]>): void {
    if (this.#value !== undefined) subscriber.next(this.#value)
    if (this.#over !== undefined) finish(subscriber, this.#over)
  }

  #apply(update: Update<V>): void {
    const before = this.#value
    this.#value = reconcile(before ?? [], update, this.#reverse)
    this.#versions = update.versions
    if (this.#value === before) return
    const value = this.#value
    for (const subscriber of Array.from(this.#subscribers)) subscriber.next(value)
    this.#listeners.tell()
  }

  #end(over: { readonly error?: unknown }): void {
    if (this.#over !== undefined) return
    this.#over = over
    for (const subscriber of Array.from(this.#subscribers)) finish(subscriber, over)
    this.#listeners.tell()
  }
}

function finish(subscriber: Subscriber<unknown>, over: { readonly error?: unknown }): void {
  if ('error' in over) subscriber.error(over.error)
  else subscriber.complete()
}

/**
 * Follows a query as a sorted list that never changes in place: a list in which something changed is a new array, in which
 * the entries that did not change are the same objects. It follows from now on, with one feed for all who subscribe, until
 * it is closed.
 *
 * It is an Observable of these lists, which starts with the present one; `value` is that list, and `onChange` tells of the
 * next, so that no framework needs a binding: `useSyncExternalStore(list.onChange, () => list.value)` in React.
 *
 * @param store   what is asked
 * @param query   what is followed
 * @param options min, stall, signal, alone: as in `watch`
 * @returns the list; it errs with whatever ends its feed (L5, L6, L7)
 * @throws BAD_QUERY, BAD_KEY, CLOSED
 *
 * @example
 * ```ts
 * import { createMemoryStore, live, prefix, put } from '@fanlight/core'
 *
 * const store = createMemoryStore<{ 'users/': { name: string } }>()
 * const users = live(store, prefix('users/'))
 * await store.commit([put('users/ann', { name: 'Ann' })])
 * console.log(users.value?.map(({ value }) => value.name)) // [ 'Ann' ]
 * await users.close()
 * ```
 */
export function live<T extends Types, const Q extends Query>(
  store: Pick<Store<T>, '~types' | 'watch'>,
  query: Q,
  options: LiveOptions = {},
): Live<ValueAt<T, Q>> {
  return new Live(store.watch(query, options), readQuery(query, Infinity).reverse)
}
