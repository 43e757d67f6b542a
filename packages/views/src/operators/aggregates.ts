import type { KeyPart } from '@fanlight/core'

/** An entry, as the functions of aggregates are given it. */
export interface Member<V = unknown> {
  readonly key: string
  readonly value: V
}

/** What is made of the members of a group, from what each of them gives: one of `Aggregates` makes it. */
export interface Aggregate<Out = unknown> {
  /** @internal */
  readonly '~made': Tally<Out> | Ranking<Out>
}

/** What a member is ordered by: a part of a key, or several; undefined: it takes no part. */
export type Rank = KeyPart | readonly KeyPart[] | undefined

/** How `first`, `last` and `top` order the members, and what they show. */
export interface RankOptions<In = unknown, Out = In> {
  /**
   * What a member is ordered by, in the order of keys: a part of a key or several; undefined: it takes no part. Members that
   * are equal in this stand in the order of their keys, and so do all of them where it is absent.
   */
  readonly by?: ((member: Member<In>) => Rank) | undefined
  /** What is shown of a member; undefined: it takes no part. Default its value. */
  readonly of?: ((member: Member<In>) => Out | undefined) | undefined
}

/**
 * Makes aggregates. Their functions are given a member, `{ key, value }`, and must be pure (L0). A member that gives
 * undefined takes no part: `sum(({ value }) => value.paid ? value.price : undefined)`.
 */
export interface Aggregates<In = unknown> {
  /**
   * How many members there are.
   *
   * @param where counts only those for which it is true. Default all
   */
  readonly count: (where?: (member: Member<In>) => boolean) => Aggregate<number>

  /**
   * The sum of the numbers that members give: 0 where there are none. It is exact, and rounded once, when it is shown: what
   * comes and goes leaves no trace, in whatever order, `0.1` included. Beyond the largest double it is Infinity or -Infinity,
   * which is no value of an entry: the view says so, unless `to` makes something else of it.
   *
   * @param of what a member gives: a finite number, or undefined or null where it takes no part
   */
  readonly sum: (of: (member: Member<In>) => number | null | undefined) => Aggregate<number>

  /**
   * The mean of the numbers that members give: their sum, rounded once, divided by how many there are; null where there are
   * none.
   *
   * @param of what a member gives: a finite number, or undefined or null where it takes no part
   */
  readonly avg: (of: (member: Member<In>) => number | null | undefined) => Aggregate<number | null>

  /**
   * The least of what members give, numbers before strings, strings by code point; null where there is nothing.
   *
   * @param of what a member gives: a finite number, a string, or undefined or null where it takes no part
   */
  readonly min: <V extends number | string>(of: (member: Member<In>) => V | null | undefined) => Aggregate<V | null>

  /**
   * The greatest of what members give, numbers before strings, strings by code point; null where there is nothing.
   *
   * @param of what a member gives: a finite number, a string, or undefined or null where it takes no part
   */
  readonly max: <V extends number | string>(of: (member: Member<In>) => V | null | undefined) => Aggregate<V | null>

  /**
   * The first of the members in an order; null where there is none. When they were written is no order: what a view shows
   * depends on what is there, and on nothing else (L0). Put a time into the entries, and order by it.
   *
   * @param options the order, and what is shown. Default the values, by their keys
   */
  readonly first: <Out = In>(options?: RankOptions<In, Out>) => Aggregate<Out | null>

  /**
   * The last of the members in an order; null where there is none. Of those that are equal in it, the one with the greatest
   * key.
   *
   * @param options the order, and what is shown. Default the values, by their keys
   */
  readonly last: <Out = In>(options?: RankOptions<In, Out>) => Aggregate<Out | null>

  /**
   * The last so many members in an order, the last one first: the greatest where `by` gives a number, the least where it
   * gives `desc(number)`.
   *
   * @param size    how many, from 1 to 10,000: all that is shown is kept with the group, and written whenever it changes
   * @param options the order, and what is shown. Default the values, by their keys
   * @throws BAD_QUERY where `size` is none
   */
  readonly top: <Out = In>(size: number, options?: RankOptions<In, Out>) => Aggregate<readonly Out[]>
}

/** Aggregates under the names that their results have. */
export type Named<Results> = { readonly [K in keyof Results]: Aggregate<Results[K]> }

/** Says what is made of the members of a group. It is called once. */
export type Making<In, Results> = (aggregates: Aggregates<In>) => Named<Results>

/** An aggregate that adds up what members give. */
export interface Tally<Out> {
  readonly kind: 'tally'
  /** What a member gives, a value; undefined: it takes no part. */
  readonly of: (member: Member) => unknown
  /** Goes on from what was kept; absent: from nothing. */
  readonly start: (stored?: unknown) => Running<Out>
}

/** A tally in the making. */
export interface Running<Out> {
  /** What members give that came. */
  add(given: readonly unknown[]): void
  /** What members gave that left. */
  remove(given: readonly unknown[]): void
  /** What is to be kept: a value. */
  readonly stored: unknown
  readonly shown: Out
}

/** An aggregate that shows the first or the last members in an order. */
export interface Ranking<Out> {
  readonly kind: 'ranking'
  /** Where a member stands, and what is shown of it; undefined: it takes no part. */
  readonly of: (member: Member) => readonly [rank: string, value: unknown] | undefined
  /** Whether the last ones are shown, the last one first. */
  readonly reverse: boolean
  /** How many are shown. */
  readonly size: number
  readonly show: (values: readonly unknown[]) => Out
}
