import { createMemoryStore, everything, type MemoryStore, put, type StoreEvent } from '@fanlight/core'
import { Holder } from '@fanlight/core/conformance'
import { manualClock, seededRandom, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'
import { createRouter } from './index.ts'

/** Stores of one source: the same seed gives the same incarnation, and the same commits the same versions. */
function raw(commits: number): MemoryStore {
  return createMemoryStore({ name: 'raw', random: seededRandom(1), history: { commits } })
}

test('section 5: where a fast store has forgotten the point of a slow one, a step waits at the point of the leader', async () => {
  const [fast, slow] = [raw(2), raw(100)]
  const events: StoreEvent[] = []
  const clock = manualClock()
  const router = createRouter({ 'fast/': fast, 'slow/': slow }, { clock, onEvent: (event) => events.push(event) })
  const feed = router.watch(everything)
  const holder = new Holder(everything)
  const first = await feed.take()
  if (first !== undefined) holder.apply(first)
  for (let i = 1; i <= 5; i++) await fast.commit([put('a', i)])
  for (let i = 1; i <= 2; i++) await slow.commit([put('a', i)])
  let taken = false
  const asked = Promise.resolve(feed.take()).finally(() => (taken = true))
  await turns()
  expect(taken).toBe(false)
  await clock.advance(20)
  for (let i = 3; i <= 5; i++) await slow.commit([put('a', i)])
  const update = await asked
  if (update !== undefined) holder.apply(update)
  expect(update?.versions).toMatchObject(fast.reached)
  const [source] = fast.sources
  expect(events.filter(({ type }) => type !== 'fold')).toEqual([
    { type: 'restart', source, count: 1, ms: 0 },
    { type: 'stall', source, ms: 20 },
  ])
  expect(holder.entries.map(({ key, value }) => [key, value])).toEqual([
    ['fast/a', 5],
    ['slow/a', 5],
  ])
  await router.close()
})
