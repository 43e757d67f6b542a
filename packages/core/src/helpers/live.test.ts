import { createMemoryStore, del, live, prefix, put } from '@fanlight/core'
import { lagging, turns } from '@fanlight/core/testing'
import { firstValueFrom } from 'rxjs'
import { expect, test } from 'vitest'

const keysOf = (list: readonly { readonly key: string }[] | undefined): string[] | undefined =>
  list?.map(({ key }) => key)

test('it holds the answer at once where the store answers at once, and follows inside the commit', async () => {
  const store = createMemoryStore()
  await store.commit([put('a', 1)])
  const list = live(store, {})
  expect(keysOf(list.value)).toEqual(['a'])
  expect(list.versions).toEqual(store.reached)
  const done = store.commit([put('b', 2)])
  expect(keysOf(list.value)).toEqual(['a', 'b'])
  await done
  await list.close()
})

test('before the first answer it has no value and knows no point', async () => {
  const store = lagging(createMemoryStore())
  const list = live(store, {})
  expect(list.value).toBeUndefined()
  expect(list.versions).toEqual({})
  await turns()
  expect(list.value).toEqual([])
  await store.close()
})

test('L6: entries that did not change are the same objects; where nothing changed it is the same array', async () => {
  const store = createMemoryStore()
  await store.commit([put('__proto__', { n: 1 }), put('b', { n: 2 })])
  const list = live(store, {})
  const before = list.value
  await store.commit([put('b', { n: 3 })])
  expect(list.value).not.toBe(before)
  expect(list.value?.[0]).toBe(before?.[0])
  const after = list.value
  await store.commit([put('b', { n: 3 }), del('c')])
  expect(list.value).toBe(after)
  expect(list.versions).toEqual(store.reached)
  expect(Object.isFrozen(after)).toBe(true)
  await list.close()
})

test('onChange is bound, tells of changes, and can be used twice with one callback', async () => {
  const store = createMemoryStore()
  const { onChange } = live(store, prefix('a/'))
  let told = 0
  const callback = (): void => void told++
  const stop = onChange(callback)
  const stopToo = onChange(callback)
  await turns()
  told = 0
  await store.commit([put('a/1', 1)])
  await store.commit([put('b/1', 1)])
  expect(told).toBe(2)
  stop()
  stop()
  await store.commit([put('a/2', 1)])
  expect(told).toBe(3)
  stopToo()
  await store.close()
})

test('a callback may commit: the list goes on', async () => {
  const store = createMemoryStore()
  const list = live(store, {})
  list.onChange(() => {
    if (list.value?.length === 1) void store.commit([put('b', 2)])
  })
  await store.commit([put('a', 1)])
  expect(keysOf(list.value)).toEqual(['a', 'b'])
  await list.close()
})

test('subscribers share one feed, start with the present list, and complete on close', async () => {
  const store = createMemoryStore({ limits: { feeds: 1 } })
  const list = live(store, {})
  const seen: (readonly string[])[] = [[], []]
  const ends: string[] = []
  const subscribe = (i: number): void => {
    list.subscribe({
      next: (value) => (seen[i] = [...(seen[i] ?? []), value.map(({ key }) => key).join()]),
      complete: () => ends.push(`${i}`),
    })
  }
  subscribe(0)
  await store.commit([put('a', 1)])
  subscribe(1)
  await store.commit([put('b', 1)])
  await list.close()
  expect(seen).toEqual([
    ['', 'a', 'a,b'],
    ['a', 'a,b'],
  ])
  expect(ends).toEqual(['0', '1'])
  await expect(firstValueFrom(list)).resolves.toHaveLength(2)
  await store.commit([put('c', 1)])
  expect(list.value).toHaveLength(2)
  expect(list.error).toBeUndefined()
})

test('what ends the feed is its error, for subscribers, iterators and in `error`', async () => {
  const store = createMemoryStore()
  const list = live(store, {})
  let seen: unknown
  let told = 0
  list.subscribe({ error: (error: unknown) => (seen = error) })
  list.onChange(() => told++)
  await store.close()
  expect(seen).toMatchObject({ code: 'CLOSED', store: 'memory' })
  expect(list.error).toBe(seen)
  expect(told).toBeGreaterThan(0)
  const late = new Promise((resolve) => list.subscribe({ error: resolve }))
  expect(await late).toBe(seen)
  const iterate = async (): Promise<void> => {
    for await (const _ of list) expect(_).toEqual([])
  }
  await expect(iterate()).rejects.toBe(seen)
})

test('an iterator leaves out what came while it was busy; leaving it closes nothing', async () => {
  const store = createMemoryStore()
  const list = live(store, {})
  const seen: number[] = []
  for await (const value of list) {
    seen.push(value.length)
    if (seen.length === 1) for (const key of ['a', 'b', 'c']) await store.commit([put(key, 1)])
    else break
  }
  expect(seen).toEqual([0, 3])
  await store.commit([put('d', 1)])
  expect(list.value).toHaveLength(4)
  const rest = (async () => {
    let count = 0
    for await (const value of list) count += value.length
    return count
  })()
  await list.close()
  expect(await rest).toBe(4)
})

test('a list of ranges that all say reverse is descending', async () => {
  const store = createMemoryStore()
  const list = live(store, [
    { lt: 'c', reverse: true },
    { gte: 'c', reverse: true, limit: 1 },
  ])
  await store.commit([put('a', 1), put('d', 1), put('c', 1), put('b', 1)])
  await store.commit([put('aa', 1), del('b')])
  expect(keysOf(list.value)).toEqual(['d', 'aa', 'a'])
  await list.close()
})

test('onChange tells of states', async () => {
  const store = createMemoryStore()
  const list = live(store, {})
  expect(list.state).toEqual({ [store.sources[0] ?? '']: { status: 'live' } })
  await list.close()
})

test('wrong queries are refused at once', () => {
  expect(() => live(createMemoryStore(), { gt: 'a', gte: 'a' })).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
})
