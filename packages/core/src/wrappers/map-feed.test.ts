import { createMemoryStore, everything, put } from '@fanlight/core'
import { mapFeed } from '@fanlight/core/kit'
import { lagging, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'

const planted = new Error('mapped')

test('queries, updates and errors are mapped; the rest is that of the feed inside', async () => {
  const store = createMemoryStore()
  const inside = store.watch('a')
  const feed = mapFeed<string>(inside, {
    query: (query) => (query === 'shown' ? 'b' : query),
    update: (update) => ({
      ...update,
      replace: undefined,
      changes: [{ key: 'mapped', value: update.query as string }],
    }),
    error: () => planted,
  })
  expect(feed.versions).toEqual({})
  expect([feed.reached, feed.state]).toEqual([inside.reached, inside.state])
  let woken = 0
  feed.wake(() => woken++)
  await turns()
  expect(woken).toBe(1)
  expect(await feed.take()).toMatchObject({ changes: [{ key: 'mapped', value: undefined }] })
  expect(feed.setQuery('shown')).toBe(1)
  expect(await feed.take()).toMatchObject({ query: 'shown', changes: [{ value: 'shown' }] })
  expect(() => feed.setQuery({ limit: -1 })).toThrow(planted)
  expect(feed.setQuery(everything)).toBe(2)
  expect(() => feed.take({ [store.sources[0] ?? '']: -1 })).toThrow(planted)
})

test('promises are mapped too, and end with what ended the feed', async () => {
  const store = createMemoryStore()
  const late = lagging(store)
  const feed = mapFeed(late.watch(everything), { error: () => planted })
  expect(await feed.take()).toMatchObject({ replace: { entries: [] } })
  const waiting = Promise.resolve(feed.take({ [store.sources[0] ?? '']: 5 })).catch((error: unknown) => error)
  await feed.close()
  expect(await waiting).toMatchObject({ code: 'CLOSED', store: undefined })
  expect(() => feed.take()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  expect(() => feed.wake(() => undefined)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  expect(() => feed.setQuery('a')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  await late.close()
})

test('a holder that is woken by its own query gets the answer with that query', async () => {
  const store = createMemoryStore()
  await store.commit([put('b', 1)])
  const feed = mapFeed(store.watch('a'), {})
  const seen: unknown[] = []
  feed.wake(() => seen.push((feed.take() as { query?: unknown } | undefined)?.query))
  await turns()
  feed.setQuery('b')
  expect(seen).toEqual([undefined, 'b'])
})

test('iterating ends when it is closed, by its holder or as it is', async () => {
  const store = createMemoryStore()
  const feed = mapFeed(store.watch(everything), {})
  let count = 0
  const loop = (async () => {
    for await (const update of feed) count += update.folded
  })()
  await turns()
  await feed[Symbol.asyncDispose]()
  await loop
  expect(count).toBe(1)
})
