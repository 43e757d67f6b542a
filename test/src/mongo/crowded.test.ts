/** An ordinal that no version holds: the store is stale until the second turns, and never shows a wrong number. */
import { put } from '@fanlight/core'
import { openMongoStore } from '@fanlight/store-mongo'
import { type Db, type Document, type MongoClient, Timestamp } from 'mongodb'
import { expect, test, vi } from 'vitest'
import { needsMongod } from '../support/index.ts'
import { useReplicaSet } from './replica-set.ts'

const withMongod = await needsMongod()

withMongod.describe('a second with too many operations', () => {
  const used = useReplicaSet()

  test('the source is stale, with the reason, and then goes on; no version is made up (L1, L7)', async () => {
    const db = used.database()
    await db.collection<{ _id: string }>('a').insertOne({ _id: 'x' })
    let isCrowded = false
    const client = altered(used.client, (reply) => {
      const { nextBatch = [] } = (reply['cursor'] ?? {}) as { nextBatch?: Document[] }
      if (!isCrowded || nextBatch.length === 0) return
      isCrowded = false
      const [event = {}] = nextBatch
      event['clusterTime'] = new Timestamp({ t: (event['clusterTime'] as Timestamp).t, i: 2 ** 21 })
    })
    await using store = await openMongoStore(client, { database: db.databaseName, collections: ['a'], idleMs: 20 })
    const [source = ''] = store.sources
    const { [source]: before = 0 } = store.reached
    await using feed = store.watch({})
    await feed.take()
    const whys: unknown[] = []
    feed.wake(() => {
      const state = feed.state[source]
      if (state?.status === 'stale') whys.push(state.why)
    })
    isCrowded = true
    await db.collection<{ _id: string }>('a').insertOne({ _id: 'y' })
    await vi.waitUntil(() => whys.length > 0)
    expect(whys[0]).toMatchObject({ code: 'UNAVAILABLE' })
    expect(String(whys[0])).toContain('2,097,152')
    await vi.waitUntil(() => feed.state[source]?.status === 'live')
    // The same line of history, all of it answered anew.
    expect(store.sources).toEqual([source])
    await store.commit([put('a/z', {})])
    expect((await store.fetch({})).entries.map(({ key }) => key)).toEqual(['a/x', 'a/y', 'a/z'])
    expect(store.reached[source]).toBeGreaterThan(before)
    const update = await feed.take()
    expect((update?.replace?.entries ?? []).map(({ key }) => key)).toEqual(['a/x', 'a/y', 'a/z'])
  })
})

/** A client whose databases alter the replies to getMore before anyone sees them. */
function altered(client: MongoClient, alter: (reply: Document) => void): MongoClient {
  const database = (db: Db): Db =>
    new Proxy(db, {
      get: (target, name) => {
        if (name === 'command')
          return async (command: Document, options: object) => {
            const reply = await target.command(command, options)
            if ('getMore' in command) alter(reply)
            return reply
          }
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
  return new Proxy(client, {
    get: (target, name) => {
      if (name === 'db') return (...args: Parameters<MongoClient['db']>) => database(target.db(...args))
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
