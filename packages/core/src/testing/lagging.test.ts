import { expect, test } from 'vitest'
import type { FanlightError } from '../errors.ts'
import { type MemoryStore, createMemoryStore } from '../memory/memory-store.ts'
import type { Versions } from '../store.ts'
import { lagging } from './lagging.ts'
import { manualClock } from './manual-clock.ts'

async function written(store: MemoryStore, count: number): Promise<readonly Versions[]> {
  const points: Versions[] = []
  for (let i = 0; i < count; i++) points.push(await store.commit([{ key: 'a', value: i }]))
  return points
}

test('it stays where it was until it is released', async () => {
  const store = createMemoryStore()
  const late = lagging(store)
  const [first = {}, second = {}, third = {}] = await written(store, 3)
  expect((await late.fetch('a')).entries).toEqual([])
  await late.release()
  expect(late.reached).toEqual(first)
  expect((await late.fetch('a')).entries).toMatchObject([{ value: 0 }])
  await late.release(second)
  expect(late.reached).toEqual(second)
  await late.release(first)
  expect(late.reached).toEqual(second)
  await late.releaseAll()
  expect(late.reached).toEqual(third)
  await late.close()
})

test('it never goes ahead of the store under it', async () => {
  const store = createMemoryStore()
  const late = lagging(store)
  const [source = ''] = store.sources
  await written(store, 1)
  await late.release({ [source]: 1_000 })
  expect(late.reached).toEqual(store.reached)
  await late.close()
})

test('release shows it in the same turn, and answers who waited with the point released', async () => {
  const store = createMemoryStore()
  const late = lagging(store)
  const [, second = {}] = await written(store, 3)
  const answer = late.fetch('a', { min: second })
  let woken = 0
  const feed = late.watch('a')
  await feed.take()
  feed.wake(() => woken++)
  void late.release(second)
  expect(late.reached).toEqual(second)
  expect(woken).toBe(1)
  expect(await answer).toMatchObject({ entries: [{ value: 1 }], versions: second })
  await late.close()
})

test('a wait on it ends with STALLED, which names it', async () => {
  const store = createMemoryStore()
  const clock = manualClock()
  const late = lagging(store, { clock, name: 'index' })
  const [min = {}] = await written(store, 1)
  const stalled = late.fetch('a', { min, timeoutMs: 50 }).catch((error: FanlightError) => error)
  await clock.advance(50)
  expect(await stalled).toMatchObject({ code: 'STALLED', store: 'index', wanted: min })
  await late.close()
})

test('with delayMs it follows so late', async () => {
  const store = createMemoryStore()
  const clock = manualClock()
  const late = lagging(store, { clock, delayMs: 20 })
  const [first = {}] = await written(store, 1)
  await clock.advance(10)
  const [second = {}] = await written(store, 1)
  expect(late.reached).not.toEqual(first)
  await clock.advance(10)
  expect(late.reached).toEqual(first)
  await clock.advance(10)
  expect(late.reached).toEqual(second)
  await late.close()
})

test('it is taken along where the store under it forgets', async () => {
  const store = createMemoryStore({ history: { commits: 2 } })
  const late = lagging(store)
  await written(store, 10)
  expect(late.reached).toEqual(store.oldest)
  expect((await late.fetch('a')).entries).toHaveLength(1)
  await late.close()
})

test('it closes the store under it', async () => {
  const store = createMemoryStore()
  await lagging(store).close()
  await expect(store.fetch('a')).rejects.toMatchObject({ code: 'CLOSED' })
})

test('of a store of more keys than a call takes arguments', async () => {
  const store = createMemoryStore()
  const keys = Array.from({ length: 200_000 }, (_, i) => ({ key: `k/${i}`, value: i }))
  await store.commit(keys)
  const late = lagging(store)
  await store.commit(keys.map(({ key }) => ({ key, value: 0 })))
  await late.releaseAll()
  expect((await late.fetch('k/199999')).entries).toMatchObject([{ value: 0 }])
  await late.close()
})
