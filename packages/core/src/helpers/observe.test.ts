import { type Update, createMemoryStore, group, observe, prefix, put } from '@fanlight/core'
import { lagging, settled, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'

test('it takes at each wake, inside the commit where the feed can', async () => {
  const store = createMemoryStore()
  const seen: number[] = []
  const subscription = observe(store.watch(prefix('a'))).subscribe(({ changes, replace }) =>
    seen.push(replace === undefined ? changes.length : -1),
  )
  await turns()
  const done = store.commit([put('a1', 1), put('a2', 2)])
  expect(seen).toEqual([-1, 2])
  await done
  await store.commit([put('b', 1)])
  expect(seen).toEqual([-1, 2])
  subscription.unsubscribe()
  await store.commit([put('a1', 3)])
  expect(seen).toEqual([-1, 2])
})

test('unsubscribing closes the feed, unless it is to stay open', async () => {
  const store = createMemoryStore()
  const [one, other] = [store.watch({}), store.watch({})]
  observe(one).subscribe().unsubscribe()
  observe(other, { keepOpen: true }).subscribe().unsubscribe()
  expect(() => one.take()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  expect(await settled(other)).toHaveLength(1)
})

test('one subscriber at a time: the second gets BAD_QUERY, the first goes on', async () => {
  const store = createMemoryStore()
  const updates = observe(store.watch({}))
  const seen: Update[] = []
  updates.subscribe((update) => seen.push(update))
  const error = await new Promise((resolve) => updates.subscribe({ error: resolve }))
  expect(error).toMatchObject({ code: 'BAD_QUERY' })
  await store.commit([put('a', 1)])
  expect(seen).toHaveLength(2)
})

test('a feed that is closed completes it; a store that closes is an error', async () => {
  const store = createMemoryStore()
  const feed = store.watch({})
  const completed = new Promise<void>((resolve) => observe(feed).subscribe({ complete: resolve }))
  await feed.close()
  await completed
  const failed = new Promise((resolve) => observe(store.watch({})).subscribe({ error: resolve }))
  await store.close()
  expect(await failed).toMatchObject({ code: 'CLOSED', store: 'memory' })
})

test('L6: promises are awaited one by one, and nothing is missed meanwhile', async () => {
  const store = createMemoryStore()
  const late = lagging(store)
  const held = new Map<string, unknown>()
  const subscription = observe(late.watch({})).subscribe(({ replace, changes }) => {
    for (const { key, value } of replace?.entries ?? []) held.set(key, value)
    for (const { key, value } of changes) held.set(key, value)
  })
  for (let i = 0; i < 20; i++) {
    await store.commit([put(`k${i % 3}`, i)])
    void late.releaseAll()
    if (i % 5 === 0) await turns()
  }
  await turns()
  expect([...held].sort(([a], [b]) => (a < b ? -1 : 1))).toEqual([
    ['k0', 18],
    ['k1', 19],
    ['k2', 17],
  ])
  subscription.unsubscribe()
  await late.close()
})

test('L5: it observes groups too', async () => {
  const store = createMemoryStore()
  let count = 0
  observe(group(store.watch({}))).subscribe((step) => (count += step.length))
  await turns()
  await store.commit([put('a', 1)])
  expect(count).toBe(2)
})
