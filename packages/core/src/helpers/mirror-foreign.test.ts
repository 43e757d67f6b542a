import {
  type FanlightError,
  type MemoryStore,
  type MirrorOptions,
  type Range,
  type Store,
  createMemoryStore,
  createVariable,
  del,
  everything,
  mirror,
  prefix,
  prefixed,
  put,
} from '@fanlight/core'
import { lagging, manualClock, seededRandom, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'

type Numbers = { '': number }

const plain = (store: { fetch: Store['fetch'] }, query: Range = prefix('p/')): Promise<[string, unknown][]> =>
  store.fetch(query).then(({ entries }) => entries.map(({ key, value }) => [key, value]))

const versionOf = (store: Pick<Store, 'reached'>): number => Object.values(store.reached)[0] ?? 0

/** A store with entries, mirrored behind `p/` into another. */
async function mirrored(options: MirrorOptions<number> = {}, commits = 1000) {
  const store = createMemoryStore<Numbers>({ name: 'from', history: { commits } })
  const sink = createMemoryStore({ name: 'to' })
  const heard: FanlightError[] = []
  await store.commit([put('a', 1), put('b', 2), put('c', 3)])
  const start = () =>
    mirror(store, everything, sink, {
      prefix: 'p/',
      onError: (error) => heard.push(error as FanlightError),
      ...options,
    })
  const running = start()
  await running.settled()
  await turns(200)
  return { store, sink, heard, start, running }
}

const whole = [
  ['p/a', 1],
  ['p/b', 2],
  ['p/c', 3],
]

test('L4: what somebody else changes is put back, as one commit of just that, and told', async () => {
  const { sink, heard, running } = await mirrored()
  const before = versionOf(sink)
  await sink.commit([put('p/a', 9), del('p/b'), put('p/new', 7), put('beside', 1)])
  await turns(500)
  expect(await plain(sink)).toEqual(whole)
  expect(versionOf(sink)).toBe(before + 2)
  const { changes } = await sink.changes(everything, { since: { [sink.sources[0] ?? '']: before + 1 } })
  expect(changes.map(({ key }) => key)).toEqual(['p/a', 'p/b', 'p/new', '~mirror/from:p0.s[{}]'])
  expect(heard).toMatchObject([{ code: 'CONFLICT', keys: ['p/a', 'p/b', 'p/new'] }])
  expect(running.repairs).toBe(1)
  expect(running.error).toBeUndefined()
  await sink.commit([put('beside', 2)])
  await turns(500)
  expect(heard).toHaveLength(1)
  await running.close()
})

test('what others changed while no mirror ran is put back when one starts, also what they changed back to before its last commit', async () => {
  const { sink, heard, start, running, store } = await mirrored()
  await running.close()
  await sink.commit([del('p/a'), del('p/b'), del('p/c')])
  await store.commit([put('d', 4)])
  const again = start()
  await again.settled()
  expect(await plain(sink)).toEqual([...whole, ['p/d', 4]])
  expect(heard).toMatchObject([{ code: 'CONFLICT', keys: ['p/a', 'p/b', 'p/c'] }])
  await again.close()
})

test('where the sink has forgotten, or is another one, all of it is compared', async () => {
  const { store, start, running, sink, heard } = await mirrored()
  await running.close()
  await sink.commit([put('p/b', 9)])
  const { entries } = await sink.fetch(everything)
  const other = createMemoryStore({ name: 'to' })
  await other.commit(entries.map(({ key, value }) => put(key, value)))
  const again = mirror(store, everything, other, { prefix: 'p/', onError: (e) => heard.push(e as FanlightError) })
  await again.settled()
  expect(await plain(other)).toEqual(whole)
  expect(versionOf(other)).toBe(2)
  expect(heard).toMatchObject([{ code: 'CONFLICT', keys: ['p/b'] }])
  await again.close()
  const third = start()
  await third.settled()
  expect(await plain(sink)).toEqual(whole)
  await third.close()
})

test('a watermark that somebody takes away, or writes nonsense into, is written again with all that belongs to it', async () => {
  const { sink, heard, running } = await mirrored()
  const [key = ''] = (await sink.fetch({ gte: '~' })).entries.map((entry) => entry.key)
  const [mark] = (await sink.fetch(key)).entries
  const [to = ''] = sink.sources
  const wrong = [
    del(key),
    put(key, 7),
    put(key, { versions: { none: 1 } }),
    put(key, { ...(mark?.value as object), sink: { [to]: 1e9 } }),
    put(key, { ...(mark?.value as object), query: [{ limit: -1 }] }),
  ]
  for (const change of wrong) {
    await sink.commit([change, put('p/b', 9)])
    await new Promise((go) => setTimeout(go, 30))
    await turns(1_000)
  }
  await running.settled()
  while ((await plain(sink)).join() !== whole.join()) await new Promise((go) => setTimeout(go, 10))
  expect((await sink.fetch(key)).entries[0]?.value).toMatchObject({ versions: running.versions })
  expect(heard.length).toBeGreaterThan(2)
  for (const error of heard) expect(error.code).toBe('CONFLICT')
  await running.close()
})

test('`foreign: refuse` ends the mirror, names the keys, and leaves the sink alone', async () => {
  const { sink, store, heard, running, start } = await mirrored({ foreign: 'refuse' })
  await sink.commit([put('p/a', 9), del('p/b')])
  const after = versionOf(sink)
  await turns(500)
  await store.commit([put('a', 5), put('d', 4)])
  await turns(500)
  expect(running.error).toMatchObject({ code: 'CONFLICT', keys: ['p/a', 'p/b'], applied: 'no' })
  expect(heard).toEqual([running.error])
  expect(versionOf(sink)).toBe(after)
  await expect(running.settled()).rejects.toBe(running.error)
  // Nor does the next one begin, as long as it stands there.
  const again = start()
  await expect(again.settled()).rejects.toMatchObject({ code: 'CONFLICT', keys: ['p/a', 'p/b'] })
  await sink.commit([put('p/a', 1), put('p/b', 2)])
  const third = start()
  await third.settled()
  expect(await plain(sink)).toEqual([
    ['p/a', 5],
    ['p/b', 2],
    ['p/c', 3],
    ['p/d', 4],
  ])
  await third.close()
})

test('`foreign: refuse` does not begin where something stands, and takes nothing away', async () => {
  const [store, sink] = [createMemoryStore<Numbers>(), createMemoryStore()]
  await store.commit([put('a', 1)])
  await sink.commit([put('p/theirs', 1), put('beside', 2)])
  const refused = mirror(store, everything, sink, { prefix: 'p/', foreign: 'refuse' })
  await expect(refused.settled()).rejects.toMatchObject({ code: 'CONFLICT', keys: ['p/theirs'] })
  expect(await plain(sink, everything)).toEqual([
    ['beside', 2],
    ['p/theirs', 1],
  ])
})

test('`foreign: refuse` refuses also where the store has forgotten the point of the watermark', async () => {
  const { sink, store, running } = await mirrored({ foreign: 'refuse' }, 1)
  await Promise.all([sink.commit([put('p/a', 9)]), store.commit([put('x', 1)]), store.commit([put('y', 1)])])
  await store.commit([put('z', 1)])
  await turns(500)
  expect(running.error).toMatchObject({ code: 'CONFLICT', keys: ['p/a'] })
  expect((await plain(sink))[0]).toEqual(['p/a', 9])
})

test('two mirrors of other stores at the same keys put back less and less often, and say so', async () => {
  const clock = manualClock()
  const sink = createMemoryStore({ name: 'to' })
  const stores = ['one', 'two'].map((name) => createMemoryStore<Numbers>({ name }))
  for (const [i, store] of stores.entries()) await store.commit([put('a', i)])
  const heard: unknown[] = []
  const options = { prefix: 'p/', clock, onError: (error: unknown) => heard.push(error) }
  const mirrors = stores.map((store, i) => mirror(store, everything, sink, { ...options, random: seededRandom(i) }))
  const count: number[] = []
  for (let i = 0; i < 6; i++) {
    const before = versionOf(sink)
    await clock.advance(10_000)
    count.push(versionOf(sink) - before)
  }
  expect(mirrors.map(({ error }) => error)).toEqual([undefined, undefined])
  expect(count.at(-1)).toBeLessThan(count[0] ?? 0)
  expect(count.reduce((a, b) => a + b)).toBeLessThan(50)
  expect(heard.length).toBeGreaterThan(8)
  for (const error of heard) expect(error).toMatchObject({ code: 'CONFLICT' })
  // When the other one is gone, this one wins, and after a while of peace answers at once again.
  await mirrors[1]?.close()
  await clock.advance(60_000)
  expect(await plain(sink)).toEqual([['p/a', 0]])
  await sink.commit([put('p/a', 5)])
  await turns(1_000)
  expect(await plain(sink)).toEqual([['p/a', 0]])
  await mirrors[0]?.close()
})

test('a repair does not write over the step of another mirror at the same watermark', async () => {
  const store = createMemoryStore<Numbers>({ name: 'from' })
  const memory = createMemoryStore({ name: 'to' })
  await store.commit([put('a', 1), put('b', 1)])
  const slow = prefixed(memory as Store, '') as MemoryStore
  const gates: (() => void)[] = []
  let isSlow = false
  const commit = slow.commit.bind(slow)
  Object.defineProperty(slow, 'commit', {
    value: async (changes: never, options: never) => {
      if (isSlow) await new Promise<void>((go) => gates.push(go))
      return commit(changes, options)
    },
  })
  const clock = manualClock()
  const options = { prefix: 'p/', clock, watermarkKey: 'mark' }
  const first = mirror(store, everything, slow, options)
  await first.settled()
  isSlow = true
  await memory.commit([put('p/a', 9)])
  await turns(500)
  expect(gates).toHaveLength(1)
  // The first is about to put back what the query says at 1. Meanwhile another one does so, and goes on to 2.
  const second = mirror(store, everything, memory, options)
  await store.commit([put('a', 2), put('b', 2)])
  await second.settled()
  await second.close()
  isSlow = false
  for (const go of gates) go()
  await turns(500)
  expect(await plain(memory)).toEqual([
    ['p/a', 2],
    ['p/b', 2],
  ])
  await clock.advance(1_000)
  await first.settled()
  expect(await plain(memory)).toEqual([
    ['p/a', 2],
    ['p/b', 2],
  ])
  await first.close()
})

test('a variable that somebody else sets is set back, or ends the mirror', async () => {
  const store = createMemoryStore<Numbers>()
  const clock = manualClock()
  const [kept, left] = [createVariable<number>(7), createVariable<number>(7)]
  const heard: unknown[] = []
  const repairs = mirror(store, 'a', kept, { clock, onError: (error) => heard.push(error) })
  const refuses = mirror(store, 'a', left, { clock, foreign: 'refuse' })
  await store.commit([put('a', 1)])
  kept.set(5)
  expect(kept.value).toBe(1)
  expect(heard).toMatchObject([{ code: 'CONFLICT', keys: [''] }])
  left.set(5)
  expect(refuses.error).toMatchObject({ code: 'CONFLICT', keys: [''] })
  await store.commit([put('a', 2)])
  expect([kept.value, left.value]).toEqual([2, 5])
  // Again and again: not at once.
  kept.set(6)
  expect(kept.value).toBe(6)
  await clock.advance(10_000)
  expect([kept.value, repairs.repairs]).toEqual([2, 2])
  // Somebody who answers each change with another one is no endless loop.
  const stubborn = kept.watch('')
  const stop = stubborn.wake(() => {
    void stubborn.take()
    if (kept.value !== 8) kept.set(8)
  })
  await store.commit([put('a', 3)])
  await clock.advance(100_000)
  expect(repairs.repairs).toBeLessThan(100)
  stop()
  await stubborn.close()
  await clock.advance(100_000)
  expect(kept.value).toBe(3)
  await repairs.close()
  kept.set(9)
  expect(kept.value).toBe(9)
})

test('a variable that is closed ends its mirror', async () => {
  const variable = createVariable<number>()
  const running = mirror(createMemoryStore<Numbers>(), 'a', variable)
  await variable.close()
  expect(running.error).toMatchObject({ code: 'CLOSED' })
})

test('who changes a Map, or what can be set, is not told', () => {
  const store = createMemoryStore<Numbers>()
  for (const sink of [new Map<string, number>(), { set: () => undefined }]) {
    expect(() => mirror(store, 'a', sink, { foreign: 'refuse' })).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED' }),
    )
  }
  expect(() => mirror(store, 'a', createMemoryStore(), { foreign: 'ignore' as never })).toThrow(
    expect.objectContaining({ code: 'BAD_QUERY' }),
  )
})

