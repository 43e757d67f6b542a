/** Collections that come and go, and documents that no key stands for: never a silent gap (L7). */
import { type FanlightError, type SourceState, prefix } from '@fanlight/core'
import { Holder } from '@fanlight/core/conformance'
import type { MongoStore } from '@fanlight/store-mongo'
import type { Db } from 'mongodb'
import { expect, test, vi } from 'vitest'
import { needsMongod } from '../support/index.ts'
import { useReplicaSet } from './replica-set.ts'

const withMongod = await needsMongod()

interface Numbered {
  readonly _id: string
  readonly n: number
}

withMongod.describe('collections', () => {
  // By itself the server writes something into its log now and then, which would hide who waits for the next write.
  const used = useReplicaSet({ args: ['--setParameter', 'writePeriodicNoops=false'] })

  const ways: Readonly<Record<string, (db: Db) => Promise<unknown>>> = {
    'a drop': (db) => db.collection('a').drop(),
    'a drop of all but one': (db) => db.collection('b').drop(),
    'a rename out of what is shown': (db) => db.renameCollection('a', 'z'),
    'a rename into what is shown': async (db) => {
      await db.collection('a').drop()
      await db.renameCollection('c', 'a')
    },
    'a rename over another': (db) => db.renameCollection('b', 'a', { dropTarget: true }),
    'names that are swapped': async (db) => {
      await db.renameCollection('a', 'z')
      await db.renameCollection('b', 'a')
      await db.renameCollection('z', 'b')
    },
    'a drop and a collection of the same name': async (db) => {
      await db.collection('a').drop()
      await db.collection<Numbered>('a').insertOne({ _id: 'new', n: 9 })
    },
    'a drop of the database': (db) => db.dropDatabase(),
  }

  test.each(Object.entries(ways))(
    'L6, L7: %s is a commit: what feeds hold and what is fetched is what there is',
    async (name, way) => {
      const db = used.database()
      for (const [i, letter] of ['a', 'b', 'c'].entries()) {
        await db.collection<Numbered>(letter).insertMany([
          { _id: 'x', n: i },
          { _id: `only${letter}`, n: i },
        ])
      }
      await using store = await used.open(db, { idleMs: 20 })
      const [source = ''] = store.sources
      const queries = [{}, prefix('a/'), { gte: 'b/', limit: 1 }]
      const followed = queries.map((query) => ({ query, feed: store.watch(query), holder: new Holder(query) }))
      for (const { feed, holder } of followed) holder.apply((await feed.take()) ?? fail())
      const check = async (): Promise<void> => {
        await vi.waitFor(
          async () => expect((await store.fetch({})).entries.map(plain)).toEqual(await shown(db)),
          10_000,
        )
        for (const { query, feed, holder } of followed) {
          const update = await feed.take()
          if (update !== undefined) holder.apply(update)
          const { entries } = await store.fetch(query)
          expect(holder.entries.map(plain)).toEqual(entries.map(plain))
        }
      }
      await way(db)
      await check()
      // And it goes on, in collections that are made anew too.
      await db.collection<Numbered>('a').insertOne({ _id: 'later', n: 1 })
      await db.collection<Numbered>('b').insertOne({ _id: 'later', n: 1 })
      await check()
      await db.collection<Numbered>('a').deleteOne({ _id: 'later' })
      await check()
      // What says which line of history it is goes with the database.
      expect(store.sources.includes(source)).toBe(name !== 'a drop of the database')
      expect(stateOf(store)?.status).toBe('live')
      for (const { feed } of followed) await feed.close()
    },
  )

  test('a collection with a collation is UNSUPPORTED, and one that comes later makes the source stale', async () => {
    const db = used.database()
    await db.createCollection('a')
    await using store = await used.open(db, { idleMs: 20 })
    await db.createCollection('b', { collation: { locale: 'de' } })
    await vi.waitUntil(() => stateOf(store)?.status === 'stale')
    expect(stateOf(store)).toMatchObject({ why: { code: 'UNSUPPORTED' } })
    await expect(used.open(db)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    await (await used.open(db, { collections: 'a' })).close()
  })

  const unmapped = [{ a: 1 }, new Date(0), true, Number.NaN] as const

  test.each(unmapped)('an _id that no key stands for is refused, or told: %j', async (_id) => {
    const db = used.database()
    const a = db.collection<{ _id: unknown; n: number }>('a')
    await a.insertMany([{ _id: 'x', n: 0 }])
    await using live = await used.open(db, { idleMs: 20 })
    const told: FanlightError[] = []
    await using telling = await used.open(db, { idleMs: 20, onUnmapped: (error) => void told.push(error) })
    await a.insertOne({ _id, n: 1 })
    await vi.waitUntil(() => stateOf(live)?.status === 'stale' && told.length > 0)
    expect(stateOf(live)).toMatchObject({ why: { code: 'BAD_KEY' } })
    await expect(live.fetch({})).rejects.toMatchObject({ code: 'BAD_KEY' })
    expect(told[0]).toMatchObject({ code: 'BAD_KEY' })
    expect(stateOf(telling)?.status).toBe('live')
    expect(await keysOf(telling)).toEqual(['a/x'])
    await expect(used.open(db)).rejects.toMatchObject({ code: 'BAD_KEY' })
    const before = told.length
    await using opened = await used.open(db, { onUnmapped: (error) => void told.push(error) })
    expect(told.length).toBeGreaterThan(before)
    expect(await keysOf(opened)).toEqual(['a/x'])
  })

  async function keysOf(store: MongoStore): Promise<string[]> {
    return (await store.fetch({})).entries.map(({ key }) => key)
  }
})

function stateOf({ state, sources: [source = ''] }: MongoStore): SourceState | undefined {
  return state?.[source]
}

async function shown(db: Db): Promise<unknown[]> {
  const all = await Promise.all(
    ['a', 'b'].map((name) => db.collection<Numbered>(name).find().sort({ _id: 1 }).toArray()),
  )
  return all.flatMap((list, i) => list.map(({ _id, ...value }) => ({ key: `${i === 0 ? 'a' : 'b'}/${_id}`, value })))
}

function plain({ key, value }: { key: string; value: unknown }): unknown {
  return { key, value }
}

function fail(): never {
  throw new Error('there is no first answer')
}
