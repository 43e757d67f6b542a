import { createMemoryStore, put, type MemoryStore } from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { keysOf, rate, spread } from '../measure.ts'
import type { Row, Side } from '../row.ts'

const count = 100_000
const keys = keysOf(count)
const batch = 1000

async function filled(): Promise<MemoryStore> {
  const store = createMemoryStore()
  for (let i = 0; i < count; i += batch) await store.commit(keys.slice(i, i + batch).map((key, j) => put(key, i + j)))
  return store
}

/** Asks for keys as they come from elsewhere: not the very strings that the store holds, which would spare it comparing. */
function gets(of: (key: string) => Promise<unknown>, names: readonly string[]): Side {
  const among = JSON.parse(JSON.stringify(names)) as string[]
  const next = spread(among.length)
  return rate(batch, async () => {
    for (let i = 0; i < batch; i++) await of(among[next()] as string)
  })
}

/** A router with many prefixes, each a part of one store. */
async function many(prefixes: number): Promise<Side> {
  const store = await filled()
  const names = Array.from({ length: prefixes }, (_, i) => `part${String(i).padStart(6, '0')}/`)
  const router = createRouter(Object.fromEntries(names.map((name) => [name, store])))
  const asked = Array.from({ length: count }, (_, i) => `${names[(i * 7919) % prefixes]}${keys[i]}`)
  return gets((key) => router.fetch(key), asked)
}

export const routerRows: readonly Row[] = [
  {
    name: 'router-one',
    unit: 'fetches/s',
    more: true,
    reach: [0.75],
    pairs: [
      {
        against: 'the store itself',
        ours: async () => {
          const router = createRouter({ 'data/': await filled() })
          return gets(
            (key) => router.fetch(key),
            keys.map((key) => `data/${key}`),
          )
        },
        theirs: async () => {
          const store = await filled()
          return gets((key) => store.fetch(key), keys)
        },
      },
    ],
  },
  {
    name: 'router-many',
    unit: 'fetches/s',
    more: true,
    reach: [0.7],
    pairs: [{ against: 'with 10 prefixes', ours: () => many(10_000), theirs: () => many(10) }],
  },
]
