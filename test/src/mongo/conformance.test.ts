import { type ConformanceSeams, anyValue, nastyKeys, storeConformance } from '@fanlight/core/conformance'
import { type MongoStore, documentKey, openMongoStore } from '@fanlight/store-mongo'
import * as fc from 'fast-check'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll } from 'vitest'
import { needsMongod, startReplicaSet } from '../support/index.ts'

const withMongod = await needsMongod()

withMongod.describe('on a replica set', () => {
  let [client, stop]: [MongoClient | undefined, () => Promise<void>] = [undefined, () => Promise.resolve()]
  const databases = new WeakMap<MongoStore, string>()
  let count = 0

  beforeAll(async () => {
    const set = await startReplicaSet()
    client = new MongoClient(set.uri)
    stop = () => set.stop()
  })
  afterAll(async () => {
    await client?.close()
    await stop()
  })

  storeConformance('MongoDB', {
    runs: 25,
    create: (seams) => open(`conformance${count++}`, seams),
    reopen: async (store, seams) => {
      await store.close()
      return open(databases.get(store) ?? '', seams)
    },
    teardown: async (store) => void (await client?.db(databases.get(store)).dropDatabase()),
    keys: nastyKeys().map((key) => documentKey('documents', key)),
    values: fc.record({ n: fc.nat(), is: anyValue() }),
  })

  async function open(database: string, { clock, random, history }: ConformanceSeams): Promise<MongoStore> {
    if (client === undefined) throw new Error('there is no client')
    const store = await openMongoStore(client, { database, clock, random, history })
    databases.set(store, database)
    return store
  }
})
