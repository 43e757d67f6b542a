import { FanlightError, type Query, type Range, type Types, type ValueAt, key as keyOf } from '@fanlight/core'
import { type Spans, checkOption, checkOptions, mergeSpans, rangeOf, readQuery, spansOf } from '@fanlight/core/kit'
import type { Yields } from '../mapping.ts'
import type { Member, Rank, Ranking } from './aggregates.ts'
import { rankedBy } from './make-aggregates.ts'

/** Where an entry meets others: at a text or a number, at several, or nowhere. `'1'` and `1` are not the same. */
export type MeetsAt = string | number | Iterable<string | number> | undefined | null

/**
 * What an entry meets: others of the upstream, which may be of the same span. Both functions must be pure (L0), and one of
 * them is needed.
 */
export interface JoinSide<Each = unknown, From extends Query = Query, In = unknown> {
  /** The query to the upstream that finds them, without a limit. Write it before the functions, which then know the values. */
  readonly from: From
  /** Where an entry of `each` meets them: it meets those that are there by `equals`. Default at its key. */
  readonly on?: ((entry: Member<Each>) => MeetsAt) | undefined
  /** Where one of them stands. Default at its key. */
  readonly equals?: ((entry: Member<In>) => MeetsAt) | undefined
  /**
   * In which order `to` is given them: parts of a key, as `key(...)` takes them; `desc(part)` turns the order around;
   * undefined: this one takes no part. Those that are equal in it stand in the order of their keys, and so do all of them
   * where it is absent.
   */
  readonly by?: ((entry: Member<In>) => Rank) | undefined
  /** `to` is given so many of them, the first in that order, and the others cost nothing. Default all. */
  readonly limit?: number | undefined
}

/** What is kept of the entries of a side. */
export interface JoinKept<In = unknown, Kept = unknown> {
  /**
   * What is kept of one of them and given to `to`: as little as that needs, since nothing is made anew where this stays as it
   * is; undefined: it takes no part. Default its value.
   */
  readonly of?: ((entry: Member<In>) => Kept | undefined) | undefined
}

/** What `to` is given of each side: the entries that are met there, each once, in the order of the side. */
export type Joined<T extends Types, From, Kept> = {
  readonly [Name in keyof From]: readonly Member<
    KeptOf<T, From[Name], Name extends keyof Kept ? Kept[Name] : unknown>
  >[]
}

/** Where there is no `of`, nothing says what it keeps. */
type KeptOf<T extends Types, From, Kept> = unknown extends Kept ? ValueAt<T, From> : Kept

/** How a view joins entries of its upstream. Its functions must be pure (L0). */
export interface JoinOptions<T extends Types, Each extends Query, From, Kept, Out> {
  /** The query to the upstream that finds the entries that yield something, one by one; without a limit. */
  readonly each: Each
  /** What they meet, by name. */
  readonly with: {
    readonly [Name in keyof From]: JoinSide<ValueAt<T, Each>, From[Name] & Query, ValueAt<T, From[Name]>>
  } & {
    readonly [Name in keyof Kept]: JoinKept<ValueAt<T, Name extends keyof From ? From[Name] : never>, Kept[Name]>
  }
  /**
   * What an entry yields, with what it meets on each side, as `map` of a view does: nothing, one entry, or several. Where two
   * entries yield one key, the one with the smallest key wins.
   */
  readonly to: (entry: Member<ValueAt<T, Each>>, met: Joined<T, From, Kept>) => Yields<Out>
}

/** A join, but for its types. */
export type AnyJoin = JoinOptions<{ '': unknown }, Query, Readonly<Record<string, Query>>, unknown, unknown>

/** A side, checked. */
export interface Side {
  readonly name: string
  /** What keys of the shelf begin with that have to do with it. */
  readonly start: string
  readonly spans: Spans
  readonly on: (entry: Member) => MeetsAt
  readonly equals: (entry: Member) => MeetsAt
  /** Where an entry stands in the order of the side, and what is kept of it; undefined: it takes no part. */
  readonly keeps: Ranking<unknown>['of']
  readonly limit: number
}

/** A join, checked. */
export interface Join {
  /** All that it is made of. */
  readonly query: readonly Range[]
  readonly each: Spans
  /** All that any side is of. */
  readonly others: Spans
  readonly sides: readonly Side[]
  readonly to: AnyJoin['to']
}

/**
 * Checks how a view joins.
 *
 * @throws BAD_QUERY, BAD_KEY
 */
export function readJoin({ each, with: met, to }: AnyJoin): Join {
  checkOption('join.to', to, 'function')
  if (typeof met !== 'object' || met === null || Object.keys(met).length === 0) {
    throw new FanlightError(
      'BAD_QUERY',
      'join.with names what entries of `each` meet: { author: { from: prefix("users/"), on: ({ value }) => value.author } }',
    )
  }
  const spans = readSpans('join.each', each)
  const sides = Object.entries(met).map(([name, side]) => readSide(name, side))
  const others = mergeSpans(sides.flatMap(({ spans }) => spans.list))
  const query = mergeSpans([...spans.list, ...others]).map(rangeOf)
  return { query, each: spans, others: spansOf(others), sides, to }
}

function readSide(name: string, side: JoinSide & JoinKept): Side {
  const where = `join.with.${name}`
  checkOptions(side ?? null, { on: 'function', equals: 'function', limit: 'count' }, `${where}.`)
  const { from, on, equals, by, of, limit = Infinity } = side
  if (on === undefined && equals === undefined) {
    throw new FanlightError(
      'BAD_QUERY',
      `${where} needs \`on\` or \`equals\`: where entries meet, if not at their keys`,
    )
  }
  const keeps = rankedBy(where, { by, of })
  return {
    name,
    start: keyOf(name),
    spans: readSpans(`${where}.from`, from),
    on: on ?? ownKey,
    equals: equals ?? ownKey,
    keeps,
    limit,
  }
}

function readSpans(where: string, query: Query): Spans {
  if (query === undefined) throw new FanlightError('BAD_QUERY', `${where} must be a query: prefix('users/')`)
  // What of it is too much the view says, of all together.
  const spans = readQuery(query, Infinity)
  if (!spans.limited) return spans
  throw new FanlightError('BAD_QUERY', `${where} can have no limit: a side of a join can, as \`limit\` beside \`from\``)
}

function ownKey({ key }: Member): string {
  return key
}
