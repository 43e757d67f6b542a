import { key as keyOf } from '@fanlight/core'
import { compareKeys } from '@fanlight/core/kit'
import type { Making, Member, Ranking, Tally } from './aggregates.ts'
import { placed } from './moves.ts'
import { makeAggregates } from './make-aggregates.ts'

/**
 * Makes of the elements of an array, or of anything that can be gone through, what a view that groups makes of the members
 * of a group: for a `map` that looks into one entry. An element stands as a member whose value it is, under `key(index)`, so
 * that elements of one rank stand in the order of the array.
 *
 * @param elements what is aggregated: `filter` it before where only some count
 * @param of       what is made of them: `({ count }) => ({ items: count() })`
 * @throws BAD_QUERY, BAD_VALUE, BAD_KEY, and whatever a function of an aggregate throws
 *
 * @example
 * ```ts
 * import { createMemoryStore, get, put } from '@fanlight/core'
 * import { aggregate, createView } from '@fanlight/views'
 *
 * const carts = createMemoryStore<{ '': { items: { price: number }[] } }>()
 * const sizes = createView(carts, {
 *   map: ({ key, value }) => ({
 *     key,
 *     value: aggregate(value.items, ({ count, max }) => ({ items: count(), dearest: max(({ value }) => value.price) })),
 *   }),
 * })
 * const min = await carts.commit([put('ann', { items: [{ price: 3 }, { price: 4 }] })])
 * console.log(await get(sizes, 'ann', { min })) // { items: 2, dearest: 4 }
 * await sizes.close()
 * ```
 */
export function aggregate<In, Results>(elements: Iterable<In>, of: Making<In, Results>): Results {
  const members = Array.from(elements, (value, i): Member<In> => ({ key: keyOf(i), value }))
  const aggregates = makeAggregates(of as Making<In, Record<string, unknown>>)
  const results = [...aggregates].map(([name, { '~made': made }]) => {
    return [name, made.kind === 'tally' ? tallied(made, members) : ranked(made, members)] as const
  })
  return Object.fromEntries(results) as Results
}

function tallied<Out>(made: Tally<Out>, members: readonly Member[]): Out {
  const running = made.start()
  running.add(members.map((member) => made.of(member)).filter((given) => given !== undefined))
  return running.shown
}

function ranked<Out>({ of, reverse, size, show }: Ranking<Out>, members: readonly Member[]): Out {
  const sign = reverse ? -1 : 1
  const order = members
    .flatMap((member) => {
      const given = of(member)
      return given === undefined ? [] : [placed(given, member.key)]
    })
    .sort(([a], [b]) => sign * compareKeys(a, b))
  return show(order.slice(0, size).map(([, value]) => value))
}
