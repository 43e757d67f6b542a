import { expect, test } from 'vitest'
import { createMemoryStore } from '../memory/memory-store.ts'
import { lagging } from './lagging.ts'
import { settled } from './settled.ts'

test('it takes all there is, and ends at what was reached', async () => {
  const store = createMemoryStore()
  const feed = store.watch('a')
  await store.commit([{ key: 'a', value: 1 }])
  expect((await settled(feed)).map(({ versions }) => versions)).toEqual([store.reached])
  await store.commit([{ key: 'a', value: 2 }])
  await store.commit([{ key: 'a', value: 3 }])
  const [update, ...others] = await settled(feed)
  expect(update?.changes).toEqual([{ key: 'a', value: 3 }])
  expect(others).toEqual([])
  await store.commit([{ key: 'b', value: 1 }])
  expect(await settled(feed)).toEqual([])
  expect(feed.versions).toEqual(store.reached)
  await store.close()
})

test('of a store that lags, it takes what that has reached', async () => {
  const store = lagging(createMemoryStore())
  const feed = store.watch({})
  await settled(feed)
  await store.commit?.([{ key: 'a', value: 1 }])
  expect(await settled(feed)).toEqual([])
  await store.releaseAll()
  expect(await settled(feed)).toHaveLength(1)
  await store.close()
})
