import {
  FanlightError,
  type FeedState,
  type History,
  type Query,
  type Range,
  type Store,
  type Types,
  type ValueAt,
  everything,
} from '@fanlight/core'
import { type BaseOptions, checkOptions } from '@fanlight/core/kit'
import type { CacheState } from './answer-cache.ts'
import type { MapFunction } from './mapping.ts'
import { type GroupOptions, groupKind } from './operators/group.ts'
import { joinKind } from './operators/join.ts'
import type { AnyJoin, JoinOptions } from './operators/join-options.ts'
import { mapKind } from './operators/map.ts'
import type { Kind } from './operators/operator.ts'
import { type WithinOptions, withClock, withinKind } from './operators/within.ts'
import { type Reads, sameKeys } from './passing.ts'
import type { Progress } from './first-state.ts'
import { type Mode, makeAnswers } from './make-answers.ts'
import { View as KnownView } from './view.ts'

/** A view: `createView` makes one. */
export interface View<T extends Types = { '': unknown }> extends Store<T> {
  /** Its name, in errors. */
  readonly name: string
  /** How its sources stand: 'catching up' until it has read its upstream, stale(why) where its function throws. */
  readonly state: FeedState
  /** How far it is with reading its upstream for the first time. */
  readonly progress: Progress
  /** With `mode: 'lazy'`, what it holds, and how often that was of use. */
  readonly cache: CacheState | undefined
}

/** Options of every view. */
export interface ViewBasics<Q extends Query = Query> extends BaseOptions {
  /** What the view is made of: a query to its upstream. Default everything. */
  readonly query?: Q | undefined
  /**
   * Names the functions of the view: a text that you change whenever you change one of them, or `query`. It is part of the
   * view's versions, and a view that finds what another definition made is made anew. Default a random one.
   */
  readonly definition?: string | undefined
  /**
   * Where the view is kept: a writable store of one source, for the view alone (`prefixed` makes one inside another). The
   * next start follows on from there. It is not closed with the view. Default memory.
   */
  readonly into?: Store | undefined
  /**
   * What happens where a function of the view throws, or gives what is no entry: 'skip': that input, or that group, yields
   * nothing; 'stop': the view stays at its last good point, stale, until the input changes. Default 'stop'.
   */
  readonly onThrow?: 'skip' | 'stop' | undefined
  /** Shows each change so many milliseconds late: for tests, examples and benchmarks. Default 0. */
  readonly delayMs?: number | undefined
  /** How much of the past is kept, without `into`. Default 64 MiB or 100,000 commits, whichever comes first. */
  readonly history?: History | undefined
  /**
   * How many entries of a range of its upstream it reads at once while it is made. With `into` so many are one commit to it,
   * and where the process ends the next start goes on behind the last one. Default 1,000 with `into`, 500,000 without; 1 at least.
   */
  readonly pageSize?: number | undefined
  /**
   * When it is worked out: 'active', whenever the upstream changes, so that answers are there at once; 'passthrough', whenever
   * it is asked, of what the upstream says then, so that nothing is kept; 'lazy', when it is asked, and then held until
   * something changes that was read for it. Default 'active'.
   */
  readonly mode?: Mode | undefined
  /**
   * With 'passthrough' and 'lazy': what of the upstream is read for a range of the view: at least all entries that yield a key
   * of it, with all others that these are made of: the members of their groups, and whom they meet in a join. `sameKeys` where
   * entries stand under the keys of those that yield them, and are made of nothing else: BAD_QUERY for a join. Default all of
   * `query`, for each question.
   */
  readonly reads?: Reads | undefined
  /**
   * With 'lazy': how many bytes the answers that are held may take, about; where they take more, those go that nobody has
   * asked for the longest. Default 64 MiB.
   */
  readonly cacheBytes?: number | undefined
}

/** Options of `createView` for a view that maps. */
export interface ViewOptions<In = unknown, Out = unknown, Q extends Query = Query> extends ViewBasics<Q> {
  /** What each entry of the upstream yields: nothing, one entry of the view, or several. It must be pure (L0). */
  readonly map: MapFunction<In, Out>
  /** Only what is in a window of time is there for it. Default all that `query` finds. */
  readonly within?: WithinOptions<In> | undefined
}

