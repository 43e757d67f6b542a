import { type Store, get, prefix } from '@fanlight/core'
import { expectTypeOf, test } from 'vitest'
import { type Changelog, type ClockStore, type View, createChangelog, createClockStore, createView } from './index.ts'

interface Order {
  at: number
  price: number
}
declare const app: Store<{ 'orders/': Order; 'users/': string; now: number }>

test('what is in a window is of the type of the entries, for every kind of view', () => {
  const mapped = createView(app, {
    query: prefix('orders/'),
    within: { at: ({ value }) => value.at, ms: 60_000, clock: 'now' },
    map: ({ key, value }) => ({ key, value: value.price }),
  })
  expectTypeOf(mapped).toEqualTypeOf<View<{ '': number }>>()
  const grouped = createView(app, {
    query: prefix('orders/'),
    within: { at: ({ value }) => value.at, ms: 60_000, clock: 'now' },
    group: { by: () => 'all', of: ({ sum }) => ({ total: sum(({ value }) => value.price) }) },
  })
  expectTypeOf(grouped).toEqualTypeOf<View<{ '': { total: number } }>>()
})

test('the time is a number', () => {
  expectTypeOf(createClockStore()).toEqualTypeOf<ClockStore>()
  expectTypeOf(get(createClockStore(), '')).resolves.toEqualTypeOf<number | undefined>()
})

test('a record has the value, or says that the key went', async () => {
  const log = createChangelog(app, { query: prefix('users/'), last: 3 })
  expectTypeOf(log).toEqualTypeOf<Changelog<string>>()
  const record = await get(log, 'x')
  if (record === undefined) return
  expectTypeOf(record.version).toEqualTypeOf<number>()
  if (record.gone === true) expectTypeOf(record.value).toEqualTypeOf<undefined>()
  else expectTypeOf(record.value).toEqualTypeOf<string>()
})
