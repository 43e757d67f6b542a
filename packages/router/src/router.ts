import {
  type ChangeOf,
  type ChangesOptions,
  type CommitOptions,
  type Continued,
  defaultLimits,
  type Feed,
  type FeedState,
  type FetchOptions,
  type Query,
  type Snapshot,
  type SourceId,
  type Store,
  type Supports,
  systemClock,
  type Types,
  type Update,
  type ValueAt,
  type Versions,
  type WatchOptions,
  type WritableStore,
  FanlightError,
  isFanlightError,
} from '@fanlight/core'
import { type AtHand, closed, promised, readQuery, type Soon } from '@fanlight/core/kit'
import { changesFrom } from './changes.ts'
import { commitTo } from './commit.ts'
import { type FeedHost, RouterFeed } from './feed.ts'
import { fetchFrom } from './fetch.ts'
import { Joiner, OwnWindow } from './joined.ts'
import { Lifts } from './lifts.ts'
import { type AnyStore, badMount, type Mountable, type MountOptions, readMount } from './mount.ts'
import { type MountChanges, MountTable } from './mount-table.ts'
import type { RoutedTypes, RouterOptions } from './options.ts'
import { planOf } from './plan.ts'
import { RouterPart } from './router-part.ts'
import { foreign, Scope } from './scope.ts'
import { scopedTo } from './scoped.ts'
import type { Table } from './table.ts'

/**
 * Several stores in one ordered keyspace, and a store itself: `createRouter` makes one. It answers at one moment of every
 * source, however far some of its stores lag (L3), and its feeds step only to such moments (L5).
 */
export type Router<T extends Types = { '': unknown }> = WritableStore<T> &
  Pick<MountRouter<T>, 'name' | 'mount' | 'unmount' | 'move' | 'remount' | 'part'>

/** The same, as it is made. */
export class MountRouter<T extends Types = { '': unknown }> implements WritableStore<T>, AtHand {
  declare readonly '~types'?: T
  readonly name: string
  readonly #tables: MountTable
  readonly #host: FeedHost
  readonly #feeds = new Set<RouterFeed>()
  readonly #ended = new AbortController()
  #scope: Scope
  #closing: Promise<void> | undefined

  /** @throws BAD_MOUNT, BAD_KEY */
  constructor(mounts: Readonly<Record<string, Mountable>>, options: RouterOptions = {}) {
    this.name = options.name ?? 'mounts'
    const list = Object.entries(mounts).map(([prefix, mountable]) => readMount(prefix, mountable, 0))
    this.#tables = new MountTable(this.name, list, options.tables ?? 1_000)
    this.#scope = this.#scopeOf(this.#tables.current)
    this.#host = this.#hostOf(options)
  }

  /** Of all mounts, and of the table of mounts; live, as mounts come and go. */
  get sources(): readonly SourceId[] {
    return this.#scope.sources
  }

  /** It takes commits as long as any mount does. */
  get supports(): Supports {
    return this.#scope.supports
  }

  get continues(): readonly Continued[] {
    return this.#scope.continues
  }

  /**
   * The horizon: for each source that of the mount which has forgotten most. It can be after `reached`, while one mount lags
   * further behind than another one's history goes back.
   */
  get oldest(): Versions {
    return this.#scope.oldest
  }

  /** For each source what all mounts have reached that know it. */
  get reached(): Versions {
    return this.#scope.reached
  }

  get state(): FeedState {
    return this.#scope.state
  }

