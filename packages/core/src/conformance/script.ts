import * as fc from 'fast-check'
import type { Query } from '../store.ts'
import { anyQuery } from './arbitraries.ts'
import type { Bench } from './bench.ts'

/** A key to write; a value where the setup names them. */
export interface Pick {
  readonly key: string
  readonly gone: boolean
  readonly value: unknown
}

/** One thing to do. Numbers choose among what there is by then: points, feeds, commits, counted from the newest. */
export type Op =
  | {
      readonly do: 'write'
      readonly picks: readonly Pick[]
      readonly basis: number | undefined
      readonly guard: Query | undefined
      readonly id: boolean
    }
  | { readonly do: 'retry'; readonly commit: number }
  | { readonly do: 'fetch'; readonly query: Query; readonly min: number | undefined; readonly max: number | undefined }
  | { readonly do: 'changes'; readonly query: Query; readonly since: number; readonly until: number | undefined }
  | { readonly do: 'watch'; readonly query: Query }
  | { readonly do: 'take'; readonly feed: number; readonly to: number | undefined }
  | { readonly do: 'setQuery'; readonly feed: number; readonly query: Query }
  | { readonly do: 'resume'; readonly feed: number }
  | { readonly do: 'leave'; readonly feed: number }
  | { readonly do: 'await'; readonly how: 'fetch' | 'changes' | 'take'; readonly query: Query; readonly feed: number }
  | { readonly do: 'settle' }
  | { readonly do: 'tick'; readonly ms: number }
  | { readonly do: 'reopen' }

/** Everything that an op can be. */
export type Kind = Op['do']

/** What is done, in turns: the ops of one turn start together, in an order that the scheduler chooses. */
export type Script = readonly (readonly Op[])[]

/** Random scripts for the store of this bench, each about a few keys only, so that what is done meets. */
export function anyScript(bench: Bench): fc.Arbitrary<Script> {
  const { length } = bench.pool
  const few = { minLength: Math.min(3, length), maxLength: Math.min(6, length) }
  return fc.shuffledSubarray([...bench.pool], few).chain((keys) => scriptAbout(bench, keys))
}

function scriptAbout(bench: Bench, keys: readonly string[]): fc.Arbitrary<Script> {
  const { supports } = bench.store
  const number = fc.nat({ max: 12 })
  const perhaps = fc.option(number, { nil: undefined })
  const query = anyQuery(boundsOf(bench, keys))
  const guard = supports.guard === 'ranges' ? fc.option(query, { nil: undefined, freq: 3 }) : fc.constant(undefined)
  const pick = fc.record({
    key: fc.constantFrom(...keys),
    gone: supports.single ? fc.constant(false) : fc.boolean(),
    value: bench.setup.values ?? fc.constant(undefined),
  })
  const conditional = supports.commit && bench.commitsWhatItShows
  const write = fc.record({
    do: fc.constant('write' as const),
    picks: fc.array(pick, { minLength: 1, maxLength: 4, size: 'max' }),
    basis: conditional ? fc.option(number, { nil: undefined, freq: 2 }) : fc.constant(undefined),
    guard,
    id: fc.boolean(),
  })
  const op = fc.oneof(
    { weight: 12, arbitrary: write },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('fetch' as const), query, min: perhaps, max: perhaps }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('changes' as const), query, since: number, until: perhaps }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('watch' as const), query }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('take' as const), feed: number, to: perhaps }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('setQuery' as const), feed: number, query }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('resume' as const), feed: number }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), feed: number }) },
    { weight: 2, arbitrary: anyWait(query, number) },
    { weight: 1, arbitrary: fc.constant({ do: 'settle' as const }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.constantFrom(1, 50, 5_000) }) },
    ...(supports.ids
      ? [{ weight: 1, arbitrary: fc.record({ do: fc.constant('retry' as const), commit: number }) }]
      : []),
    ...(supports.durable ? [{ weight: 1, arbitrary: fc.constant({ do: 'reopen' as const }) }] : []),
  )
  return fc.array(fc.array(op, { minLength: 1, maxLength: 4, size: 'max' }), {
    minLength: 2,
    maxLength: 20,
    size: 'max',
  })
}

function anyWait(query: fc.Arbitrary<Query>, feed: fc.Arbitrary<number>): fc.Arbitrary<Op> {
  return fc.record({ do: fc.constant('await' as const), how: fc.constantFrom('fetch', 'changes', 'take'), query, feed })
}

/** Keys worth asking for: those that are written, and those that the store then shows. */
function boundsOf(bench: Bench, keys: readonly string[]): readonly string[] {
  const written = keys.map((key) => ({ key, value: bench.value() }))
  return [...new Set([...keys, ...bench.effect(written)])]
}
