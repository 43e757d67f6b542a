/** Documents that MongoDB does not take: each has a code of its own, and nothing of the commit is applied. */
import { del, put } from '@fanlight/core'
import { expect, test } from 'vitest'
import { needsMongod } from '../support/index.ts'
import { useReplicaSet } from './replica-set.ts'

const withMongod = await needsMongod()

withMongod.describe('documents that are refused', () => {
  const used = useReplicaSet()

  test(
    'commit: a document above 16 MiB is TOO_LARGE, one right below is taken and told',
    { timeout: 60_000 },
    async () => {
      const db = used.database()
      await db.createCollection('a')
      await using store = await used.open(db)
      await using feed = store.watch('a/x')
      await feed.take()
      const text = (bytes: number): string => 'x'.repeat(bytes)
      const large = store.commit([put('a/w', { n: 1 }), put('a/x', { text: text(2 ** 24) })])
      await expect(large).rejects.toMatchObject({ code: 'TOO_LARGE', keys: ['a/x'], applied: 'no' })
      // Not the document is too large, but with its _id.
      const nearly = store.commit([put('a/w', { n: 1 }), put('a/x', { text: text(2 ** 24 - 20) })])
      await expect(nearly).rejects.toMatchObject({ code: 'TOO_LARGE', applied: 'no' })
      expect(await db.collection('a').countDocuments()).toBe(0)
      const at = await store.commit([put('a/x', { text: text(2 ** 24 - 100) })])
      const update = await feed.take(at)
      expect(update?.changes.map(({ value }) => (value as { text: string }).text.length)).toEqual([2 ** 24 - 100])
      // Changed where it is, so that the event holds little.
      await db.collection<{ _id: string }>('a').updateOne({ _id: 'x' }, { $set: { text: text(2 ** 24 - 200) } })
      const [source = ''] = store.sources
      const next = await store.fetch('a/x', { min: { [source]: (at[source] ?? 0) + 1 } })
      expect(next.entries.map(({ value }) => (value as { text: string }).text.length)).toEqual([2 ** 24 - 200])
      expect(feed.state[source]?.status).toBe('live')
    },
  )

  test('commit: what the validator of the collection refuses is BAD_VALUE', async () => {
    const db = used.database()
    await db.createCollection('a', { validator: { n: { $type: 'int' } } })
    await using store = await used.open(db)
    const commit = store.commit([put('a/x', { n: 1 }), put('a/y', { n: 'one' })])
    await expect(commit).rejects.toMatchObject({ code: 'BAD_VALUE', applied: 'no' })
    expect(await db.collection('a').countDocuments()).toBe(0)
    await store.commit([put('a/x', { n: 1 })])
    await store.commit([del('a/x')], { basis: store.reached })
    // What is not there is held by an empty document, which is not taken here: so nobody knows of conflicts.
    const absent = store.commit([del('a/x')], { basis: store.reached })
    await expect(absent).rejects.toMatchObject({ code: 'UNSUPPORTED', applied: 'no' })
    await store.commit([del('a/x'), put('a/y', { n: 2 })])
    expect((await db.collection('a').find().toArray()).length).toBe(1)
  })

  test('commit: what a unique index refuses is BAD_VALUE, with an id too, and is not tried again', async () => {
    const db = used.database()
    await db.collection('a').createIndex({ n: 1 }, { unique: true })
    await using store = await used.open(db)
    await store.commit([put('a/x', { n: 1 })])
    const commit = store.commit([put('a/w', { n: 0 }), put('a/y', { n: 1 })])
    await expect(commit).rejects.toMatchObject({ code: 'BAD_VALUE', applied: 'no' })
    const id = { session: 's', number: 1, born: store.reached }
    const again = store.commit([put('a/w', { n: 0 }), put('a/y', { n: 1 })], { id })
    await expect(again).rejects.toMatchObject({ code: 'BAD_VALUE', applied: 'no' })
    expect(await db.collection('a').countDocuments()).toBe(1)
    await store.commit([put('a/x', { n: 2 }), put('a/y', { n: 1 })])
  })
})