test('many ranges, and a store that replaces more than was asked for, leave alone what lies between', async () => {
  const store = createMemoryStore<Numbers>({ name: 'from' })
  const query = Array.from({ length: 64 }, (_, i) => prefix(`${String.fromCharCode(65 + i)}/`))
  await store.commit([put('A/1', 1), put('Q/1', 2)])
  const wide = prefixed(store as Store, '')
  const watch = wide.watch.bind(wide)
  Object.defineProperty(wide, 'watch', {
    value: (asked: never, options: never) => {
      const feed = watch(asked, options)
      const take = feed.take.bind(feed)
      feed.take = (to) => {
        const update = take(to) as Awaited<ReturnType<typeof take>>
        return update?.replace === undefined ? update : { ...update, replace: { ...update.replace, ranges: [{}] } }
      }
      return feed
    },
  })
  const [sink, map] = [
    createMemoryStore({ name: 'to' }),
    new Map<string, unknown>([
      ['p/A', 0],
      ['p/A/0', 0],
    ]),
  ]
  await sink.commit([put('p/A', 0), put('p/A/0', 0), put('p/zz', 0)])
  const both = [mirror(wide, query, sink, { prefix: 'p/' }), mirror(wide, query, map, { prefix: 'p/' })]
  for (const one of both) await one.settled()
  const expected = [
    ['p/A', 0],
    ['p/A/1', 1],
    ['p/Q/1', 2],
  ]
  expect(await plain(sink)).toEqual([...expected, ['p/zz', 0]])
  expect(map).toEqual(new Map(expected as [string, number][]))
  await sink.commit([put('p/B', 1), put('p/B/1', 1)])
  await turns(500)
  expect(await plain(sink)).toEqual([
    ['p/A', 0],
    ['p/A/1', 1],
    ['p/B', 1],
    ['p/Q/1', 2],
    ['p/zz', 0],
  ])
  expect(both.map(({ repairs }) => repairs)).toEqual([1, 0])
  for (const one of both) await one.close()
})

