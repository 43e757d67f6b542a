import type { Store } from '@fanlight/core'
import type { State } from '@fanlight/core/conformance'
import { aggregate, createView } from '@fanlight/views'
import * as fc from 'fast-check'
import { viewKindProperty } from './view-kind-property.ts'

interface Item {
  readonly name: string
  readonly price: number
}

const items = fc.array(fc.record<Item>({ name: fc.constantFrom('a', 'b', 'c'), price: fc.constantFrom(1, 2, 3, 20) }))

function naive(state: State): State {
  return new Map(
    [...(state as ReadonlyMap<string, readonly Item[]>)].map(([key, all]) => {
      const cheap = all.filter(({ price }) => price < 10)
      const prices = cheap.map(({ price }) => price)
      const total = prices.reduce((sum, price) => sum + price, 0)
      const byPrice = cheap.toSorted((a, b) => a.price - b.price)
      return [
        key,
        {
          all: cheap.length,
          twos: prices.filter((price) => price === 2).length,
          total,
          mean: cheap.length === 0 ? null : total / cheap.length,
          least: cheap.length === 0 ? null : Math.min(...prices),
          most: cheap.length === 0 ? null : Math.max(...prices),
          first: cheap[0] ?? null,
          last: cheap.at(-1)?.name ?? null,
          top: byPrice.toReversed().slice(0, 2),
        },
      ]
    }),
  )
}

viewKindProperty('aggregates of the elements of an array', {
  make: (upstream, options) =>
    createView(upstream as Store<{ '': readonly Item[] }>, {
      map: ({ key, value }) => ({
        key,
        value: aggregate(
          value.filter(({ price }) => price < 10),
          ({ count, sum, avg, min, max, first, last, top }) => ({
            all: count(),
            twos: count(({ value: item }) => item.price === 2),
            total: sum(({ value: item }) => item.price),
            mean: avg(({ value: item }) => item.price),
            least: min(({ value: item }) => item.price),
            most: max(({ value: item }) => item.price),
            first: first(),
            last: last({ of: ({ value: item }) => item.name }),
            top: top(2, { by: ({ value: item }) => item.price }),
          }),
        ),
      }),
      ...options,
    }),
  naive,
  values: items,
})