  /**
   * Answers a query from all mounts that its ranges touch, at one point of every source (L1, L3). Two rounds at the most,
   * at any rate of commits (L9); what no mount covers answers nothing.
   *
   * @param query   one range or several; `limit` counts over all mounts
   * @param options `min`, `max` (points), `stall` (default 'wait'), `timeoutMs` (default 30,000), `signal`
   * @throws BAD_QUERY, BAD_KEY, LOST_IN_FOG, SOURCE_RESET, STALLED (naming the innermost store that blocks), ABORTED, CLOSED
   *
   * @example
   * ```ts
   * import { createMemoryStore, everything, put } from '@fanlight/core'
   * import { createRouter } from '@fanlight/router'
   *
   * const router = createRouter({ 'users/': createMemoryStore(), 'teams/': createMemoryStore() })
   * await router.commit([put('users/ann', 'Ann')])
   * const { entries } = await router.fetch(everything)
   * console.log(entries[0]?.key) // users/ann
   * ```
   */
  fetch<const Q extends Query>(query: Q, options?: FetchOptions): Promise<Snapshot<ValueAt<T, Q>>> {
    return promised(() => fetchFrom(this.#host, query, options)) as Promise<Snapshot<ValueAt<T, Q>>>
  }

  '~atHand'(query: Query, options?: FetchOptions): Soon<Snapshot> {
    return fetchFrom(this.#host, query, options)
  }

  /**
   * The net difference of two answers. Where keys went to other mounts in between, it replaces them.
   *
   * @throws BAD_QUERY, BAD_KEY, LOST_IN_FOG, SOURCE_RESET, STALLED, ABORTED, CLOSED
   */
  changes<const Q extends Query>(query: Q, options: ChangesOptions): Promise<Update<ValueAt<T, Q>>> {
    return changesFrom(this.#host, query, options) as Promise<Update<ValueAt<T, Q>>>
  }

  /**
   * Follows a query over all mounts that it touches. The feed steps to points at which they agree, and only to those (L5);
   * a change of mounts is one update, which replaces the keys concerned.
   *
   * @throws BAD_QUERY, BAD_KEY, TOO_MANY, CLOSED
   *
   * @example
   * ```ts
   * import { createMemoryStore, everything, put } from '@fanlight/core'
   * import { createRouter } from '@fanlight/router'
   *
   * const router = createRouter({ 'users/': createMemoryStore() })
   * const feed = router.watch(everything)
   * await feed.take()
   * await router.commit([put('users/ann', 'Ann')])
   * console.log((await feed.take())?.changes) // [ { key: 'users/ann', value: 'Ann' } ]
   * ```
   */
  watch<const Q extends Query>(query: Q, options: WatchOptions = {}): Feed<ValueAt<T, Q>> {
    this.#assertOpen()
    const { limits } = this.#host
    if (this.#feeds.size >= limits.feeds) {
      throw new FanlightError(
        'TOO_MANY',
        `there are ${this.#feeds.size} feeds already: close some, or raise limits.feeds`,
      )
    }
    const feed = new RouterFeed(this.#host, readQuery(query, limits.ranges), options)
    if (options.signal?.aborted !== true) this.#feeds.add(feed)
    return feed as Feed as Feed<ValueAt<T, Q>>
  }

  /**
   * Changes several keys as one. All of them belong to one store, be it mounted at several places (L4). It is always there,
   * since mounts come and go; `supports` says whether any of them takes commits now.
   *
   * @throws NOT_MOUNTED where a key belongs to no mount; READ_ONLY where its mount takes no commits; NOT_ATOMIC where keys or
   *   guarded ranges belong to different stores; BAD_KEY where two keys are one key of the store; whatever the store throws.
   *   Each says `applied`
   */
  commit(changes: readonly ChangeOf<T>[], options?: CommitOptions): Promise<Versions> {
    return commitTo(this.#host, changes, options)
  }

  /**
   * Mounts a store while feeds run: a commit to the table of mounts.
   *
   * @param prefix  empty, or ends with '/'; of a store of one value it may be exactly one key
   * @param options `keepOpen` (default false)
   * @returns the versions of the table from which the store is there
   * @throws BAD_MOUNT where something is mounted there, the prefix is none, or the router would be inside itself; BAD_KEY; CLOSED
   *
   * @example
   * ```ts
   * import { createMemoryStore, createVariable, get } from '@fanlight/core'
   * import { createRouter } from '@fanlight/router'
   *
   * const router = createRouter({ 'users/': createMemoryStore() })
   * router.mount('motto', createVariable('Look through'))
   * console.log(await get(router, 'motto')) // Look through
   * ```
   */
  mount(prefix: string, store: AnyStore, options: MountOptions = {}): Versions {
    if (this.#tables.current.at(prefix) !== undefined)
      throw badMount(prefix, 'something is mounted there: unmount it first')
    return this.remount({ [prefix]: { ...options, store } })
  }

  /**
   * Takes a store away. It stays open: whoever takes it away closes it.
   *
   * @returns the versions of the table from which it is gone
   * @throws BAD_MOUNT where nothing is mounted there; CLOSED
   */
  unmount(prefix: string): Versions {
    return this.remount({ [prefix]: undefined })
  }

  /**
   * Moves a store to another prefix, in one step.
   *
   * @throws BAD_MOUNT where nothing is mounted at `from`, or something at `to`; CLOSED
   */
  move(from: string, to: string): Versions {
    const { current } = this.#tables
    const mount = current.at(from)
    if (mount === undefined) throw badMount(from, 'nothing is mounted there')
    if (current.at(to) !== undefined) throw badMount(to, 'something is mounted there: unmount it first')
    return this.remount({ [from]: undefined, [to]: mount })
  }

  /**
   * Changes several mounts in one step: nobody sees one without the others (L4).
   *
   * @param changes what stands where from now on, in place of what may be there; undefined: nothing any more
   * @throws BAD_MOUNT, BAD_KEY, CLOSED: then nothing changed
   *
   * @example
   * ```ts
   * import { createMemoryStore } from '@fanlight/core'
   * import { createRouter } from '@fanlight/router'
   *
   * const router = createRouter({ 'blue/': createMemoryStore() })
   * router.remount({ 'blue/': undefined, 'green/': createMemoryStore() })
   * ```
   */
  remount(changes: MountChanges): Versions {
    this.#assertOpen()
    const table = this.#tables.changed(changes)
    const before = this.#scope
    this.#tables.enter(table, () => {
      this.#scope = this.#scopeOf(table)
      try {
        // Whoever would be inside itself is asked for its sources while it is being asked.
        void this.sources
      } catch (error) {
        this.#scope = before
        throw this.#misplaced(table, Object.keys(changes), error)
      }
    })
    for (const feed of this.#feeds) feed.retabled()
    return { [this.#tables.source]: table.version }
  }

  /**
   * The same router, for someone who asks only for what lies under a query: its sources, and how far they are, are those of
   * the mounts that the query touches, live. So a view can be mounted in the router that it is made of.
   *
   * @throws BAD_QUERY, BAD_KEY
   */
  part(query: Query): Store<T> {
    const spans = readQuery(query, this.#host.limits.ranges)
    let table: Table | undefined
    let scope: Scope | undefined
    return new RouterPart<T>(this, () => {
      const { current } = this.#tables
      if (scope === undefined || table !== current) {
        table = current
        scope = this.#scopeOf(current, planOf(current, spans).parts.map(scopedTo))
      }
      return scope
    })
  }

  /** Ends all feeds and waits with CLOSED, and closes each store once, but those that are mounted with `keepOpen`. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const why = closed(this.name, { store: this.name })
    for (const feed of this.#feeds) feed.end(why)
    this.#ended.abort(why)
    const { mounts, stores } = this.#tables.current
    const open = new Set(mounts.filter(({ keepOpen }) => keepOpen).map(({ store }) => store))
    await Promise.all(stores.filter((store) => !open.has(store)).map((store) => store.close()))
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closed(this.name, { store: this.name })
  }

  /** The error for a store that leads back to the router, at the place where it would stand. */
  #misplaced(table: Table, prefixes: readonly string[], error: unknown): unknown {
    if (!isFanlightError(error, 'BAD_MOUNT')) return error
    const before = this.#scope
    try {
      for (const prefix of prefixes) {
        const mount = table.at(prefix)
        if (mount === undefined) continue
        this.#scope = this.#scopeOf(table, [mount.store])
        try {
          void this.sources
        } catch {
          return badMount(prefix, 'the router would be mounted inside itself')
        }
      }
    } finally {
      this.#scope = before
    }
    return error
  }

  #scopeOf(table: Table, stores: readonly Store[] = table.stores): Scope {
    const tables = this.#tables
    return new Scope(stores, {
      source: tables.source,
      reached: table.version,
      get oldest() {
        return tables.oldest
      },
    })
  }

  #hostOf({ limits, clock = systemClock, onEvent }: RouterOptions): FeedHost {
    // oxlint-disable-next-line typescript/no-this-alias -- the getters below are those of the host
    const router = this
    const timeoutMs = limits?.timeoutMs
    const [versions, levels] = [new Joiner(), new Joiner()]
    return {
      name: this.name,
      clock,
      onEvent,
      limits: { ...defaultLimits, ...limits },
      defaults: timeoutMs === undefined ? undefined : { timeoutMs },
      tables: this.#tables,
      versions,
      levels,
      ownWindow: new OwnWindow(),
      lifts: new Lifts(this.#tables.source, versions, levels),
      ended: this.#ended.signal,
      get sources() {
        return router.sources
      },
      assertOpen: () => this.#assertOpen(),
      failed: (error) => {
        const { aborted: over, reason } = this.#ended.signal
        throw over && isFanlightError(error, 'ABORTED') && error.cause === reason ? reason : error
      },
      resolve: (point, what, exact) => this.#resolve(point, what, exact),
      forget: (feed) => this.#feeds.delete(feed),
    }
  }

  /** A point from elsewhere, in the present sources; of the table of mounts only versions that there have been. */
  #resolve(point: Versions, what: string, exact?: Versions): Versions {
    const { source, oldest, current } = this.#tables
    const at = exact?.[source]
    const table = at === undefined ? current : this.#tables.at(at)
    const resolved = this.#scope.resolve(point, what, table === current ? [] : table?.stores)
    const version = resolved[source]
    if (version !== undefined && version >= oldest && this.#tables.at(version) === undefined)
      throw foreign(source, version)
    return resolved
  }
}

/**
 * Mounts stores into one keyspace. A mount is at a prefix, which is empty or ends with '/'; a store of one value may stand at
 * exactly one key. A deeper mount shadows a shallower one. A router is a store, so routers nest; the same store may stand
 * at several places. The types of values follow from where stores are mounted.
 *
 * @param mounts  what stands where: a store, or `{ store, keepOpen }`
 * @param options name (default 'mounts'), limits, tables (default 1,000), clock, onEvent
 * @throws BAD_MOUNT, BAD_KEY
 *
 * @example
 * ```ts
 * import { createMemoryStore, prefix, put } from '@fanlight/core'
 * import { createRouter } from '@fanlight/router'
 *
 * const users = createMemoryStore<{ '': { name: string } }>()
 * const config = createMemoryStore<{ '': number }>()
 * const app = createRouter({ 'users/': users, 'config/': config })
 *
 * await app.commit([put('users/ann', { name: 'Ann' })])
 * const { entries } = await app.fetch(prefix('users/'))
 * console.log(entries[0]?.value.name) // Ann
 * await app.close()
 * ```
 */
export function createRouter<const M extends Readonly<Record<string, Mountable>>>(
  mounts: M,
  options: RouterOptions = {},
): Router<RoutedTypes<M>> {
  return new MountRouter<RoutedTypes<M>>(mounts, options)
}