/** Options of `createView` for a view that groups. */
export interface GroupViewOptions<
  In = unknown,
  Results = Record<string, unknown>,
  Out = unknown,
  Q extends Query = Query,
> extends ViewBasics<Q> {
  /** How entries of the upstream are grouped, and what is made of each group: one entry, absent where nobody is in it. */
  readonly group: GroupOptions<In, Results, Out>
  /** Only what is in a window of time is there for it. Default all that `query` finds. */
  readonly within?: WithinOptions<In> | undefined
}

/** Options of `createView` for a view that joins. */
export interface JoinViewOptions<
  T extends Types = { '': unknown },
  Each extends Query = Query,
  From = Readonly<Record<string, Query>>,
  Kept = unknown,
  Out = unknown,
> extends Omit<ViewBasics, 'query'> {
  /** Which entries of the upstream meet which others, and what is made of each with those that it meets. */
  readonly join: JoinOptions<T, Each, From, Kept, Out>
  /** The view is made of what `join` says: there is no query beside it. */
  readonly query?: undefined
}

/**
 * Makes a view: a function of another store, kept up to date. It has the sources of its upstream, so that its
 * answers agree with those of the upstream at every point (L3), and one more, `view@<definition>`, which never moves.
 *
 * With `map` each entry yields what that says: an entry with another value, under another key, several, or none. Where two
 * entries yield one key, the one with the smallest key wins. With `group` all entries of a group yield one together: see
 * `Aggregates`. A change costs what it touches, not what the group is large. With `join` each entry of one query yields what is
 * made of it and of those that it meets: see `JoinOptions`.
 *
 * With `within` it sees only what is in a window of time that slides: see `WithinOptions`. The time is that of a clock in its
 * upstream, `createClockStore`, so that what falls out of the window does so at a version.
 *
 * It is there at once and reads its upstream in the background: until it has, answers wait. (With `mode: 'passthrough'` and
 * 'lazy' it reads what it is asked for, when it is asked.) A change of the upstream shows
 * when it is applied, whole (L4); ask with `min` for an answer that has it. A view never writes into its upstream.
 * `onEvent` hears of steps that took several commits at once ('fold'), of what had to be read anew ('reset'), and how many entries
 * have been read for the first state ('progress').
 *
 * @param upstream any store; a router too, and one that the view is mounted in, where `query` does not touch the view
 * @param options  `map`, `group` or `join` is needed, and with `into` a `definition`
 * @throws BAD_QUERY where `query`, `map`, `group` or `join` is none, `query` is beside `join`, an option is out of its range, `into` is not writable or of several sources, or `definition` is missing; BAD_KEY
 *
 * @example
 * ```ts
 * import { createMemoryStore, get, key, put } from '@fanlight/core'
 * import { createView } from '@fanlight/views'
 *
 * const users = createMemoryStore<{ '': { name: string } }>()
 * const byName = createView(users, { map: ({ key: id, value }) => ({ key: key(value.name, id), value: id }) })
 * const versions = await users.commit([put('7', { name: 'Ann' })])
 * console.log(await get(byName, 'Ann/7', { min: versions })) // 7
 * await byName.close()
 * ```
 *
 * @example
 * ```ts
 * import { createMemoryStore, get, put } from '@fanlight/core'
 * import { createView } from '@fanlight/views'
 *
 * const orders = createMemoryStore<{ '': { by: string; price: number } }>()
 * const totals = createView(orders, {
 *   group: {
 *     by: ({ value }) => value.by,
 *     of: ({ count, sum }) => ({ orders: count(), total: sum(({ value }) => value.price) }),
 *   },
 * })
 * const min = await orders.commit([put('1', { by: 'ann', price: 0.1 }), put('2', { by: 'ann', price: 0.2 })])
 * console.log(await get(totals, 'ann', { min })) // { orders: 2, total: 0.30000000000000004 }
 * await totals.close()
 * ```
 *
 * @example
 * ```ts
 * import { createMemoryStore, get, prefix, put } from '@fanlight/core'
 * import { createView } from '@fanlight/views'
 *
 * const blog = createMemoryStore<{ 'posts/': { title: string; author: string }; 'users/': { name: string } }>()
 * const posts = createView(blog, {
 *   join: {
 *     each: prefix('posts/'),
 *     with: { author: { from: prefix('users/'), on: ({ value }) => `users/${value.author}` } },
 *     to: ({ key, value }, { author }) => ({ key, value: { title: value.title, by: author[0]?.value.name ?? null } }),
 *   },
 * })
 * const min = await blog.commit([put('posts/1', { title: 'Joins', author: 'ann' }), put('users/ann', { name: 'Ann' })])
 * console.log(await get(posts, 'posts/1', { min })) // { title: 'Joins', by: 'Ann' }
 * await posts.close()
 * ```
 */
