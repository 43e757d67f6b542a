/** Collections in which nothing changes: their stores advance all the same, in order with the data (L9). */
import { type Versions, prefix, put } from '@fanlight/core'
import { type MongoStore, versionOf } from '@fanlight/store-mongo'
import type { Db, Document, Long, Timestamp } from 'mongodb'
import { expect, test } from 'vitest'
import { timeOfToken } from '../../../packages/store-mongo/src/cluster-time.ts'
import { needsMongod } from '../support/index.ts'
import { useReplicaSet } from './replica-set.ts'

const withMongod = await needsMongod()

withMongod.describe('quiet collections', () => {
  // By itself the server writes something into its log now and then, which would hide who waits for the next write.
  const used = useReplicaSet({ args: ['--setParameter', 'writePeriodicNoops=false'] })

  /** Writes as others do, and says when. */
  async function write(db: Db, collection: string, n: number): Promise<number> {
    return db.client.withSession(async (session) => {
      await db.collection(collection).insertOne({ n }, { session })
      return (session.operationTime && versionOf(session.operationTime)) ?? 0
    })
  }

  test.each(['another collection', 'another database'])('L9: a store advances while %s is written', async (which) => {
    const db = used.database()
    await write(db, 'a', 0)
    await using store = await used.open(db, { collections: 'a' })
    const [source = ''] = store.sources
    const { [source]: began = 0 } = store.reached
    await using feed = store.watch(prefix('a/'))
    await feed.take()
    const to = which === 'another database' ? used.database() : db
    for (let n = 0; n < 5; n++) {
      const at = await write(to, 'b', n)
      const { entries, windows } = await store.fetch({}, { min: { [source]: at } })
      expect(entries.length).toBe(1)
      expect(windows[source]?.from).toBe(began)
      expect(windows[source]?.to).toBeGreaterThanOrEqual(at)
      expect(await feed.take({ [source]: at })).toBeUndefined()
      expect(feed.versions[source]).toBeGreaterThanOrEqual(at)
    }
    expect(feed.state[source]?.status).toBe('live')
  })

  test('L2, L9: what one store has committed is waited for by another of the same set, in which nothing changes', async () => {
    const db = used.database()
    await write(db, 'a', 0)
    await write(db, 'b', 0)
    await using one = await used.open(db, { collections: 'a' })
    await using other = await used.open(db, { collections: 'b' })
    expect(one.sources).toEqual(other.sources)
    const both = async (store: MongoStore, min: Versions): Promise<void> => {
      const answer = await store.fetch({}, { min })
      const [source = ''] = store.sources
      expect(answer.windows[source]?.to).toBeGreaterThanOrEqual(min[source] ?? Infinity)
    }
    for (let n = 0; n < 5; n++) {
      await both(other, await one.commit([put('a/x', { n })]))
      await both(one, await other.commit([put('b/x', { n })]))
    }
  })

  test('L9: a token of an event holds the time of that event; that of a batch, a time after which all comes later', async () => {
    const db = used.database()
    const opened = await db.command({ aggregate: 1, pipeline: [{ $changeStream: {} }], cursor: {} })
    const cursor = opened['cursor'] as { id: Long; postBatchResumeToken: unknown }
    const seen: { event: number; passed: number }[] = []
    let passed = timed(timeOfToken(cursor.postBatchResumeToken))
    let batches = 0
    const take = async (): Promise<number> => {
      const command = { getMore: cursor.id, collection: '$cmd.aggregate', maxTimeMS: 50 }
      const { nextBatch, postBatchResumeToken } = (await db.command(command))['cursor'] as {
        nextBatch: readonly Document[]
        postBatchResumeToken: unknown
      }
      for (const { _id, clusterTime } of nextBatch) {
        expect(timeOfToken(_id)).toEqual(clusterTime)
        // Never before what a batch has said to be passed, and after it unless an event of that time came with it.
        const event = timed(clusterTime as Timestamp)
        expect(event).toBeGreaterThanOrEqual(passed)
        seen.push({ event, passed })
      }
      const next = timed(timeOfToken(postBatchResumeToken))
      expect(next).toBeGreaterThanOrEqual(Math.max(passed, seen.at(-1)?.event ?? 0))
      passed = next
      if (nextBatch.length === 0) batches++
      return nextBatch.length
    }
    for (let n = 0; n < 20; n++) {
      const at = await write(db, 'a', n)
      while (!seen.some(({ event }) => event >= at)) await take()
      // A write elsewhere has no event: the token alone tells of its time.
      const elsewhere = await write(used.database(), 'x', n)
      while (passed < elsewhere) await take()
    }
    expect(seen.length).toBe(20)
    expect(batches).toBeGreaterThan(0)
  })
})

function timed(time: Timestamp | undefined): number {
  return (time && versionOf(time)) ?? Number.NaN
}
