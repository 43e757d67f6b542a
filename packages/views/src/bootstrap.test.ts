import { FanlightError, type FetchOptions, type Query, type Store, createMemoryStore, put } from '@fanlight/core'
import { altered, manualClock, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'
import { createView } from './create-view.ts'

test('L9: an upstream that forgets each part before the next one is read is not read for ever', async () => {
  const raw = createMemoryStore()
  await raw.commit(Array.from({ length: 4 }, (_, i) => put(`k${i}`, i)))
  let asked = 0
  const forgetful = altered<Store>(raw, {
    '~atHand': undefined,
    changes: () => Promise.reject(new FanlightError('LOST_IN_FOG', 'too long ago')),
    fetch: async (query: Query, options: FetchOptions) => {
      if (asked === 1_000) throw new Error('it is read for ever')
      await raw.commit([put('k0', ++asked)])
      return raw.fetch(query, options)
    },
  })
  const clock = manualClock(0)
  const view = createView(forgetful, { map: (entry) => entry, pageSize: 1, clock })
  await turns(3_000)
  expect(Object.values(view.state)).toContainEqual(expect.objectContaining({ status: 'stale' }))
  expect(asked).toBeLessThan(100)
  // It tries again when some time has passed.
  const before = asked
  await clock.advance(10_000)
  await turns(100)
  expect(asked).toBeGreaterThan(before)
  await view.close()
})
