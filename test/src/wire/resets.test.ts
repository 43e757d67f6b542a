import { createMemoryStore, everything, type MemoryStore, put, type Update } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import { connect, type Remote } from '@fanlight/client-browser'
import { serve, type Server } from '@fanlight/server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { until } from './scene.ts'

/** So much that an answer comes in several frames. */
const many = Array.from({ length: 3000 }, (_, i) => put(`k${i}`, 'x'.repeat(300)))

async function filled(value: number): Promise<MemoryStore> {
  const store = createMemoryStore({ name: 'reset' })
  await store.commit([...many, put('a', value)])
  return store
}

describe('L7: a server that comes back with another history while a feed takes', () => {
  let store: MemoryStore
  let server: Server
  let remote: Remote

  beforeEach(async () => {
    store = await filled(0)
    server = await serve(store)
    remote = await connect(server.url, { retryMs: 5, retryMsMax: 20 })
  })

  afterEach(async () => {
    await remote.close()
    await server.close()
    await store.close()
  })

  const stop = async (): Promise<void> => {
    await server.close()
    await store.close()
    await until(() => remote.connection.status !== 'open')
  }

  const start = async (value: number): Promise<void> => {
    store = await filled(value)
    server = await serve(store, { port: server.port })
  }

  const valueIn = (update: Update | undefined): unknown =>
    update?.replace?.entries.find(({ key }) => key === 'a')?.value

  test('a first take that began while it was away gives the answer of the new history', async () => {
    const since = Object.fromEntries(remote.sources.map((source) => [source, 0]))
    await stop()
    const feeds = [remote.watch(everything), remote.watch('a'), remote.watch('a', { since, alone: true })]
    const taken = feeds.map(async (feed) => feed.take())
    await breathe()
    await start(7)
    for (const update of await Promise.all(taken)) {
      expect(valueIn(update)).toBe(7)
      expect(Object.keys(update?.versions ?? {})).toEqual(store.sources)
    }
  })

  test('loops over feeds go on, however often and at whatever byte it happens', async () => {
    const held: unknown[] = []
    const failures: unknown[] = []
    const queries = [everything, { gte: 'a', lt: 'b' }, 'a', ['a', { gte: 'k2' }]]
    const runs: Promise<void>[] = []
    let last = 0
    for (let round = 0; round < 8; round++) {
      for (const query of queries) {
        const index = runs.length
        const run = async (): Promise<void> => {
          for await (const update of remote.watch(query)) held[index] = valueIn(update)
        }
        runs.push(
          run().catch((error: unknown) => {
            // The remote that is closed at the end ends them all.
            if (last < 8) failures.push(error)
          }),
        )
      }
      // Some takes are under way, and some answers came in part.
      for (let i = 0; i < round; i++) await breathe()
      await server.close()
      await store.close()
      await start(++last)
      for (let i = 0; i < round; i++) await breathe(1)
    }
    expect(failures).toEqual([])
    await until(() => held.length === runs.length && held.every((value) => value === last))
    await remote.close()
    await Promise.all(runs)
  })
})
