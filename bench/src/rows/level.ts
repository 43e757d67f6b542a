import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { put } from '@fanlight/core'
import { type LevelStore, openLevelStore } from '@fanlight/store-level'
import { ClassicLevel } from 'classic-level'
import { inFlight, keysOf, rate, spread } from '../measure.ts'
import type { Row, Side } from '../row.ts'

const count = 100_000
const keys = keysOf(count)
const batch = 1000
const value = (i: number): { name: string; population: number } => ({ name: `city ${i}`, population: i * 17 })

async function folder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'fanlight-bench-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

async function ours(measured: (store: LevelStore, close: () => Promise<void>) => Side): Promise<Side> {
  const { path, remove } = await folder()
  const store = await openLevelStore(path)
  for (let i = 0; i < count; i += batch)
    await store.commit(keys.slice(i, i + batch).map((key, j) => put(key, value(i + j))))
  return measured(store, async () => {
    await store.close()
    await remove()
  })
}

async function theirs(
  measured: (db: ClassicLevel<string, unknown>, close: () => Promise<void>) => Side,
): Promise<Side> {
  const { path, remove } = await folder()
  const db = new ClassicLevel<string, unknown>(path, { valueEncoding: 'json' })
  for (let i = 0; i < count; i += batch) {
    await db.batch(keys.slice(i, i + batch).map((key, j) => ({ type: 'put', key, value: value(i + j) })))
  }
  return measured(db, async () => {
    await db.close()
    await remove()
  })
}

function points(get: (key: string) => Promise<unknown>, close: () => Promise<void>): Side {
  const next = spread(count)
  return rate(2000, () => inFlight(2000, 50, () => get(keys[next()] as string)), close)
}

export const levelRows: readonly Row[] = [
  {
    name: 'level-get',
    unit: 'fetches/s',
    more: true,
    reach: [1],
    pairs: [
      {
        against: 'classic-level get, 50 outstanding',
        ours: () => ours((store, close) => points((key) => store.fetch(key), close)),
        theirs: () => theirs((db, close) => points((key) => db.get(key), close)),
      },
    ],
  },
  {
    name: 'level-range',
    unit: 'ranges/s',
    more: true,
    reach: [0.7],
    pairs: [
      {
        against: 'classic-level nextv(100)',
        ours: () =>
          ours((store, close) => {
            const next = spread(count - 101)
            return rate(
              50,
              async () => {
                for (let i = 0; i < 50; i++) await store.fetch({ gte: keys[next()], limit: 100 })
              },
              close,
            )
          }),
        theirs: () =>
          theirs((db, close) => {
            const next = spread(count - 101)
            return rate(
              50,
              async () => {
                for (let i = 0; i < 50; i++) {
                  const iterator = db.iterator({ gte: keys[next()] as string })
                  await iterator.nextv(100)
                  await iterator.close()
                }
              },
              close,
            )
          }),
      },
    ],
  },
  {
    name: 'level-commit-50',
    unit: 'durable commits/s',
    more: true,
    reach: [3],
    pairs: [
      {
        against: 'classic-level put sync: true, 50 outstanding',
        ours: () =>
          ours((store, close) => {
            const next = spread(count)
            return rate(
              500,
              () => inFlight(500, 50, () => store.commit([put(keys[next()] as string, value(next()))])),
              close,
            )
          }),
        theirs: () =>
          theirs((db, close) => {
            const next = spread(count)
            return rate(
              500,
              () => inFlight(500, 50, () => db.put(keys[next()] as string, value(next()), { sync: true })),
              close,
            )
          }),
      },
    ],
  },
]
