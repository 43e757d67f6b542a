import { describe, expect, test } from 'vitest'
import { type MemoryStore, type StoreEvent, createMemoryStore, put } from './index.ts'
import { manualClock, type ManualClock } from './testing/index.ts'

/** What happens to a store, and the event that tells of it. */
const happenings: readonly [
  event: Omit<StoreEvent, 'source'>,
  happens: (store: MemoryStore, clock: ManualClock) => Promise<unknown>,
][] = [
  [
    { type: 'stall', ms: 50 },
    async (store, clock) => {
      const [source = ''] = store.sources
      const answer = store.fetch('a', { min: { [source]: 4 } })
      await clock.advance(50)
      await store.commit([put('a', 4)])
      await answer
    },
  ],
  [
    { type: 'stall', ms: 100 },
    async (store, clock) => {
      const [source = ''] = store.sources
      const answer = store.fetch('a', { min: { [source]: 9 }, timeoutMs: 100 }).catch(() => undefined)
      await clock.advance(100)
      await answer
    },
  ],
  [{ type: 'fold', count: 2 }, async (store) => store.watch('a', { since: atVersion(store, 1) }).take()],
  [{ type: 'reset', count: 1 }, async (store) => store.watch('a', { since: atVersion(store, 0) }).take()],
]

function atVersion({ sources }: MemoryStore, version: number): Record<string, number> {
  return { [sources[0] ?? '']: version }
}

describe('onEvent', () => {
  test.each(happenings)('%j names the source', async (event, happens) => {
    const clock = manualClock()
    const events: StoreEvent[] = []
    const store = createMemoryStore({ clock, history: { commits: 2 }, onEvent: (one) => events.push(one) })
    for (const n of [1, 2, 3]) await store.commit([put('a', n)])
    await happens(store, clock)
    expect(events).toEqual([{ ...event, source: store.sources[0] }])
    await store.close()
  })
})
