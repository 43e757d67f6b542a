import { createMemoryStore, put, type MemoryStore } from '@fanlight/core'
import { Subject, filter } from 'rxjs'
import sorted from 'sorted-btree'
import { keysOf, rate, spread } from '../measure.ts'
import type { Row, Side } from '../row.ts'

const BTree = sorted.default
const feeds = 10_000
const perFeed = 10
const keys = keysOf(feeds * perFeed)
const batch = 500

/** What all readers have read: so that nothing is optimised away. */
let seen = 0

function follow(store: MemoryStore, gte: string, lt: string | undefined): void {
  const feed = store.watch(lt === undefined ? { gte } : { gte, lt })
  void feed.take()
  feed.wake(() => {
    const update = feed.take()
    if (update !== undefined && !(update instanceof Promise)) seen += update.changes.length
  })
}

function commits(store: MemoryStore, among: number): Side {
  const next = spread(among)
  return rate(batch, async () => {
    const before = seen
    for (let i = 0; i < batch; i++) await store.commit([put(keys[next()] as string, i)])
    if (seen - before !== batch) throw new Error(`${batch} commits, ${seen - before} deliveries`)
  })
}

async function oursFanout(): Promise<Side> {
  const store = createMemoryStore()
  for (let i = 0; i < feeds; i++) follow(store, keys[i * perFeed] as string, keys[(i + 1) * perFeed])
  return commits(store, keys.length)
}

async function hot(cold: number): Promise<Side> {
  const store = createMemoryStore()
  for (let i = 0; i < 10; i++) follow(store, keys[i * 10] as string, keys[(i + 1) * 10])
  for (let i = 0; i < cold; i++) follow(store, keys[100 + i * perFeed] as string, keys[100 + (i + 1) * perFeed])
  return commits(store, 100)
}

export const fanoutRows: readonly Row[] = [
  {
    name: 'fanout',
    unit: 'commits/s',
    more: true,
    reach: [0.12, 35],
    pairs: [
      {
        against: 'sorted-btree set + the right callback',
        ours: oursFanout,
        theirs: async () => {
          const tree = new BTree<string, number>()
          const callbacks = Array.from({ length: feeds }, () => (change: { key: string; value: number }) => {
            seen += change.key.length > 0 ? 1 : 0
          })
          const next = spread(keys.length)
          return rate(batch, async () => {
            for (let i = 0; i < batch; i++) {
              const at = next()
              const key = keys[at] as string
              tree.set(key, i)
              callbacks[Math.floor(at / perFeed)]?.({ key, value: i })
              await Promise.resolve(at)
            }
          })
        },
      },
      {
        against: 'each feed filtering one rxjs Subject',
        ours: oursFanout,
        theirs: async () => {
          const tree = new BTree<string, number>()
          const subject = new Subject<{ key: string; value: number }>()
          for (let i = 0; i < feeds; i++) {
            const low = keys[i * perFeed] as string
            const high = keys[(i + 1) * perFeed] ?? '~'
            subject.pipe(filter(({ key }) => key >= low && key < high)).subscribe(() => seen++)
          }
          const next = spread(keys.length)
          return rate(20, async () => {
            for (let i = 0; i < 20; i++) {
              const key = keys[next()] as string
              tree.set(key, i)
              subject.next({ key, value: i })
              await Promise.resolve(i)
            }
          })
        },
      },
    ],
  },
  {
    name: 'fanout-growth',
    unit: 'commits/s',
    more: true,
    reach: [0.7],
    pairs: [{ against: 'with 10 feeds', ours: () => hot(feeds - 10), theirs: () => hot(0) }],
  },
  {
    name: 'broadcast',
    unit: 'deliveries/s',
    more: true,
    reach: [0.5],
    pairs: [
      {
        against: 'an rxjs Subject',
        ours: async () => {
          const store = createMemoryStore()
          for (let i = 0; i < 1000; i++) follow(store, keys[0] as string, keys[100])
          const next = spread(100)
          return rate(100 * 1000, async () => {
            const before = seen
            for (let i = 0; i < 100; i++) await store.commit([put(keys[next()] as string, i)])
            if (seen - before !== 100_000) throw new Error('a delivery is missing')
          })
        },
        theirs: async () => {
          const tree = new BTree<string, number>()
          const subject = new Subject<{ changes: { key: string; value: number }[] }>()
          for (let i = 0; i < 1000; i++) subject.subscribe((update) => (seen += update.changes.length))
          const next = spread(100)
          return rate(100 * 1000, async () => {
            for (let i = 0; i < 100; i++) {
              const key = keys[next()] as string
              tree.set(key, i)
              subject.next({ changes: [{ key, value: i }] })
              await Promise.resolve(i)
            }
          })
        },
      },
    ],
  },
]
