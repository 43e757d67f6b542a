/** Guards: single keys that are there, held against writers that know nothing of the store. */
import { prefix, put } from '@fanlight/core'
import { expect, test } from 'vitest'
import { needsMongod } from '../support/index.ts'
import { blocked, testCommands } from './fail-points.ts'
import { useReplicaSet } from './replica-set.ts'

const withMongod = await needsMongod()

withMongod.describe('guards', () => {
  const used = useReplicaSet(testCommands)

  async function opened() {
    const db = used.database()
    const a = db.collection<{ _id: string; n: number }>('a')
    await a.insertOne({ _id: 'g', n: 0 })
    const store = await used.openApart(db, 'guard')
    return { a, store, basis: store.reached }
  }

  test('commit: a guarded key that another has changed is CONFLICT', async () => {
    const { a, store, basis } = await opened()
    await a.updateOne({ _id: 'g' }, { $set: { n: 1 } })
    const commit = store.commit([put('a/x', {})], { basis, guard: ['a/g'] })
    await expect(commit).rejects.toMatchObject({ code: 'CONFLICT', keys: ['a/g'], applied: 'no' })
    expect(await a.countDocuments()).toBe(1)
    await store.close()
  })

  test('commit: a guarded key that another transaction is about to change is CONFLICT once that is done', async () => {
    const { a, store, basis } = await opened()
    const session = used.client.startSession()
    session.startTransaction()
    await a.updateOne({ _id: 'g' }, { $set: { n: 1 } }, { session })
    const commit = store.commit([put('a/x', {})], { basis, guard: ['a/g'] })
    commit.catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 50))
    await session.commitTransaction()
    await session.endSession()
    await expect(commit).rejects.toMatchObject({ code: 'CONFLICT', keys: ['a/g'], applied: 'no' })
    await store.close()
  })

  test('commit: who changes a guarded key while the commit is under way comes after it, and nothing is left of the lock', async () => {
    const { a, store, basis } = await opened()
    const feed = store.watch(prefix('a/'))
    await feed.take()
    await using point = await blocked(used, { command: 'commitTransaction', appName: 'guard', ms: 300 })
    const commit = store.commit([put('a/x', {})], { basis, guard: ['a/g'] })
    await point.entered()
    const wrote = a.updateOne({ _id: 'g' }, { $set: { n: 1 } })
    const at = await commit
    await wrote
    expect((await store.fetch('a/g', { min: at, max: at })).entries).toMatchObject([{ value: { n: 0 } }])
    // A lock is no change.
    expect((await feed.take(at))?.changes).toEqual([{ key: 'a/x', value: {} }])
    expect(await a.findOne({ _id: 'g' })).toEqual({ _id: 'g', n: 1 })
    await store.close()
  })

  test('commit: a guard of a key that is not there, and of a range, is UNSUPPORTED, as `supports` says', async () => {
    const { a, store, basis } = await opened()
    expect(store.supports.guard).toBe('keys')
    for (const guard of ['a/none', prefix('a/'), { gte: 'a/g', limit: 1 }]) {
      const commit = store.commit([put('a/x', {})], { basis, guard: [guard] })
      await expect(commit).rejects.toMatchObject({ code: 'UNSUPPORTED', applied: 'no' })
    }
    expect(await a.countDocuments()).toBe(1)
    await store.close()
  })
})
