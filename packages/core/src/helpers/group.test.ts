import {
  type Change,
  type Feed,
  type MemoryStore,
  createMemoryStore,
  everything,
  group,
  prefix,
  put,
} from '@fanlight/core'
import { lagging, seededRandom, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'

/** A store and a copy of it, which follows when it is told: both have one source. */
function twins(commits = 1000): {
  raw: MemoryStore
  copy: MemoryStore
  commit: (...changes: Change[]) => Promise<void>
  follow: () => Promise<void>
} {
  const raw = createMemoryStore({ name: 'raw', random: seededRandom(1), history: { commits } })
  const copy = createMemoryStore({ name: 'raw', random: seededRandom(1) })
  const waiting: (readonly Change[])[] = []
  expect(raw.sources).toEqual(copy.sources)
  return {
    raw,
    copy,
    async commit(...changes) {
      await raw.commit(changes)
      waiting.push(changes)
    },
    async follow() {
      const changes = waiting.shift()
      if (changes !== undefined) await copy.commit(changes)
    },
  }
}

test('L5: one commit that touches several feeds is one step', async () => {
  const store = createMemoryStore()
  const both = group(store.watch(prefix('a')), store.watch(prefix('b')), store.watch(prefix('c')))
  expect((await both.take())?.map((update) => update?.replace?.entries)).toEqual([[], [], []])
  expect(both.take()).toBeUndefined()
  await store.commit([put('a', 1), put('b', 2)])
  const step = await both.take()
  expect(step?.map((update) => update?.changes.length)).toEqual([1, 1, undefined])
  expect(step?.[0]?.versions).toEqual(both.versions)
  expect(both.versions).toEqual(store.reached)
  await both.close()
})

test('L5: a step goes to the newest point that all have reached', async () => {
  const { raw, copy, commit, follow } = twins()
  const both = group(raw.watch(everything), copy.watch(everything))
  await both.take()
  await commit(put('a', 1))
  await commit(put('a', 2))
  expect(both.take()).toBeUndefined()
  await follow()
  await turns()
  const step = await both.take()
  expect(step?.map((update) => update?.changes)).toEqual([[{ key: 'a', value: 1 }], [{ key: 'a', value: 1 }]])
  await follow()
  await turns()
  expect((await both.take())?.map((update) => update?.changes)).toEqual([
    [{ key: 'a', value: 2 }],
    [{ key: 'a', value: 2 }],
  ])
  await both.close()
})

test('L9: it hears of a laggard that caught up, though nothing in the ranges of that one changed', async () => {
  const { raw, copy, commit, follow } = twins()
  const both = group(raw.watch(prefix('a')), copy.watch(prefix('b')))
  let woken = 0
  both.wake(() => woken++)
  await turns()
  await both.take()
  woken = 0
  await commit(put('a', 1))
  expect(woken).toBe(1)
  expect(await both.take()).toBeUndefined()
  await turns()
  expect(woken).toBe(1)
  await follow()
  await turns()
  expect(woken).toBe(2)
  expect((await both.take())?.[0]?.changes).toEqual([{ key: 'a', value: 1 }])
  await both.close()
})

test('L9: where the point has left the history of the faster store, that goes on, and is shown when the slower has followed', async () => {
  const { raw, copy, commit, follow } = twins(1)
  const both = group(raw.watch(everything), copy.watch(everything))
  await both.take()
  for (let i = 1; i <= 5; i++) await commit(put('a', i))
  await follow()
  const taken = Promise.resolve(both.take())
  let isDone = false
  void taken.then(() => (isDone = true))
  for (let i = 2; i <= 4; i++) {
    await follow()
    await turns()
    expect(isDone).toBe(false)
  }
  await follow()
  const step = await taken
  expect(step?.[0]?.replace?.entries).toMatchObject([{ key: 'a', value: 5 }])
  expect(step?.[1]?.changes).toEqual([{ key: 'a', value: 5 }])
  expect(both.versions).toEqual(raw.reached)
  await both.close()
})

test('feeds that share no source with a laggard go on', async () => {
  const { raw, copy, commit, follow } = twins()
  const other = createMemoryStore({ name: 'other' })
  const all = group(raw.watch(everything), copy.watch(everything), other.watch(everything))
  await all.take()
  await commit(put('a', 1))
  expect(all.take()).toBeUndefined()
  await other.commit([put('o', 1)])
  expect((await all.take())?.map((update) => update?.changes.length)).toEqual([undefined, undefined, 1])
  await follow()
  await turns()
  expect((await all.take())?.map((update) => update?.changes.length)).toEqual([1, 1, undefined])
  await all.close()
})

test('feeds that answer later are awaited, and what one gave is kept when another fails', async () => {
  const [store, broken] = [createMemoryStore({ name: 'a' }), createMemoryStore({ name: 'b' })]
  const late = lagging(store)
  let fails = false
  const feed = broken.watch(everything)
  const failing: Feed = Object.create(feed, {
    versions: { get: () => feed.versions },
    reached: { get: () => feed.reached },
    wake: { value: (callback: () => void) => feed.wake(callback) },
    close: { value: () => feed.close() },
    take: {
      value: (to: never) => {
        if (fails) throw new Error('broken')
        return feed.take(to)
      },
    },
  }) as Feed
  const both = group(late.watch(everything), failing)
  expect((await both.take())?.length).toBe(2)
  await store.commit([put('a', 1)])
  await late.releaseAll()
  await broken.commit([put('b', 1)])
  fails = true
  await expect(both.take()).rejects.toThrow('broken')
  fails = false
  expect((await both.take())?.map((update) => update?.changes.length)).toEqual([1, 1])
  await both.close()
})

test('a feed that resumes ahead of the others waits for them, though nothing in their ranges changes', async () => {
  const { raw, copy, commit, follow } = twins()
  await commit(put('a', 1))
  const since = raw.reached
  await commit(put('a', 2))
  const both = group(raw.watch(everything, { since }), copy.watch(prefix('b')))
  let woken = 0
  both.wake(() => woken++)
  await turns()
  woken = 0
  expect(await both.take()).toBeUndefined()
  await follow()
  await turns()
  expect(woken).toBe(1)
  expect((await both.take())?.map((update) => update?.replace?.entries)).toEqual([undefined, []])
  expect(both.versions).toEqual(since)
  await follow()
  await turns()
  expect((await both.take())?.[0]?.changes).toEqual([{ key: 'a', value: 2 }])
  await both.close()
})

test('it is iterated, folds what came meanwhile, and closing it ends the loop and its feeds', async () => {
  const store = createMemoryStore()
  const feeds = [store.watch(prefix('a')), store.watch(prefix('b'))] as const
  const both = group(...feeds)
  const seen: (number | undefined)[][] = []
  const loop = (async () => {
    for await (const step of both) {
      seen.push(step.map((update) => update?.folded))
      if (seen.length === 1) for (let i = 0; i < 3; i++) await store.commit([put('a', i)])
    }
  })()
  await turns()
  expect(seen).toEqual([
    [1, 1],
    [3, undefined],
  ])
  await both.close()
  await loop
  expect(() => both.take()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  expect(() => feeds[0].take()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
})

test('it has one holder, and so have its feeds', async () => {
  const store = createMemoryStore()
  const [free, held] = [store.watch({}), store.watch({})]
  held.wake(() => undefined)
  const bad = expect.objectContaining({ code: 'BAD_QUERY' })
  expect(() => group(free, held)).toThrow(bad)
  const one = group(free)
  const stop = one.wake(() => undefined)
  expect(() => one.wake(() => undefined)).toThrow(bad)
  stop()
  one.wake(() => undefined)()
  expect(one.state).toEqual(store.state)
})

test('a store that closes ends it with its error', async () => {
  const [store, other] = [createMemoryStore({ name: 'a' }), createMemoryStore({ name: 'b' })]
  const both = group(store.watch({}), other.watch({}))
  await both.take()
  let woken = 0
  both.wake(() => woken++)
  await other.close()
  expect(woken).toBe(1)
  expect(() => both.take()).toThrow(expect.objectContaining({ code: 'CLOSED', store: 'b' }))
})
