import { createMemoryStore, defineStore, type Driver, everything, put } from '@fanlight/core'
import { settled, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'
import { createRouter } from './index.ts'

test('section 3: a store that told of something which left nothing to take is heard when it tells again', async () => {
  let fail: (why: unknown) => void = () => undefined
  const driver: Driver = {
    name: 'ill',
    read: () => ({ entries: [] }),
    listen: (_, failed) => {
      fail = failed
      return () => undefined
    },
    write: () => Promise.resolve(),
  }
  const ill = await defineStore(driver)
  const router = createRouter({ 'ill/': ill, 'well/': createMemoryStore() })
  const feed = router.watch(everything)
  let told = 0
  feed.wake(() => told++)
  await settled(feed)
  told = 0

  // That its state changed is told, and no entry of it.
  fail(new Error('the disk is on fire'))
  expect(told).toBe(1)
  await settled(feed)

  await ill.commit?.([put('a', 1)])
  await turns()
  expect(told).toBe(2)
  await router.close()
})
