import { createMemoryStore, everything, put } from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import { expect, test } from 'vitest'

/** A view over a router of two stores, and a point of the second that it has not reached. */
async function setUp() {
  const [stays, goes] = [createMemoryStore(), createMemoryStore({ name: 'goes' })]
  const router = createRouter({ 'a/': stays, 'b/': goes })
  const view = createView(router, { map: ({ key, value }) => ({ key, value }), definition: 'same' })
  await view.fetch(everything)
  return { stays, router, view, later: { [goes.sources[0] ?? '']: 5 } }
}

test('L9: a take that waits for a point of a store goes on when that store is unmounted under the view', async () => {
  const { stays, router, view, later } = await setUp()
  const feed = view.watch(everything)
  await feed.take()
  const taken = feed.take(later)
  router.unmount('b/')
  await stays.commit([put('x', 1)])
  expect((await taken)?.versions).not.toHaveProperty(Object.keys(later)[0] ?? '')
  expect((await view.fetch(everything)).entries).toEqual([{ key: 'a/x', value: 1 }])
  await view.close()
})

test('L9: an answer that waits for a store that is unmounted is what an answer without that store is', async () => {
  const { stays, router, view, later } = await setUp()
  const asked = view.fetch(everything, { min: later })
  router.unmount('b/')
  await stays.commit([put('x', 1)])
  expect(Object.keys((await asked).versions)).toEqual(Object.keys((await view.fetch(everything)).versions))
  await view.close()
})

test('L9: where another store of that name is mounted, who waits for the former learns that it was reset', async () => {
  const { router, view, later } = await setUp()
  const asked = view.fetch(everything, { min: later })
  router.remount({ 'b/': createMemoryStore({ name: 'goes' }) })
  await expect(asked).rejects.toMatchObject({ code: 'SOURCE_RESET' })
  await view.close()
})
