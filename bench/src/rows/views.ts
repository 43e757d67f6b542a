import { type MemoryStore, createMemoryStore, everything, put } from '@fanlight/core'
import { createView, sameKeys } from '@fanlight/views'
import { keysOf, rate, spread } from '../measure.ts'
import type { Row, Side } from '../row.ts'

interface Order {
  readonly customer: string
  readonly amount: number
}

type Orders = MemoryStore<{ '': Order }>

const perCommit = 1_000

/** Orders with amounts as people pay them, in a store. */
async function orders(count: number, customers: number): Promise<Orders> {
  const store = createMemoryStore<{ '': Order }>()
  const keys = keysOf(count)
  const next = spread(9_999)
  for (let i = 0; i < count; i += perCommit) {
    const some = keys.slice(i, i + perCommit)
    await store.commit(
      some.map((key, j) => put(key, { customer: `customer${(i + j) % customers}`, amount: next() / 100 })),
    )
  }
  return store
}

/** One store for both sides of a pair. */
let shared: Promise<Orders> | undefined

function million(): Promise<Orders> {
  return (shared ??= orders(1_000_000, 1_000))
}

function totalsOf(store: Orders): ReturnType<typeof createView<{ '': Order }, { orders: number; total: number }>> {
  return createView(store, {
    group: {
      by: ({ value }) => value.customer,
      of: ({ count, sum }) => ({ orders: count(), total: sum(({ value }) => value.amount) }),
    },
  })
}

/** Entries a second, in one go. */
function onePass(count: number, pass: () => Promise<number>): Side {
  return {
    async measure() {
      const began = performance.now()
      const groups = await pass()
      const ms = performance.now() - began
      if (groups !== 1_000) throw new Error(`${groups} groups in place of 1,000`)
      return (count / ms) * 1000
    },
  }
}

async function bootstrapOurs(): Promise<Side> {
  const store = await million()
  return onePass(1_000_000, async () => {
    const view = totalsOf(store)
    const { entries } = await view.fetch(everything)
    await view.close()
    return entries.length
  })
}

async function bootstrapTheirs(): Promise<Side> {
  const store = await million()
  return onePass(1_000_000, async () => {
    const totals = new Map<string, { orders: number; total: number }>()
    const { entries } = await store.fetch(everything)
    for (const { value } of entries) {
      const found = totals.get(value.customer)
      if (found === undefined) totals.set(value.customer, { orders: 1, total: value.amount })
      else {
        found.orders++
        found.total += value.amount
      }
    }
    return totals.size
  })
}

/** Changes a second to one group of so many members, each seen in the view. */
async function changes(members: number): Promise<Side> {
  const store = await orders(members, 1)
  const view = totalsOf(store)
  await view.fetch(everything)
  const keys = keysOf(members)
  const next = spread(members)
  let amount = 0
  return rate(
    20,
    async () => {
      for (let i = 0; i < 20; i++) {
        amount = (amount + 0.01) % 100
        const min = await store.commit([put(keys[next()] as string, { customer: 'customer0', amount })])
        await view.fetch('customer0', { min })
      }
    },
    () => view.close(),
  )
}

const hot = 1_000

async function fetches(of: (store: Orders) => Pick<Orders, 'fetch'>, isRange: boolean): Promise<Side> {
  const store = of(await orders(100_000, 1_000))
  const keys = keysOf(100_000).filter((_, i) => i % 100 === 0)
  const queries = keys.map((key, i) => (isRange ? { gte: key, lt: keys[i + 1] ?? 'l' } : key))
  for (const query of queries) await store.fetch(query)
  const next = spread(hot)
  return rate(100, async () => {
    for (let i = 0; i < 100; i++) await store.fetch(queries[next()] ?? everything)
  })
}

const lazily = (store: Orders): Pick<Orders, 'fetch'> =>
  createView(store, { map: (entry) => entry, mode: 'lazy', reads: sameKeys })

export const viewRows: readonly Row[] = [
  {
    name: 'view-bootstrap',
    unit: 'entries/s',
    more: true,
    reach: [0.25],
    pairs: [{ against: 'a loop over a fetch, into a Map', ours: bootstrapOurs, theirs: bootstrapTheirs }],
  },
  {
    name: 'view-change',
    unit: 'changes/s',
    more: true,
    reach: [0.7],
    pairs: [{ against: 'with 10 members', ours: () => changes(100_000), theirs: () => changes(10) }],
  },
  {
    name: 'view-lazy',
    unit: 'hits/s',
    more: true,
    reach: [0.7, 0.7],
    pairs: [
      {
        against: 'a memory store, a key',
        ours: () => fetches(lazily, false),
        theirs: () => fetches((store) => store, false),
      },
      {
        against: 'a memory store, 100 entries',
        ours: () => fetches(lazily, true),
        theirs: () => fetches((store) => store, true),
      },
    ],
  },
]
