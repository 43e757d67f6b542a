import { type Feed, type Store, createMemoryStore } from '@fanlight/core'
import { manualClock } from '@fanlight/core/testing'
import { expect, test } from 'vitest'
import { Goals } from './goals.ts'

test('L2: a delayed point from when other stores were mounted leads no source back', async () => {
  const clock = manualClock()
  const upstream = { oldest: {} } as Store
  const host = { clock, held: undefined, instant: true, awaited: () => undefined }
  const goals = new Goals(upstream, host, 100, () => undefined)
  const feed = (versions: object, reached: object): Feed =>
    ({ ...createMemoryStore().watch({}), versions, reached }) as Feed
  goals.note(feed({}, { slow: 13, fast: 18 }))
  await clock.advance(100)
  const now = feed({ slow: 15, fast: 17 }, { slow: 15, fast: 19 })
  expect(goals.next(now, false)).toEqual({ slow: 15, fast: 18 })
  // Where it is there in all of them, there is nowhere to go: else the view would look again and again.
  expect(goals.next(feed({ slow: 15, fast: 18 }, { slow: 15, fast: 18 }), false)).toBeUndefined()
  goals.stop()
})