test('it says for how long it is behind, what it tries again after, and calls back at each change', async () => {
  const clock = manualClock(1_000)
  const store = createMemoryStore<Numbers>({ name: 'from', clock })
  const late = lagging(store)
  const memory = createMemoryStore({ name: 'to' })
  const sink = prefixed(memory as Store, '') as MemoryStore
  let planted: FanlightError | undefined
  const commit = sink.commit.bind(sink)
  const { FanlightError: Planted } = await import('@fanlight/core')
  Object.defineProperty(sink, 'commit', {
    value: (changes: never, options: never) =>
      planted === undefined ? commit(changes, options) : Promise.reject(planted),
  })
  const running = mirror(late, everything, sink, { prefix: 'p/', clock, random: () => 0.5 })
  let told = 0
  const stop = running.onChange(() => told++)
  await running.settled()
  expect([running.behindMs, running.retrying]).toEqual([0, undefined])
  planted = new Planted('UNAVAILABLE', 'planted', { applied: 'no' })
  const before = told
  await store.commit([put('a', 1)])
  await late.releaseAll()
  await turns(500)
  expect(running.retrying).toBe(planted)
  expect(told).toBeGreaterThan(before)
  await clock.advance(30)
  expect(running.behindMs).toBe(30)
  expect(running.retrying).toBe(planted)
  planted = undefined
  await clock.advance(10_000)
  expect([running.behindMs, running.retrying, running.error]).toEqual([0, undefined, undefined])
  expect(await plain(memory)).toEqual([['p/a', 1]])
  const after = told
  await memory.commit([put('p/a', 2)])
  await turns(500)
  expect(told).toBeGreaterThan(after)
  stop()
  await running.close()
  await clock.advance(50)
  expect(running.behindMs).toBe(50)
  await late.close()
})
