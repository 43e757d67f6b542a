import { FanlightError, type KeyPart, key as keyOf } from '@fanlight/core'
import { checkOption, checkOptions } from '@fanlight/core/kit'
import type { Aggregate, Aggregates, Making, Member, RankOptions, Ranking, Running } from './aggregates.ts'
import { startCount, startMean, startSum } from './tallies.ts'

/**
 * What an author says is made of the members of a group, by name.
 *
 * @throws BAD_QUERY
 */
export function makeAggregates<In>(of: Making<In, Record<string, unknown>>): ReadonlyMap<string, Aggregate> {
  checkOption('of', of, 'function')
  const named: unknown = of(aggregates as Aggregates<In>)
  if (typeof named !== 'object' || named === null) {
    throw new FanlightError('BAD_QUERY', '`of` gives an object of aggregates: ({ count }) => ({ orders: count() })')
  }
  for (const [name, made] of Object.entries(named)) {
    if (typeof made === 'object' && made !== null && '~made' in made) continue
    throw new FanlightError('BAD_QUERY', `${name} is no aggregate: make one with count(), sum(...), top(...)`)
  }
  return new Map(Object.entries(named as Record<string, Aggregate>))
}

/** All that is shown is kept with the group, and written whenever it changes. */
const topMax = 10_000

const aggregates: Aggregates = {
  count: (where) => {
    if (where !== undefined) checkOption('count', where, 'function')
    return tally((member) => (where === undefined || where(member) ? 1 : undefined), startCount)
  },
  sum: (of) => {
    checkOption('sum', of, 'function')
    return tally((member) => numberOf(of(member)), startSum)
  },
  avg: (of) => {
    checkOption('avg', of, 'function')
    return tally((member) => numberOf(of(member)), startMean)
  },
  min: (of) => {
    checkOption('min', of, 'function')
    return one((member) => extremeOf(of(member)), false)
  },
  max: (of) => {
    checkOption('max', of, 'function')
    return one((member) => extremeOf(of(member)), true)
  },
  first: (options) => one(rankedBy('first', options), false),
  last: (options) => one(rankedBy('last', options), true),
  top: (size, options) => {
    if (!Number.isInteger(size) || size < 1 || size > topMax) {
      throw new FanlightError('BAD_QUERY', `top needs a whole number from 1 to ${topMax}, not ${String(size)}`)
    }
    return ranking({ of: rankedBy('top', options), reverse: true, size, show: (values) => values as readonly never[] })
  },
}

function tally<Out>(of: (member: Member) => unknown, start: (stored?: unknown) => Running<Out>): Aggregate<Out> {
  return { '~made': { kind: 'tally', of, start } }
}

function ranking<Out>(made: Omit<Ranking<Out>, 'kind'>): Aggregate<Out> {
  return { '~made': { kind: 'ranking', ...made } }
}

function one<Out>(of: Ranking<Out>['of'], reverse: boolean): Aggregate<Out | null> {
  return ranking({ of, reverse, size: 1, show: ([value]) => (value === undefined ? null : (value as Out)) })
}

function numberOf(given: unknown): number | undefined {
  if (given === undefined || given === null) return undefined
  if (typeof given === 'number' && Number.isFinite(given)) return given
  throw new FanlightError(
    'BAD_VALUE',
    `a member gives a finite number, undefined or null, not ${typeof given === 'number' ? given : typeof given}`,
  )
}

function extremeOf(given: unknown): readonly [string, unknown] | undefined {
  if (given === undefined || given === null) return undefined
  if (typeof given !== 'number' && typeof given !== 'string') {
    throw new FanlightError('BAD_VALUE', `a member gives a number, a string, undefined or null, not ${typeof given}`)
  }
  // `-0` is `0` in a key, and may come back as `0` from where it is kept.
  return [keyOf(given), given === 0 ? 0 : given]
}

/** Where a member stands by `by`, and what is kept of it by `of`; undefined: it takes no part. */
export function rankedBy<Out>(name: string, options: RankOptions<unknown, Out> = {}): Ranking<Out>['of'] {
  checkOptions(options, { by: 'function', of: 'function' }, `${name}.`)
  const { by, of } = options
  return (member) => {
    const rank = by === undefined ? [] : by(member)
    if (rank === undefined) return undefined
    const value = of === undefined ? member.value : of(member)
    return value === undefined ? undefined : [keyOf(...(isParts(rank) ? rank : [rank])), value]
  }
}

function isParts(rank: KeyPart | readonly KeyPart[]): rank is readonly KeyPart[] {
  return Array.isArray(rank)
}
