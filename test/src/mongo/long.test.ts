/** A replica set that loses its primary, or its log, under load. Minutes: only in the long run. */
import { type Change, isFanlightError, prefix, put } from '@fanlight/core'
import { Holder } from '@fanlight/core/conformance'
import { openMongoStore, versionOf } from '@fanlight/store-mongo'
import { MongoClient, type Timestamp } from 'mongodb'
import { expect, test, vi } from 'vitest'
import { CuttingProxy } from '../support/cutting-proxy.ts'
import { long, needsMongod, notRun } from '../support/index.ts'
import { type UsedSet, useReplicaSet } from './replica-set.ts'
import { Witness } from './witness.ts'

const withMongod = long ? await needsMongod() : notRun(true, 'long: npm run test:long')

const faults: Readonly<Record<string, (used: UsedSet) => Promise<unknown>>> = {
  'kill -9 of the primary': async (used) => used.set.restart(await used.set.kill('primary')),
  'a step-down': (used) => used.client.db('admin').command({ replSetStepDown: 10, force: true }),
}

withMongod.describe('three members', () => {
  const used = useReplicaSet({ members: 3 })

  test.each(Object.entries(faults))(
    'L4, L6, L9: %s under load loses nothing, doubles nothing, and shows nothing that is not there later',
    { timeout: 600_000 },
    async (_name, fault) => {
      const db = used.database()
      await using witness = await Witness.of(db)
      await db.collection<{ _id: string; n: number }>('b').insertOne({ _id: 'n', n: 0 })
      await db.createCollection('a')
      const store = await used.open(db, { idleMs: 50 })
      const [source = ''] = store.sources
      const start = store.reached
      await using feed = store.watch({})
      const holder = new Holder({})
      const steps: Holder[] = []
      const committed = new Map<string, number>()
      let isWriting = true
      const ours = [0, 1, 2].map(async (asker) => {
        for (let number = 1; isWriting; number++) {
          const key = `a/${'xyz'[asker]}${number}x`
          const id = { session: `${asker}`, number, born: store.reached }
          const change: Change = put(key, { n: number })
          while (!committed.has(key)) {
            const done = await store.commit([change], { id }).catch((error: unknown) => error)
            if (isFanlightError(done)) expect(done.code).toBe('UNAVAILABLE')
            else if (done instanceof Error) throw done
            else committed.set(key, (done as Record<string, number>)[source] ?? 0)
          }
        }
      })
      const theirs = (async () => {
        while (isWriting) {
          await db.client
            .withSession((session) =>
              session.withTransaction(async () => {
                await db.collection<{ _id: string }>('b').updateOne({ _id: 'n' }, { $inc: { n: 1 } }, { session })
              }),
            )
            .catch(() => undefined)
        }
      })()
      const following = (async () => {
        while (isWriting) {
          // What is read while there is no primary is asked for again.
          const update = await (async () => feed.take())().catch(() => undefined)
          if (update === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
          else {
            holder.apply(update)
            steps.push(new Holder({}, { entries: holder.entries, versions: update.versions }))
          }
        }
      })()
      const everyone = Promise.all([...ours, theirs, following])
      everyone.catch(() => (isWriting = false))
      await vi.waitUntil(() => !isWriting || committed.size > 20, { timeout: 60_000 })
      await fault(used)
      const size = committed.size
      await vi.waitUntil(() => !isWriting || committed.size > size + 20, { timeout: 120_000 })
      isWriting = false
      await everyone
      const model = await witness.model(source, start)
      await store.fetch({}, { min: model.latest })
      const last = await feed.take()
      if (last === undefined) holder.moved(feed.versions)
      else holder.apply(last)
      expect(holder.check(model)).toBe(true)
      // Each step is dear to check: the model knows thousands of states.
      const some = Math.ceil(steps.length / 100)
      for (const [i, step] of steps.entries()) if (i % some === 0) expect(step.check(model)).toBe(true)
      for (const [key, version] of committed) {
        const at = model.commits.filter(({ changes }) => changes.some((change) => change.key === key))
        expect(at.map((commit) => commit.at[source])).toEqual([version])
      }
      expect(store.sources).toEqual([source])
      expect(feed.state[source]?.status).toBe('live')
      await store.close()
    },
  )
})

withMongod.describe('a log that is soon full', () => {
  const used = useReplicaSet({ oplogSizeMb: 16 })

  test(
    'L7: where the log was rolled over while the stream was cut, feeds get a replacement',
    { timeout: 600_000 },
    async () => {
      const db = used.database()
      const a = db.collection<{ _id: string; n: number }>('a')
      await a.insertOne({ _id: 'x', n: 0 })
      const port = Number(/:(\d+)/.exec(used.set.uri.replace('mongodb:', ''))?.[1])
      await using proxy = await CuttingProxy.open(() => port)
      const uri = `mongodb://127.0.0.1:${proxy.port}/?directConnection=true&serverSelectionTimeoutMS=1000`
      const client = new MongoClient(uri)
      const store = await openMongoStore(client, { database: db.databaseName, collections: 'a' })
      const [source = ''] = store.sources
      const { [source]: before = 0 } = store.reached
      await using feed = store.watch(prefix('a/'))
      await feed.take()
      proxy.unplug()
      await a.updateOne({ _id: 'x' }, { $set: { n: 1 } })
      await vi.waitUntil(() => feed.state[source]?.status === 'stale', { timeout: 60_000 })
      const log = used.client.db('local').collection<{ _id: string; ts: Timestamp }>('oplog.rs')
      const text = 'x'.repeat(2 ** 20)
      for (let n = 0; ; n++) {
        await used.client.db('other').collection('fill').insertOne({ text })
        if (n % 10 === 9) await used.client.db('admin').command({ fsync: 1 })
        const first = await log.findOne({}, { sort: { $natural: 1 } })
        if (first !== null && (versionOf(first.ts) ?? 0) > before + 2 ** 21) break
      }
      proxy.plugIn()
      await vi.waitUntil(() => store.sources[0] !== source, { timeout: 60_000 })
      await vi.waitUntil(() => feed.state[store.sources[0] ?? '']?.status === 'live', { timeout: 60_000 })
      const update = await feed.take()
      expect(update?.replace?.entries).toMatchObject([{ key: 'a/x', value: { n: 1 } }])
      await store.commit([put('a/y', { n: 2 })])
      expect((await store.fetch({})).entries.map(({ key }) => key)).toEqual(['a/x', 'a/y'])
      await store.close()
      await client.close()
    },
  )
})
