/** Programs that know nothing of Fanlight change what is mirrored, while it is. */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FanlightError, type Mirror, createMemoryStore, everything, mirror, prefix, put } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import { openJsonStore } from '@fanlight/store-json'
import { openMongoStore } from '@fanlight/store-mongo'
import { expect, test } from 'vitest'
import { useReplicaSet } from '../mongo/replica-set.ts'
import { needsMongod } from '../support/index.ts'

/** Waits until something is so; the time of the test ends a wait that is in vain. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await breathe(5)
}

async function ended(mirrored: Mirror): Promise<FanlightError> {
  await until(() => mirrored.error !== undefined)
  return mirrored.error as FanlightError
}

test('a person edits a file that is mirrored into: it is put in order, beside what is theirs; or the mirror ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fanlight-sinks-'))
  const path = join(folder, 'file.json')
  const read = async (): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>
  const edit = async (members: Record<string, unknown>): Promise<void> => {
    await writeFile(`${path}~`, JSON.stringify(members))
    await rename(`${path}~`, path)
  }
  await writeFile(path, '{ "theirs": { "a": 1 } }')
  const store = createMemoryStore({ name: 'stock' })
  await store.commit([put('apple', 3), put('pear', 5)])
  const file = await openJsonStore(path, { depth: 2, settleMs: 5 })
  const heard: unknown[] = []
  const running = mirror(store, everything, file, {
    prefix: 'stock/',
    onError: (error) => heard.push((error as FanlightError).keys),
  })
  await running.settled()
  const { '~mirror': mark, ...members } = await read()
  expect(members).toEqual({ theirs: { a: 1 }, stock: { apple: 3, pear: 5 } })
  await edit({ theirs: { a: 2 }, stock: { apple: 4, plum: 1 }, '~mirror': mark })
  await until(() => running.repairs > 0)
  expect(heard).toEqual([['stock/apple', 'stock/pear', 'stock/plum']])
  expect(await read()).toMatchObject({ theirs: { a: 2 }, stock: { apple: 3, pear: 5 } })
  expect((await read())['stock']).toEqual({ apple: 3, pear: 5 })
  // Also the watermark, and all of it.
  await edit({ theirs: { a: 3 } })
  await until(async () => (await read())['stock'] !== undefined)
  const { '~mirror': again, ...all } = await read()
  expect(all).toEqual({ theirs: { a: 3 }, stock: { apple: 3, pear: 5 } })
  expect(again).toBeDefined()
  await running.close()
  const strict = mirror(store, everything, file, { prefix: 'stock/', foreign: 'refuse' })
  await strict.settled()
  await edit({ ...(await read()), stock: { apple: 3 } })
  expect(await ended(strict)).toMatchObject({ code: 'CONFLICT', keys: ['stock/pear'] })
  expect((await read())['stock']).toEqual({ apple: 3 })
  await strict.close()
  await file.close()
  await rm(folder, { recursive: true })
})

const withMongod = await needsMongod()

withMongod.describe('MongoDB', () => {
  const used = useReplicaSet()

  test('documents that a program changes are put back, or end the mirror, and other collections stay', async () => {
    const db = used.database()
    const documents = db.collection<{ _id: string; n: number }>('copy')
    await db.collection<{ _id: string }>('theirs').insertOne({ _id: 'x' })
    const store = createMemoryStore({ name: 'from' })
    await store.commit([put('copy/a', { n: 1 }), put('copy/b', { n: 2 }), put('beside/c', { n: 3 })])
    const sink = await openMongoStore(db.client, { database: db.databaseName, idleMs: 20 })
    const heard: unknown[] = []
    const running = mirror(store, prefix('copy/'), sink, {
      onError: (error) => heard.push((error as FanlightError).keys),
    })
    await running.settled()
    await documents.updateOne({ _id: 'a' }, { $set: { n: 9 } })
    await until(() => running.repairs > 0)
    expect(heard).toEqual([['copy/a']])
    expect(await documents.find().toArray()).toEqual([
      { _id: 'a', n: 1 },
      { _id: 'b', n: 2 },
    ])
    await documents.drop()
    await until(async () => (await documents.countDocuments()) === 2)
    expect((await db.listCollections().toArray()).map(({ name }) => name).toSorted()).toEqual([
      'copy',
      'fanlight',
      'theirs',
      '~mirror',
    ])
    await running.close()
    const strict = mirror(store, prefix('copy/'), sink, { foreign: 'refuse' })
    await strict.settled()
    await documents.deleteOne({ _id: 'b' })
    expect(await ended(strict)).toMatchObject({ code: 'CONFLICT', keys: ['copy/b'] })
    expect(await documents.countDocuments()).toBe(1)
    await strict.close()
    await sink.close()
  })

  test('a store of some collections says which one the watermark wants', async () => {
    const sink = await used.open(used.database())
    const store = createMemoryStore({ name: 'from' })
    await store.commit([put('a/1', { n: 1 })])
    const without = mirror(store, prefix('a/'), sink)
    expect(await ended(without)).toMatchObject({
      code: 'BAD_KEY',
      message: expect.stringContaining('~mirror') as string,
    })
    const within = mirror(store, prefix('a/'), sink, { watermarkKey: 'b/mark' })
    await within.settled()
    expect((await sink.fetch(everything)).entries.map(({ key }) => key)).toEqual(['a/1', 'b/mark'])
    await within.close()
    await sink.close()
  })
})
