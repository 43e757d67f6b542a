import { expect, test } from 'vitest'
import { del, put } from '../put.ts'
import { everything } from '../ranges.ts'
import { manualClock, seededRandom } from '../testing/index.ts'
import { createMemoryStore, type MemoryStore } from './memory-store.ts'

/** How many versions lie between the newest and the oldest that is known. */
function kept(store: MemoryStore): number {
  const [source = ''] = store.sources
  return (store.reached[source] ?? 0) - (store.oldest[source] ?? 0)
}

test('L1, L9: one key alone is answered as the range that holds just this key, with the same window', async () => {
  const random = seededRandom(1)
  const store = createMemoryStore({ random, history: { commits: 5 } })
  const keys = ['a', 'b', 'c']
  for (let i = 0; i < 200; i++) {
    const key = keys[Math.floor(random() * keys.length)] ?? ''
    await store.commit([random() < 0.4 ? del(key) : put(key, i)])
    for (const one of keys) {
      const [alone, ranged] = [await store.fetch(one), await store.fetch([{ gte: one, lte: one }, one])]
      expect([alone.entries, alone.windows, alone.versions]).toEqual([ranged.entries, ranged.windows, ranged.versions])
    }
  }
})

test('L8: the history is bounded by a number of commits', async () => {
  const store = createMemoryStore({ history: { commits: 3 } })
  for (let i = 0; i < 10; i++) await store.commit([put('a', i)])
  expect(kept(store)).toBe(3)
})

test('L8: the history is bounded by bytes', async () => {
  const store = createMemoryStore({ history: { bytes: 10_000 } })
  for (let i = 0; i < 100; i++) await store.commit([put('a', 'x'.repeat(1_000))])
  expect(kept(store)).toBeGreaterThan(2)
  expect(kept(store)).toBeLessThan(10)
})

test('L8: the history is bounded by age', async () => {
  const clock = manualClock()
  const store = createMemoryStore({ clock, history: { ageMs: 1_000 } })
  for (let i = 0; i < 10; i++) await store.commit([put('a', i)])
  expect(kept(store)).toBe(10)
  await clock.advance(2_000)
  for (let i = 0; i < 10; i++) await store.commit([put('a', i)])
  expect(kept(store)).toBe(10)
})

test('section 6: every store in memory is a source of its own, and continues no other of its name', async () => {
  const [one, other] = [createMemoryStore(), createMemoryStore()]
  const min = await one.commit([put('a', 1)])
  await other.commit([put('a', 2)])
  expect(one.sources).not.toEqual(other.sources)
  await expect(other.fetch('a', { min })).rejects.toMatchObject({ code: 'SOURCE_RESET', source: one.sources[0] })
})

test('section 6: a commit that was born at another source alone is SOURCE_RESET, and is not applied', async () => {
  const [one, other] = [createMemoryStore({ name: 'one' }), createMemoryStore({ name: 'other' })]
  const id = { session: 's', number: 1, born: one.reached }
  const refused = { code: 'SOURCE_RESET', applied: 'unknown', source: other.sources[0] }
  await expect(other.commit([put('a', 1)], { id })).rejects.toMatchObject(refused)
  expect(Object.values(other.reached)).toEqual([0])
  // Who held nothing at all was born before everything, of which nothing is forgotten.
  expect(Object.values(await other.commit([put('a', 1)], { id: { ...id, born: {} } }))).toEqual([1])
})

test('section 6: a commit that was born at nothing is LOST_IN_FOG when some of the past is forgotten', async () => {
  const store = createMemoryStore({ history: { commits: 2 } })
  const id = { session: 's', number: 1, born: {} }
  const versions = await store.commit([put('a', 1)], { id })
  expect(await store.commit([put('a', 1)], { id })).toEqual(versions)
  for (let i = 0; i < 5; i++) await store.commit([put('b', i)])
  const refused = { code: 'LOST_IN_FOG', applied: 'unknown' }
  await expect(store.commit([put('a', 1)], { id })).rejects.toMatchObject(refused)
  expect(Object.values(store.reached)).toEqual([6])
})

test('L7: what has grown too old is forgotten where nobody commits, and whoever held it gets a replacement', async () => {
  const clock = manualClock()
  const store = createMemoryStore({ clock, history: { ageMs: 1000 } })
  const [source = ''] = store.sources
  for (let i = 1; i <= 5; i++) {
    await store.commit([put('a', i)])
    await clock.advance(400)
  }
  expect(store.oldest).toEqual({ [source]: 3 })
  const feed = store.watch('a', { since: { [source]: 3 } })
  await clock.advance(100_000)
  expect(store.oldest).toEqual({ [source]: 5 })
  expect(await feed.take()).toMatchObject({ replace: { entries: [{ key: 'a', value: 5 }] }, changes: [] })
  await expect(store.changes('a', { since: { [source]: 4 } })).rejects.toMatchObject({ code: 'LOST_IN_FOG' })
  await expect(store.fetch('a', { max: { [source]: 4 } })).rejects.toMatchObject({ code: 'LOST_IN_FOG' })
  expect((await store.fetch('a')).windows[source]).toEqual({ from: 5, to: 5 })
})

test.each<[string, (store: MemoryStore, keys: readonly string[]) => Promise<unknown>]>([
  ['in one commit', (store, keys) => store.commit(keys.map(del))],
  ['in many', (store, keys) => Promise.all(keys.map((key) => store.commit([del(key)])))],
])('L8: what changed more than the answer is large comes as the answer: %s', async (_how, remove) => {
  const store = createMemoryStore()
  const keys = Array.from({ length: 5_000 }, (_, n) => `k${n}`)
  const since = await store.commit(keys.map((key) => put(key, 1)))
  const feed = store.watch(everything, { since })
  await remove(store, keys.slice(50))
  const { entries } = await store.fetch(everything)
  expect(entries).toHaveLength(50)
  const replace = { ranges: [everything], entries }
  expect(await store.changes(everything, { since })).toMatchObject({ replace, changes: [] })
  expect(await feed.take()).toMatchObject({ replace, changes: [] })
  // Where the answer is larger, or few changes are told, they are told one by one.
  expect((await store.changes('k77', { since })).changes).toEqual([{ key: 'k77', gone: true }])
  expect((await store.changes({ gte: 'k1', limit: 60 }, { since })).replace).toBeUndefined()
})
