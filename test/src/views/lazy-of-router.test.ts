import { createMemoryStore, get, put } from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { createView, sameKeys } from '@fanlight/views'
import { expect, test } from 'vitest'

test('a lazy view over a router holds what a change does not touch', async () => {
  const left = createMemoryStore({ name: 'left' })
  const right = createMemoryStore({ name: 'right' })
  await left.commit([put('1', 1), put('2', 2)])
  const router = createRouter({ 'l/': left, 'r/': right })
  const view = createView(router, { map: (entry) => entry, mode: 'lazy', reads: sameKeys })
  expect(await get(view, 'l/1')).toBe(1)
  const min = { ...(await left.commit([put('2', 3)])), ...(await right.commit([put('1', 1)])) }
  expect(await get(view, 'l/2', { min })).toBe(3)
  const { misses = NaN } = view.cache ?? {}
  expect(await get(view, 'l/1')).toBe(1)
  expect(view.cache).toMatchObject({ hits: 1, misses })
  await left.commit([put('1', 10)])
  expect(await get(view, 'l/1', { min: left.reached })).toBe(10)
  await view.close()
  await router.close()
})
