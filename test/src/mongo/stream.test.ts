/** The change stream under faults: it goes on where it was, or says that it cannot (L4, L6, L7). */
import { prefix } from '@fanlight/core'
import { Holder } from '@fanlight/core/conformance'
import { seededRandom } from '@fanlight/core/testing'
import { openMongoStore } from '@fanlight/store-mongo'
import { MongoClient } from 'mongodb'
import { expect, test, vi } from 'vitest'
import { CuttingProxy } from '../support/cutting-proxy.ts'
import { needsMongod } from '../support/index.ts'
import { failing, testCommands } from './fail-points.ts'
import { ForeignWriter } from './foreign-writer.ts'
import { useReplicaSet } from './replica-set.ts'
import { Witness } from './witness.ts'

const withMongod = await needsMongod()

const faults = {
  'the network is lost': { closeConnection: true },
  'the primary steps down': { errorCode: 189 },
  'another is primary': { errorCode: 10_107 },
  'the cursor is gone': { errorCode: 43 },
} as const

withMongod.describe('the change stream', () => {
  const used = useReplicaSet(testCommands)

  test.each(Object.entries(faults))(
    'L6: goes on where it was after %s, without a loss or a double',
    async (_name, data) => {
      const db = used.database()
      await using witness = await Witness.of(db)
      const writer = new ForeignWriter(db, seededRandom(3))
      await writer.prepare()
      const store = await used.openApart(db, 'stream', { idleMs: 20 })
      const [source = ''] = store.sources
      const start = store.reached
      await using feed = store.watch({})
      const holder = new Holder({})
      const steps: Holder[] = []
      let isWriting = true
      const following = (async () => {
        while (isWriting) {
          const update = await feed.take()
          if (update === undefined) await new Promise((resolve) => setTimeout(resolve, 2))
          else {
            holder.apply(update)
            steps.push(new Holder({}, { entries: holder.entries, versions: update.versions }))
          }
        }
      })()
      for (let i = 0; i < 4; i++) {
        const point = await failing(used, { commands: ['getMore', 'aggregate'], appName: 'stream', times: 2 }, data)
        for (let n = 0; n < 20; n++) await writer.write()
        await point.entered(2)
        await point.off()
      }
      const model = await witness.model(source, start)
      await store.fetch({}, { min: model.latest })
      isWriting = false
      await following
      const last = await feed.take()
      if (last === undefined) holder.moved(feed.versions)
      else holder.apply(last)
      for (const step of steps) expect(step.check(model)).toBe(true)
      expect(holder.check(model)).toBe(true)
      // Each commit once.
      const { folded } = await store.changes({}, { since: start, until: model.latest })
      expect(folded).toBe(model.commits.length)
      expect(store.sources).toEqual([source])
      expect(feed.state[source]?.status).toBe('live')
      await store.close()
    },
  )

  test('L7: a dead token is thrown away once; feeds get a replacement, and it goes on', async () => {
    const db = used.database()
    await db.collection<{ _id: string }>('a').insertOne({ _id: 'x' })
    const store = await used.openApart(db, 'dead', { idleMs: 20 })
    const [source = ''] = store.sources
    await using feed = store.watch(prefix('a/'))
    await feed.take()
    const held = store.reached
    const data = { errorCode: 286, errorLabels: ['NonResumableChangeStreamError'] }
    await using point = await failing(used, { commands: ['getMore'], appName: 'dead', times: 1 }, data)
    await point.entered()
    await db.collection<{ _id: string }>('a').insertOne({ _id: 'y' })
    await vi.waitUntil(() => store.sources[0] !== source && feed.state[store.sources[0] ?? '']?.status === 'live')
    const [next = ''] = store.sources
    const update = await feed.take()
    expect(update?.replace?.entries.map(({ key }) => key)).toContain('a/x')
    await expect(store.fetch({}, { min: held })).rejects.toMatchObject({ code: 'SOURCE_RESET' })
    const later = store.fetch({}, { min: { [next]: (store.reached[next] ?? 0) + 1 } })
    await db.collection<{ _id: string }>('a').insertOne({ _id: 'z' })
    expect((await later).entries.map(({ key }) => key)).toContain('a/y')
    await vi.waitUntil(async () => (await store.fetch({})).entries.length === 3)
    // Whoever opens it now has the same source: the epoch was replaced, once.
    await using other = await used.open(db)
    expect(other.sources).toEqual([next])
    expect(store.sources).toEqual([next])
    await store.close()
  })

  test('L7: a token is dead too where only the first getMore says so', async () => {
    const db = used.database()
    const collection = db.collection<{ _id: string }>('a')
    await collection.insertOne({ _id: 'x' })
    const first = await used.open(db)
    await first.close()
    const data = { errorCode: 286, errorLabels: ['NonResumableChangeStreamError'] }
    await using _point = await failing(used, { commands: ['getMore'], appName: 'first', times: 1 }, data)
    const store = await used.openApart(db, 'first', { idleMs: 20 })
    await vi.waitUntil(
      () => store.sources[0] !== first.sources[0] && store.state?.[store.sources[0] ?? '']?.status === 'live',
    )
    const [source = ''] = store.sources
    await collection.insertOne({ _id: 'y' })
    await vi.waitUntil(async () => (await store.fetch({})).entries.length === 2)
    expect(store.sources).toEqual([source])
    await store.close()
  })

  test('L4: cut between the events of a transaction, it shows it whole, and once', { timeout: 60_000 }, async () => {
    const db = used.database()
    const collection = db.collection<{ _id: string; n: number; text: string }>('a')
    await db.createCollection('a')
    const port = Number(/:(\d+)/.exec(used.set.uri.replace('mongodb:', ''))?.[1])
    await using proxy = await CuttingProxy.open(() => port)
    const client = new MongoClient(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`, {
      monitorCommands: true,
    })
    // More than a batch holds, so that the stream is in the middle of the transaction when it is cut.
    let batches = 0
    client.on('commandSucceeded', ({ commandName, reply }) => {
      const { nextBatch = [] } = ((reply as { cursor?: unknown }).cursor ?? {}) as { nextBatch?: unknown[] }
      if (commandName !== 'getMore' || nextBatch.length === 0 || nextBatch.length === 1_500) return
      if (batches++ === 0) proxy.cutAfter(() => (proxy.cuts === 0 ? 1 : Infinity))
    })
    const store = await openMongoStore(client, { database: db.databaseName, collections: 'a' })
    const [source = ''] = store.sources
    const start = store.reached
    await using feed = store.watch({})
    await feed.take()
    const text = 'x'.repeat(15_000)
    const documents = Array.from({ length: 1_500 }, (_, i) => ({ _id: `${i}x`, n: i, text }))
    await used.client.withSession((session) =>
      session.withTransaction(async () => void (await collection.insertMany(documents, { session }))),
    )
    const update = await (async () => {
      for (;;) {
        const taken = await feed.take()
        if (taken !== undefined) return taken
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    expect(proxy.cuts).toBe(1)
    expect((update.replace?.entries ?? update.changes).length).toBe(1_500)
    expect(update.folded).toBe(1)
    const { folded } = await store.changes({ limit: 1 }, { since: start, until: update.versions })
    expect(folded).toBe(1)
    expect(store.sources).toEqual([source])
    await store.close()
    await client.close()
  })
})
