import { type Store, desc, get } from '@fanlight/core'
import { describe, expectTypeOf, test } from 'vitest'
import { type View, aggregate, createView } from './index.ts'

interface Order {
  customer: string
  price: number
  open: boolean
}
declare const orders: Store<{ '': Order }>

describe('a view that groups', () => {
  test('functions know the entries of the upstream, and the view what they give', () => {
    const view = createView(orders, {
      group: {
        by: ({ value }) => value.customer,
        of: ({ avg, count, first, max, min, sum, top }) => ({
          all: count(),
          open: count(({ value }) => value.open),
          total: sum(({ value }) => value.price),
          mean: avg(({ value }) => value.price),
          least: min(({ value }) => value.price),
          name: max(({ value }) => value.customer),
          latest: first({ by: ({ value }) => desc(value.price) }),
          prices: top(3, { by: ({ value }) => value.price, of: ({ value }) => value.price }),
        }),
      },
    })
    type Totals = {
      all: number
      open: number
      total: number
      mean: number | null
      least: number | null
      name: string | null
      latest: Order | null
      prices: readonly number[]
    }
    expectTypeOf(view).toEqualTypeOf<View<{ '': Totals }>>()
    expectTypeOf(get(view, 'ann')).resolves.toEqualTypeOf<Totals | undefined>()
  })

  test('`to` says what it shows', () => {
    const view = createView(orders, {
      query: 'one',
      group: {
        by: ({ value }) => [value.customer],
        of: ({ count, max }) => ({ all: count(), name: max(({ value }) => value.customer) }),
        to: ({ key, value }) => ({ key, value: value.all }),
      },
    })
    expectTypeOf(view).toEqualTypeOf<View<{ '': number }>>()
  })

  test('so does `aggregate` of the elements of an array', () => {
    const made = aggregate([1, 2], ({ sum, top }) => ({
      total: sum(({ value }) => value),
      words: top(2, { of: ({ value }) => value.toFixed() }),
    }))
    expectTypeOf(made).toEqualTypeOf<{ total: number; words: readonly string[] }>()
  })
})
