import { createMemoryStore, del, everything, put } from '@fanlight/core'
import { openMongoStore } from '@fanlight/store-mongo'
import { type View, createView } from '@fanlight/views'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { needsMongod, startReplicaSet } from '../support/index.ts'

const withMongod = await needsMongod()

withMongod.describe('a view that is kept in MongoDB', () => {
  let client: MongoClient
  let stop = (): Promise<void> => Promise.resolve()

  beforeAll(async () => {
    const set = await startReplicaSet()
    client = new MongoClient(set.uri)
    stop = () => set.stop()
  })
  afterAll(async () => {
    await client.close()
    await stop()
  })

  test('L4: holds any keys and values, goes on where it was, and leaves alone what is not its own', async () => {
    const foreign = client.db('kept').collection<{ _id: string }>('foreign')
    await foreign.insertOne({ _id: 'mine' })
    const raw = createMemoryStore({ name: 'raw' })
    const keys = [
      '',
      '0',
      'a',
      'a/b',
      'a0',
      '#a2',
      '.',
      '$set',
      'x.y',
      '__proto__',
      '_id',
      '😀',
      '\uffff',
      '\0',
      'a\0',
      'é',
      '64af0c1e2b3c4d5e6f708192',
    ]
    await raw.commit(keys.map((key, i) => put(key, i % 3 === 0 ? [i] : i % 3 === 1 ? { _id: i, n: null } : `${i}`)))
    const open = async (definition: string, read: string[]): Promise<{ view: View; close(): Promise<void> }> => {
      const into = await openMongoStore(client, { database: 'kept' })
      const map = (entry: { key: string; value: unknown }): { key: string; value: unknown } => {
        read.push(entry.key)
        return entry
      }
      const view = createView(raw, { map, into, definition, pageSize: 7 }) as View
      return { view, close: () => view.close().then(() => into.close()) }
    }
    const shown = async (view: View): Promise<unknown> => {
      const { entries } = await view.fetch(everything, { min: raw.reached })
      return entries.map(({ key, value }) => [key, value])
    }
    const held = async (): Promise<unknown> => {
      const { entries } = await raw.fetch(everything)
      return entries.map(({ key, value }) => [key, value])
    }
    const first = await open('1', [])
    expect(await shown(first.view)).toEqual(await held())
    await first.close()
    await raw.commit([del(keys[1] ?? ''), put('late', 1)])
    const read: string[] = []
    const second = await open('1', read)
    expect(await shown(second.view)).toEqual(await held())
    expect(read).toEqual(['late'])
    await second.close()
    const other = await open('2', [])
    expect(await shown(other.view)).toEqual(await held())
    await other.close()
    expect(await foreign.countDocuments()).toBe(1)
  })
})
