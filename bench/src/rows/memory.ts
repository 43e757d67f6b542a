import { createMemoryStore, del, put, type MemoryStore } from '@fanlight/core'
import { MemoryLevel } from 'memory-level'
import sorted from 'sorted-btree'
import { heapPer, keysOf, rate, spread } from '../measure.ts'
import type { Row, Side } from '../row.ts'

const BTree = sorted.default
const count = 100_000
const keys = keysOf(count)
const batch = 1000

async function filled(options: Parameters<typeof createMemoryStore>[0] = {}): Promise<MemoryStore> {
  const store = createMemoryStore(options)
  for (let i = 0; i < count; i += batch) await store.commit(keys.slice(i, i + batch).map((key, j) => put(key, i + j)))
  return store
}

function tree(): InstanceType<typeof BTree<string, number>> {
  const made = new BTree<string, number>()
  keys.forEach((key, i) => made.set(key, i))
  return made
}

async function level(): Promise<MemoryLevel<string, number>> {
  const db = new MemoryLevel<string, number>({ valueEncoding: 'json' })
  await db.batch(keys.map((key, value) => ({ type: 'put', key, value })))
  return db
}

function gets(get: (key: string) => Promise<unknown>): Side {
  const next = spread(count)
  return rate(batch, async () => {
    for (let i = 0; i < batch; i++) await get(keys[next()] as string)
  })
}

function ranges(range: (low: string, high: string) => Promise<unknown>): Side {
  const next = spread(count - 101)
  return rate(50, async () => {
    for (let i = 0; i < 50; i++) {
      const low = next()
      await range(keys[low] as string, keys[low + 100] as string)
    }
  })
}

/** A key as applications have them. */
function name(i: number): string {
  return `cities/${String(i).padStart(12, '0')}`
}

async function oursRange(): Promise<Side> {
  const store = await filled()
  return ranges((gte, lt) => store.fetch({ gte, lt }))
}

async function pastStore(): Promise<{ store: MemoryStore; max: Record<string, number> }> {
  const store = await filled()
  const max = { ...store.reached }
  const next = spread(count)
  for (let i = 0; i < 9000; i++)
    await store.commit([i % 10 === 0 ? del(keys[next()] as string) : put(keys[next()] as string, i)])
  return { store, max }
}

export const memoryRows: readonly Row[] = [
  {
    name: 'memory-get',
    unit: 'fetches/s',
    more: true,
    reach: [0.7, 0.9],
    pairs: [
      {
        against: 'awaited sorted-btree get',
        ours: async () => {
          const store = await filled()
          return gets((key) => store.fetch(key))
        },
        theirs: async () => {
          const made = tree()
          return gets((key) => Promise.resolve(made.get(key)))
        },
      },
      {
        against: 'memory-level get',
        ours: async () => {
          const store = await filled()
          return gets((key) => store.fetch(key))
        },
        theirs: async () => {
          const db = await level()
          return gets((key) => db.get(key))
        },
      },
    ],
  },
  {
    name: 'memory-range',
    unit: 'ranges/s',
    more: true,
    reach: [0.85, 1.8],
    pairs: [
      {
        against: 'sorted-btree getRange',
        ours: oursRange,
        theirs: async () => {
          const made = tree()
          return ranges((low, high) => Promise.resolve(made.getRange(low, high)))
        },
      },
      {
        against: 'memory-level iterator.all',
        ours: oursRange,
        theirs: async () => {
          const db = await level()
          return ranges((gte, lt) => db.iterator({ gte, lt }).all())
        },
      },
    ],
  },
  {
    name: 'memory-past',
    unit: 'ranges/s',
    more: true,
    reach: [0.7],
    pairs: [
      {
        against: 'the same, now',
        ours: async () => {
          const { store, max } = await pastStore()
          return ranges((gte, lt) => store.fetch({ gte, lt }, { max }))
        },
        theirs: async () => {
          const { store } = await pastStore()
          return ranges((gte, lt) => store.fetch({ gte, lt }))
        },
      },
    ],
  },
  {
    name: 'memory-commit',
    unit: 'commits/s',
    more: true,
    reach: [0.6],
    pairs: [
      {
        against: 'sorted-btree, a clone per commit',
        ours: async () => {
          const store = await filled({ history: { commits: 10_000 } })
          const next = spread(count)
          return rate(batch, async () => {
            for (let i = 0; i < batch; i++) await store.commit([put(keys[next()] as string, i)])
          })
        },
        theirs: async () => {
          let made = tree()
          const history: (typeof made)[] = []
          let at = 0
          const next = spread(count)
          return rate(batch, async () => {
            for (let i = 0; i < batch; i++) {
              history[at++ % 10_000] = made
              made = made.clone()
              made.set(keys[next()] as string, i)
              await Promise.resolve(at)
            }
          })
        },
      },
    ],
  },
  {
    name: 'memory-per-key',
    unit: 'bytes/key',
    more: false,
    reach: [0.6],
    pairs: [
      {
        against: 'sorted-btree',
        ours: async () =>
          heapPer(1_000_000, () => {
            const store = createMemoryStore({ history: { commits: 100 } })
            for (let i = 0; i < 1_000_000; i += batch) {
              void store.commit(Array.from({ length: batch }, (_, j) => put(name(i + j), i + j)))
            }
            return store
          }),
        theirs: async () =>
          heapPer(1_000_000, () => {
            const made = new BTree<string, number>()
            for (let i = 0; i < 1_000_000; i++) made.set(name(i), i)
            return made
          }),
      },
    ],
  },
]