export function createView<T extends Types, Out, const Q extends Query = Range>(
  upstream: Store<T>,
  options: ViewOptions<ValueAt<T, Q>, Out, Q>,
): View<{ '': Out }>
export function createView<T extends Types, Results, Out = Results, const Q extends Query = Range>(
  upstream: Store<T>,
  options: GroupViewOptions<ValueAt<T, Q>, Results, Out, Q>,
): View<{ '': Out }>
export function createView<T extends Types, Out, const From, Kept, const Each extends Query = Range>(
  upstream: Store<T>,
  options: JoinViewOptions<T, Each, From, Kept, Out>,
): View<{ '': Out }>
export function createView(upstream: Store, options: ViewOptions | GroupViewOptions | JoinViewOptions): View {
  const given = (options ?? {}) as Partial<ViewOptions> & Kinds
  const { map, group, join, within, mode = 'active', ...rest } = given
  const made = madeBy({ map, group, join }, options)
  checkOptions(given, { mode: ['active', 'passthrough', 'lazy'], reads: 'function' })
  for (const name of notFor[mode]) {
    if (given[name] === undefined) continue
    throw new FanlightError('BAD_QUERY', `\`${name}\` means nothing with mode: '${mode}': leave it out`)
  }
  const settings = { ...rest, ...(within === undefined ? made : madeWithin(within, made)), mode }
  return new KnownView(upstream, { ...settings, answers: (options) => makeAnswers(settings, options) })
}

/** What is for views that keep a state. */
const keeping = ['into', 'history', 'delayMs', 'pageSize'] as const

/** Which options are not for a mode. */
const notFor = {
  active: ['reads', 'cacheBytes'],
  passthrough: [...keeping, 'cacheBytes'],
  lazy: keeping,
} as const

/** What says of which kind a view is: one of them. */
interface Kinds {
  readonly map?: MapFunction | undefined
  readonly group?: GroupOptions | undefined
  readonly join?: AnyJoin | undefined
}

/** Of which kind a view is, and what it asks of its upstream. */
interface Made {
  readonly kind: Kind
  readonly query: Query
  readonly reads?: Reads | undefined
}

/** Lets a kind see only what is in a window of time: wherever it reads, the time is read too. */
function madeWithin(within: WithinOptions, { kind, query, reads }: Made): Made {
  return {
    kind: withinKind(within, kind),
    query: withClock(query, within.clock),
    reads: reads && ((range) => withClock(reads(range), within.clock)),
  }
}

function madeBy(kinds: Kinds, options: unknown): Made {
  const { map, group, join } = kinds
  const given = Object.entries(kinds).filter(([, one]) => one !== undefined)
  if (given.length === 1) {
    const { query = everything, reads } = options as ViewBasics
    if (typeof map === 'function') return { kind: mapKind(map), query, reads }
    if (typeof group === 'object' && group !== null) return { kind: groupKind(group), query, reads }
    if (typeof join === 'object' && join !== null) {
      if (reads === sameKeys) {
        throw new FanlightError('BAD_QUERY', '`sameKeys` leaves out what a join meets: let `reads` say that too')
      }
      return { ...joinKind(join, (options as ViewBasics).query), reads }
    }
  }
  const names = given.map(([name, one]) => `${name}: ${typeof one}`).join(' and ')
  const got = typeof options === 'function' ? 'a function in place of the options' : names || 'none of them'
  const message = `a view needs { map: a function of { key, value } }, { group: { by, of } } or { join: { each, with, to } }, and got ${got}: write createView(store, { map })`
  throw new FanlightError('BAD_QUERY', message)
}
