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
import type { MapFunction } from './mapping.ts'
import { type GroupOptions, groupKind } from './operators/group.ts'
import { mapKind } from './operators/map.ts'
import type { Kind } from './operators/operator.ts'
import { type WithinOptions, withClock, withinKind } from './operators/within.ts'
import type { Reads } from './passing.ts'
import { View as ActiveView } from './view.ts'

/** An active view: `createView` makes one. */
export interface View<T extends Types = { '': unknown }> extends Store<T> {
  /** Its name, in errors. */
  readonly name: string
  /** How its sources stand: 'catching up' until it has read its upstream, stale(why) where its function throws. */
  readonly state: FeedState
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
}

/** Options of `createView` for a view that maps. */
export interface ViewOptions<In = unknown, Out = unknown, Q extends Query = Query> extends ViewBasics<Q> {
  /** What each entry of the upstream yields: nothing, one entry of the view, or several. It must be pure (L0). */
  readonly map: MapFunction<In, Out>
  /** Only what is in a window of time is there for it. Default all that `query` finds. */
  readonly within?: WithinOptions<In> | undefined
  /**
   * When it is worked out: 'active', whenever the upstream changes, so that answers are there at once; 'passthrough', whenever
   * it is asked, of what the upstream says then, so that nothing is kept. Default 'active'.
   */
  readonly mode?: 'active' | 'passthrough' | undefined
  /**
   * With 'passthrough': what of the upstream is read for a range of the view: at least all entries that yield a key of it.
   * `sameKeys` where entries stand under the keys of those that yield them. Default all of `query`, for each question.
   */
  readonly reads?: Reads | undefined
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

/**
 * Makes a view: a function of another store, kept up to date. It has the sources of its upstream, so that its
 * answers agree with those of the upstream at every point (L3), and one more, `view@<definition>`, which never moves.
 *
 * With `map` each entry yields what that says: an entry with another value, under another key, several, or none. Where two
 * entries yield one key, the one with the smallest key wins. With `group` all entries of a group yield one together: see
 * `Aggregates`. A change costs what it touches, not what the group is large.
 *
 * With `within` it sees only what is in a window of time that slides: see `WithinOptions`. The time is that of a clock in its
 * upstream, `createClockStore`, so that what falls out of the window does so at a version.
 *
 * It is there at once and reads its upstream in the background: until it has, answers wait. (With `mode: 'passthrough'` it reads
 * what it is asked for, when it is asked.) A change of the upstream shows
 * when it is applied, whole (L4); ask with `min` for an answer that has it. A view never writes into its upstream.
 * `onEvent` hears of steps that took several commits at once ('fold') and of what had to be read anew ('reset').
 *
 * @param upstream any store; a router too, and one that the view is mounted in, where `query` does not touch the view
 * @param options  `map` or `group` is needed, and with `into` a `definition`
 * @throws BAD_QUERY where `query`, `map` or `group` is none, an option is out of its range, `into` is not writable or of several sources, or `definition` is missing; BAD_KEY
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
 */
export function createView<T extends Types, Out, const Q extends Query = Range>(
  upstream: Store<T>,
  options: ViewOptions<ValueAt<T, Q>, Out, Q>,
): View<{ '': Out }>
export function createView<T extends Types, Results, Out = Results, const Q extends Query = Range>(
  upstream: Store<T>,
  options: GroupViewOptions<ValueAt<T, Q>, Results, Out, Q>,
): View<{ '': Out }>
export function createView(upstream: Store, options: ViewOptions | GroupViewOptions): View {
  const given = (options ?? {}) as Partial<ViewOptions & GroupViewOptions>
  const { query: asked = everything, map, group, within, mode = 'active', reads, ...rest } = given
  const inner = kindOf(options, map, group)
  const kind = within === undefined ? inner : withinKind(within, inner)
  const query = within === undefined ? asked : withClock(asked, within.clock)
  checkOptions(given, { mode: ['active', 'passthrough'], reads: 'function' })
  const passes = mode === 'passthrough'
  const keeps = within !== undefined || keeping.some((name) => rest[name] !== undefined)
  if (passes ? map === undefined || keeps : reads !== undefined) {
    const message = `mode: 'passthrough' is for \`map\`, and keeps nothing: leave out within, ${keeping.join(', ')}; \`reads\` is for it alone`
    throw new FanlightError('BAD_QUERY', message)
  }
  return new ActiveView(upstream, { ...rest, query, made: passes ? { map: map as MapFunction, reads } : { kind } })
}

/** What is for views that keep something only. */
const keeping = ['into', 'history', 'delayMs'] as const

function kindOf(options: unknown, map: MapFunction | undefined, group: GroupOptions | undefined): Kind {
  if (typeof map === 'function' && group === undefined) return mapKind(map)
  if (typeof group === 'object' && group !== null && map === undefined) return groupKind(group)
  const both = map !== undefined && group !== undefined
  const given = typeof options === 'function' ? 'a function in place of the options' : both ? 'both' : typeof map
  const message = `a view needs { map: a function of { key, value } } or { group: { by, of } }, and got ${given}: write createView(store, { map })`
  throw new FanlightError('BAD_QUERY', message)
}
