import { connect } from '@fanlight/client-browser'
import { FanlightError, createMemoryStore, prefixed, put } from '@fanlight/core'
import { serve } from '@fanlight/server'
import { expect, test } from 'vitest'

/** Everyone with a token sees what lies under it. */
async function guarded() {
  const store = createMemoryStore()
  await store.commit([put('ann/a', 1), put('bob/b', 2)])
  const server = await serve(store, {
    authenticate: async (credentials) => {
      if (typeof credentials !== 'string') throw new FanlightError('AUTH_NEEDED', 'give a token')
      if (credentials === 'mallory') throw new FanlightError('FORBIDDEN', 'not you')
      return prefixed(store, `${credentials}/`)
    },
  })
  return { store, server, close: () => server.close().then(() => store.close()) }
}

test('who has no credentials is told so, and who may not is told that; neither waits for it', async () => {
  const { server, close } = await guarded()
  await expect(connect(server.url)).rejects.toMatchObject({ code: 'AUTH_NEEDED' })
  await expect(connect(server.url, { credentials: 'mallory' })).rejects.toMatchObject({ code: 'FORBIDDEN' })
  expect(server.connections).toBe(0)
  await close()
})

test('each sees what the server gives it, and no more', async () => {
  const { store, server, close } = await guarded()
  const ann = await connect(server.url, { credentials: 'ann' })
  expect((await ann.fetch({})).entries.map(({ key, value }) => [key, value])).toEqual([['a', 1]])
  await ann.commit([put('new', 3)])
  expect((await store.fetch('ann/new')).entries[0]?.value).toBe(3)
  await ann.close()
  await close()
})

test('a function gives fresh credentials for each attempt', async () => {
  const { server, close } = await guarded()
  let attempts = 0
  const remote = await connect(server.url, {
    retryMs: 1,
    credentials: () => (++attempts < 3 ? undefined : 'bob'),
  })
  expect(attempts).toBe(3)
  expect((await remote.fetch({})).entries).toHaveLength(1)
  await remote.close()
  await close()
})
