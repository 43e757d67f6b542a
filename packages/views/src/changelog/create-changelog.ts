import {
  FanlightError,
  type History,
  type Query,
  type Range,
  type Store,
  type Types,
  type ValueAt,
  everything,
  systemClock,
} from '@fanlight/core'
import { type BaseOptions, checkLimits, mergeSpans, readQuery, spansOf } from '@fanlight/core/kit'
import type { View } from '../create-view.ts'
import type { AnswersOptions, MadeAnswers } from '../make-answers.ts'
import { MemoryShelf } from '../memory-shelf.ts'
import { StoreShelf } from '../store-shelf.ts'
import { View as ActiveView } from '../view.ts'
import { Logged } from './logged.ts'

/** What became of a key at a version of the upstream: it got a value, or went. */
export type ChangeRecord<V = unknown> =
  | { readonly version: number; readonly value: V; readonly gone?: undefined }
  | { readonly version: number; readonly gone: true; readonly value?: undefined }

/** A changelog, as a store: `createChangelog` makes one. */
export type Changelog<V = unknown> = View<{ '': ChangeRecord<V> }>

/** Options of `createChangelog`. */
export interface ChangelogOptions<Q extends Query = Query> extends BaseOptions {
  /** Which keys are logged: ranges without a limit. Default everything. */
  readonly query?: Q | undefined
  /** Of each key so many records are kept, the newest: from 1 to 10,000. Default all. */
  readonly last?: number | undefined
  /**
   * The records of so many commits are kept, the newest of those that changed something: from 1 up, Infinity for all.
   * Default 100,000; with `last` all.
   */
  readonly commits?: number | undefined
  /**
   * Where it is kept: a writable store of one source, for the log alone (`prefixed` makes one inside another). The next
   * start follows on from there. It is not closed with the log. Default memory.
   */
  readonly into?: Store | undefined
  /** How much of the past of the log itself is kept, without `into`. Default 64 MiB or 100,000 commits, whichever comes first. */
  readonly history?: History | undefined
  /** Shows each change so many milliseconds late: for tests, examples and benchmarks. Default 0. */
  readonly delayMs?: number | undefined
}

/** How many records of a key can be kept, where not all are. */
const lastMax = 10_000

const commitsDefault = 100_000

/**
 * Makes a changelog: a store with a record for each change of a key of another store, under `key(key, version)`. So those of
 * one key stand together, the newest last, each with the version of the upstream at which it happened: what was written, or
 * that the key went. A commit that puts what is there already changes nothing. It is a view: it has the sources of its
 * upstream, and at a point of that it holds what had happened by then.
 *
 * Each commit is logged on its own, also where it comes with others or long after it happened: the upstream is asked what
 * happened in between, as far back as it knows. So it logs from the oldest point that the upstream knows when the log
 * begins. That point is part of its own source, `changelog@...`: the same source at the same point holds the same, in
 * every process (L0). Where the upstream has forgotten something before it was logged, or is another one, the log begins
 * anew, as another source, and whoever follows gets a replacement: there is no hole that nobody sees (L7).
 *
 * @param upstream a store of one source, or a view of one: a router has several, so make a log of each of its stores
 * @param options  last, commits: what is kept; query, into, history, name, limits, clock, random, onEvent
 * @throws BAD_QUERY where the upstream has several sources, `query` has a limit, an option is out of its range, or `into` is
 *   not writable or of several sources; BAD_KEY
 *
 * @example
 * ```ts
 * import { createMemoryStore, key, prefix, put } from '@fanlight/core'
 * import { createChangelog } from '@fanlight/views'
 *
 * const users = createMemoryStore<{ '': string }>()
 * const log = createChangelog(users, { last: 2 })
 * for (const name of ['Ann', 'Anna', 'Anne']) await users.commit([put('7', name)])
 * const { entries } = await log.fetch(prefix(key('7') + '/'), { min: users.reached })
 * console.log(entries.map(({ value }) => value)) // [ { version: 2, value: 'Anna' }, { version: 3, value: 'Anne' } ]
 * await log.close()
 * ```
 */
export function createChangelog<T extends Types, const Q extends Query = Range>(
  upstream: Store<T>,
  options?: ChangelogOptions<Q>,
): Changelog<ValueAt<T, Q>>
export function createChangelog(upstream: Store, options: ChangelogOptions = {}): View {
  const {
    query = everything,
    last = Infinity,
    into,
    history,
    name = 'changelog',
    limits,
    clock = systemClock,
  } = options
  const { commits = last === Infinity ? commitsDefault : Infinity } = options
  const { ranges, valueDepth: depthMax } = checkLimits(limits)
  if (options.last !== undefined) checkMost('last', last, lastMax)
  if (commits !== Infinity) checkMost('commits', commits, Number.MAX_SAFE_INTEGER)
  const { list, limited } = readQuery(query, ranges)
  if (limited) throw new FanlightError('BAD_QUERY', 'the query of a changelog has no limit: ask the log with one')
  const spans = spansOf(mergeSpans(list))
  const shelf = (): MemoryShelf | StoreShelf =>
    into === undefined ? new MemoryShelf(history, clock) : new StoreShelf(into)
  const answers = ({ upstream: part }: AnswersOptions): MadeAnswers => ({
    answers: new Logged({ name, upstream: part, spans, keeps: { last, commits }, depthMax, shelf }),
    isOnDemand: false,
  })
  // Until it has begun: then it is of another source, which names the beginning.
  const definition = 'a changelog that has not begun'
  return new ActiveView(upstream, {
    ...options,
    name,
    query: spans.query,
    definition,
    answers,
  })
}

function checkMost(name: string, value: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return
  throw new FanlightError('BAD_QUERY', `${name} must be a whole number from 1 to ${most}, not ${value}`)
}
