/** Conflicts with writers that know nothing of the store: exact, whether or not the stream has told of them yet. */
import { type Change, del, put } from '@fanlight/core'
import type { MongoStore } from '@fanlight/store-mongo'
import type { Collection, Db } from 'mongodb'
import { expect, test } from 'vitest'
import { needsMongod } from '../support/index.ts'
import { blocked, testCommands } from './fail-points.ts'
import { useReplicaSet } from './replica-set.ts'

const withMongod = await needsMongod()

interface Numbered {
  readonly _id: string
  readonly n: number
}

type Foreign = (a: Collection<Numbered>) => Promise<unknown>

/** What others may do to `a/x`, which is there, and `a/y`, which is not. */
const writes: Readonly<Record<string, Foreign>> = {
  changed: (a) => a.updateOne({ _id: 'x' }, { $set: { n: 1 } }),
  deleted: (a) => a.deleteOne({ _id: 'x' }),
  'set and set back': async (a) => {
    await a.updateOne({ _id: 'x' }, { $set: { n: 1 } })
    await a.updateOne({ _id: 'x' }, { $set: { n: 0 } })
  },
  'deleted and created': async (a) => {
    await a.deleteOne({ _id: 'x' })
    await a.insertOne({ _id: 'x', n: 0 })
  },
}
const writesOfAbsent: Readonly<Record<string, Foreign>> = {
  created: (a) => a.insertOne({ _id: 'y', n: 0 }),
  'created and deleted': async (a) => {
    await a.insertOne({ _id: 'y', n: 0 })
    await a.deleteOne({ _id: 'y' })
  },
}

const onX: Readonly<Record<string, Change>> = {
  'a put': put('a/x', { n: 5 }),
  'a put of the same': put('a/x', { n: 0 }),
  'a delete': del('a/x'),
}
const onY: Readonly<Record<string, Change>> = { 'a put': put('a/y', { n: 5 }), 'a delete': del('a/y') }

const cases = [
  ...pairs(writes, onX).map(([name, change, foreign]) => ({ name: `a/x ${name}`, change, foreign })),
  ...pairs(writesOfAbsent, onY).map(([name, change, foreign]) => ({ name: `a/y ${name}`, change, foreign })),
]

withMongod.describe('conflicts', () => {
  const used = useReplicaSet(testCommands)

  async function opened(appName: string): Promise<{ db: Db; a: Collection<Numbered>; store: MongoStore }> {
    const db = used.database()
    const a = db.collection<Numbered>('a')
    await a.insertMany([
      { _id: 'w', n: 0 },
      { _id: 'x', n: 0 },
    ])
    return { db, a, store: await used.openApart(db, appName) }
  }

  test.each(cases)('commit with a basis: $name since then is CONFLICT', async ({ change, foreign }) => {
    const { a, store } = await opened('since')
    const basis = store.reached
    await foreign(a)
    const commit = store.commit([put('a/w', { n: 1 }), change], { basis })
    await expect(commit).rejects.toMatchObject({ code: 'CONFLICT', keys: [change.key], applied: 'no' })
    expect(await a.findOne({ _id: 'w' })).toEqual({ _id: 'w', n: 0 })
    // Others are no conflict, and after it has been read there is none.
    await store.commit([put('a/w', { n: 1 })], { basis })
    await store.commit([change], { basis: (await store.fetch({}, { min: store.reached })).versions })
    await store.close()
  })

  test.each(cases)('commit with a basis: $name while it is under way is CONFLICT', async ({ change, foreign }) => {
    const { a, store } = await opened('under-way')
    const basis = store.reached
    // Its transaction has done its writes; their documents cannot be written by others, or they conflict in the server.
    await using point = await blocked(used, { command: 'commitTransaction', appName: 'under-way', ms: 300 })
    const commit = store.commit([change], { basis })
    commit.catch(() => undefined)
    await point.entered()
    const wrote = foreign(a)
    const [ours] = await Promise.allSettled([commit, wrote])
    // Whoever came first, nothing is lost: others wait for a transaction that holds a document, and come after it.
    if (ours.status === 'rejected') expect(ours.reason).toMatchObject({ code: 'CONFLICT', keys: [change.key] })
    else {
      const { entries } = await store.fetch(change.key, { min: ours.value, max: ours.value })
      const expected = 'value' in change ? [{ key: change.key, value: change.value }] : []
      expect(entries.map(({ key, value }) => ({ key, value }))).toEqual(expected)
    }
    await store.close()
  })

  test('a commit without a basis is tried again where it meets others, and loses nothing', async () => {
    const { a, store } = await opened('blind')
    const transaction = used.client.startSession()
    transaction.startTransaction()
    await a.updateOne({ _id: 'x' }, { $set: { n: 7 } }, { session: transaction })
    const commit = store.commit([put('a/x', { n: 8 })])
    await new Promise((resolve) => setTimeout(resolve, 100))
    await transaction.commitTransaction()
    await transaction.endSession()
    await commit
    expect(await a.findOne({ _id: 'x' })).toEqual({ _id: 'x', n: 8 })
    await store.close()
  })

  test('L4: counters that the store and others raise at once in transactions count each once', async () => {
    const { db, a, store } = await opened('counters')
    let conflicts = 0
    const ours = async (): Promise<void> => {
      for (let i = 0; i < 30;) {
        const { entries, versions } = await store.fetch('a/x')
        const [n = 0] = entries.map(({ value }) => (value as Numbered).n + 1)
        const done = await store.commit([put('a/x', { n })], { basis: versions }).catch((error: unknown) => error)
        if (done instanceof Error) {
          expect(done).toMatchObject({ code: 'CONFLICT' })
          conflicts++
        } else i++
      }
    }
    const theirs = async (): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        await db.client.withSession((session) =>
          session.withTransaction(async () => {
            await a.updateOne({ _id: 'x' }, { $inc: { n: 1 } }, { session })
            await a.updateOne({ _id: 'w' }, { $inc: { n: 1 } }, { session })
          }),
        )
      }
    }
    await Promise.all([ours(), ours(), theirs()])
    expect(await a.findOne({ _id: 'x' })).toEqual({ _id: 'x', n: 120 })
    expect(await a.findOne({ _id: 'w' })).toEqual({ _id: 'w', n: 60 })
    expect(conflicts).toBeGreaterThan(0)
    await store.close()
  })
})

function pairs(foreign: typeof writes, ours: typeof onX): [string, Change, Foreign][] {
  return Object.entries(foreign).flatMap(([what, write]) =>
    Object.entries(ours).map(([name, change]): [string, Change, Foreign] => [`${what} under ${name}`, change, write]),
  )
}
