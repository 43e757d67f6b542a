/** The version of a commit is that of its own event, and a commit whose reply is lost is applied once. */
import { type Change, createSession, del, put } from '@fanlight/core'
import { type MongoStore, documentKey, openMongoStore } from '@fanlight/store-mongo'
import { MongoClient } from 'mongodb'
import { expect, test, vi } from 'vitest'
import { CuttingProxy } from '../support/cutting-proxy.ts'
import { needsMongod } from '../support/index.ts'
import { failing, testCommands } from './fail-points.ts'
import { useReplicaSet } from './replica-set.ts'
import { Witness } from './witness.ts'

const withMongod = await needsMongod()

withMongod.describe('the version of a commit', () => {
  const used = useReplicaSet(testCommands)

  test('commit returns exactly the version at which others see it', async () => {
    const db = used.database()
    await using witness = await Witness.of(db)
    await using store = await used.open(db)
    const [source = ''] = store.sources
    const expected = new Map<number, readonly Change[]>()
    const commit = async (changes: readonly Change[]): Promise<void> => {
      const { [source]: version = 0 } = await store.commit(changes)
      expected.set(version, changes)
    }
    for (let n = 0; n < 10; n++) {
      const own = [documentKey('a', n), documentKey('b', n)].map((key) => put(key, { n }))
      // Others write at the same time, so that the time of a reply is another.
      const others = Array.from({ length: 10 }, () => db.collection('c').insertOne({ n }))
      await Promise.all([commit(own), commit([put(documentKey('a', `other${n}`), { n })]), ...others])
    }
    await commit([del(documentKey('a', 3)), put(documentKey('a', 4), { n: 5 })])
    await witness.catchUp()
    const seen = witness.seen
      .map(({ version, changes }) => [version, changes.filter(({ key }) => !key.startsWith('c/'))] as const)
      .filter(([, changes]) => changes.length > 0)
    const sorted = (all: Iterable<readonly [number, readonly Change[]]>): unknown =>
      [...all].map(([version, changes]) => [version, changes.toSorted((a, b) => (a.key < b.key ? -1 : 1))])
    expect(sorted(seen)).toEqual(sorted([...expected].sort(([a], [b]) => a - b)))
  })

  const faults = {
    'before it has come': { closeConnection: true },
    'by a step-down': { errorCode: 189, errorLabels: ['RetryableWriteError'] },
    'after it was applied': {
      writeConcernError: { code: 91, errmsg: 'the server ends', errorLabels: ['RetryableWriteError'] },
    },
  } as const

  test.each(Object.entries(faults))('L4: a commit that is cut %s is applied once', async (_name, data) => {
    const db = used.database()
    await using witness = await Witness.of(db)
    await db.createCollection('a')
    const store = await used.openApart(db, 'cut')
    const [source = ''] = store.sources
    await using point = await failing(used, { commands: ['commitTransaction'], appName: 'cut', times: 3 }, data)
    const one = await store.commit([put('a/x', { n: 1 })])
    await point.off()
    await witness.catchUp()
    expect(witness.seen.map(({ version }) => version)).toEqual([one[source]])
    await store.close()
  })

  test('ids: a commit whose reply was lost is applied once, and the retry returns its version, in another process too', async () => {
    const db = used.database()
    await using witness = await Witness.of(db)
    await db.createCollection('a')
    const port = Number(new URL(used.set.uri.replace('mongodb:', 'http:').split(',')[0] ?? '').port)
    await using proxy = await CuttingProxy.open(() => port)
    const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true&serverSelectionTimeoutMS=500`
    const client = new MongoClient(uri, { monitorCommands: true })
    const store = await used.open(db, { limits: { timeoutMs: 2_000 } })
    const cut = await openAt(client, db.databaseName)
    const [source = ''] = cut.sources
    const id = { session: 'asker', number: 1, born: cut.reached }
    const changes = [put('a/x', { n: 1 })]
    // What the server replies is cut as soon as the commit is sent: it is applied, and nobody is told.
    client.on('commandStarted', ({ commandName }) => {
      if (commandName === 'commitTransaction') proxy.cutAfter(() => 1)
    })
    await expect(cut.commit(changes, { id })).rejects.toMatchObject({ code: 'UNAVAILABLE', applied: 'unknown' })
    expect(proxy.cuts).toBeGreaterThan(0)
    proxy.spare()
    client.removeAllListeners('commandStarted')
    const retried = await store.commit(changes, { id })
    expect(await store.commit(changes, { id })).toEqual(retried)
    // The driver finds out after a while that the server can be reached again.
    expect(await vi.waitFor(() => cut.commit(changes, { id }), 20_000)).toEqual(retried)
    await expect(store.commit([put('a/x', { n: 2 })], { id })).rejects.toMatchObject({ code: 'BAD_QUERY' })
    await witness.catchUp()
    expect(witness.seen.map(({ version }) => version)).toEqual([retried[source]])
    await Promise.all([cut.close(), store.close()])
    await client.close()
  })

  test('ids: a session over the store writes once under faults, and its versions are those of the events', async () => {
    const db = used.database()
    await db.createCollection('a')
    const store = await used.openApart(db, 'session')
    await using session = createSession(store)
    const met = { commands: ['commitTransaction', 'update', 'insert'], appName: 'session', times: 5 }
    await using _point = await failing(used, met, { closeConnection: true })
    const [source = ''] = store.sources
    await session.commit([put('a/x', { n: 1 })])
    const at = await session.commit([put('a/y', { n: 1 })])
    const found = await db.collection('a').find().toArray()
    expect(found.length).toBe(2)
    expect((await store.fetch('a/y', { min: at, max: at })).windows[source]?.from).toBe(at[source])
    await store.close()
  })

  function openAt(client: MongoClient, database: string): Promise<MongoStore> {
    return openMongoStore(client, { database, collections: ['a', 'b'], limits: { timeoutMs: 2_000 } })
  }
})
