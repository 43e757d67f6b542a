import {
  applyUpdate,
  createMemoryStore,
  createVariable,
  del,
  type Entry,
  everything,
  type Feed,
  type MemoryStore,
  prefix,
  put,
  type Store,
  type StoreEvent,
  type Update,
  type Versions,
} from '@fanlight/core'
import { Holder } from '@fanlight/core/conformance'
import { lagging, manualClock, settled, turns } from '@fanlight/core/testing'
import { describe, expect, test } from 'vitest'
import { createRouter } from './index.ts'

type Late = ReturnType<typeof lagging>

/** A store, and a second one that shows the same, later. */
function diamond(options?: Parameters<typeof createMemoryStore>[0]): {
  readonly raw: MemoryStore
  readonly late: Late
} {
  const raw = createMemoryStore(options)
  return { raw, late: lagging(raw) }
}

function versionOf(versions: Versions, store: Pick<Store, 'sources'>): number {
  return versions[store.sources[0] ?? ''] ?? -1
}

/** What a promise came to by now. */
async function byNow<T>(promise: T | Promise<T>): Promise<T | 'pending'> {
  const first = Promise.resolve(promise)
  first.catch(() => undefined)
  return Promise.race([first, turns().then(() => 'pending' as const)])
}

/** Applies what a feed gives. */
function held(feed: Feed): {
  take(to?: Versions): Promise<Update | undefined>
  readonly pairs: (readonly [string, unknown])[]
} {
  const holder = new Holder(everything)
  return {
    async take(to) {
      const update = await feed.take(to)
      if (update !== undefined) holder.apply({ ...update, generation: 0 })
      return update
    },
    get pairs() {
      return holder.entries.map(({ key, value }) => [key, value] as const)
    },
  }
}

describe('steps', () => {
  test('L5: it steps to the newest point that all have reached, and does not wait for more', async () => {
    const { raw, late } = diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const feed = router.watch(everything)
    const holder = held(feed)
    await holder.take()
    for (let i = 1; i <= 4; i++) await raw.commit([put('a', i)])
    expect(await byNow(holder.take())).toBeUndefined()
    expect(holder.pairs).toEqual([])
    await late.release({ [raw.sources[0] ?? '']: 2 })
    const update = await byNow(holder.take())
    expect(holder.pairs).toEqual([
      ['late/a', 2],
      ['raw/a', 2],
    ])
    expect(update).toMatchObject({
      versions: { [raw.sources[0] ?? '']: 2 },
      behind: { [raw.sources[0] ?? '']: 2 },
      folded: 2,
    })
    await late.releaseAll()
    await holder.take()
    expect(holder.pairs).toEqual([
      ['late/a', 4],
      ['raw/a', 4],
    ])
    await router.close()
  })

  test('the holder is told when the laggard has come, also where nothing changed for it; nobody polls', async () => {
    const { raw, late } = diamond()
    await raw.commit([put('quiet', 1)])
    await late.releaseAll()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const feed = router.watch(['raw/a', 'late/quiet'])
    await settled(feed)
    let told = 0
    feed.wake(() => told++)
    await raw.commit([put('a', 1)])
    expect(told).toBe(1)
    expect(await feed.take()).toBeUndefined()
    await turns()
    expect(told).toBe(1)
    await late.releaseAll()
    await turns()
    expect(told).toBe(2)
    expect((await feed.take())?.changes).toEqual([{ key: 'raw/a', value: 1 }])
    await router.close()
  })

  test('the holder is told when the laggard came while a step was made', async () => {
    const { raw, late } = diamond()
    const other = createMemoryStore({ name: 'other' })
    const slow = lagging(other)
    const router = createRouter({ 'raw/': raw, 'late/': late, 'other/': slow })
    const feed = router.watch(['raw/a', 'late/quiet', 'other/x'])
    await settled(feed)
    let told = 0
    feed.wake(() => told++)
    await raw.commit([put('a', 1)])
    await other.commit([put('x', 1)])
    await slow.releaseAll()
    const step = feed.take()
    await late.releaseAll()
    expect((await step)?.changes).toEqual([{ key: 'other/x', value: 1 }])
    await turns()
    expect(told).toBe(2)
    expect((await feed.take())?.changes).toEqual([{ key: 'raw/a', value: 1 }])
    await turns()
    expect(told).toBe(2)
    await router.close()
  })

  test('L9: the point held moves on by itself, as far as all have reached', async () => {
    const { raw, late } = diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const feed = router.watch(['raw/a', 'late/a'])
    await settled(feed)
    await raw.commit([put('b', 1)])
    expect(versionOf(feed.versions, raw)).toBe(0)
    await late.releaseAll()
    expect(versionOf(feed.versions, raw)).toBe(1)
    expect(versionOf(feed.reached, raw)).toBe(1)
    await router.close()
  })

  test('take goes to exactly the point asked for, and waits for it', async () => {
    const { raw, late } = diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const feed = router.watch(everything)
    const holder = held(feed)
    await holder.take()
    const points = [await raw.commit([put('a', 1)]), await raw.commit([put('a', 2)]), await raw.commit([put('a', 3)])]
    const asked = holder.take(points[1])
    expect(await byNow(asked)).toBe('pending')
    await late.releaseAll()
    await asked
    expect(holder.pairs).toEqual([
      ['late/a', 2],
      ['raw/a', 2],
    ])
    expect(() => feed.take(points[0])).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
    await router.close()
  })

  test('a mount that is alone with its source does not wait for others', async () => {
    const { raw, late } = diamond()
    const other = createMemoryStore({ name: 'other' })
    const router = createRouter({ 'raw/': raw, 'late/': late, 'other/': other })
    const feed = router.watch(everything)
    const holder = held(feed)
    await holder.take()
    await raw.commit([put('a', 1)])
    await other.commit([put('b', 2)])
    expect((await holder.take())?.changes).toEqual([{ key: 'other/b', value: 2 }])
    await router.close()
  })

  test('a feed over one store takes at once where the store does', async () => {
    const store = createMemoryStore()
    const router = createRouter({ 'a/': store, 'b/': createMemoryStore() })
    const feed = router.watch(prefix('a/'))
    expect(feed.take()).toMatchObject({ replace: { ranges: [{ gte: 'a/', lt: 'a0' }], entries: [] } })
    await store.commit([put('x', 1), del('y')])
    expect(feed.take()).toMatchObject({ changes: [{ key: 'a/x', value: 1 }], folded: 1, generation: 0 })
    expect(feed.take()).toBeUndefined()
    await router.close()
  })

  test('where no mount is, the first answer is nothing, and is told', async () => {
    const router = createRouter({ 'a/': createMemoryStore() })
    const feed = router.watch('b')
    expect(feed.take()).toMatchObject({ replace: { entries: [] }, changes: [] })
    expect(feed.take()).toBeUndefined()
    await router.close()
  })

  test('the same store at two places makes one step of one commit', async () => {
    const store = createMemoryStore()
    const router = createRouter({ 'a/': store, 'b/': store })
    const feed = router.watch(everything)
    void feed.take()
    await router.commit([put('a/x', 1), put('b/y', 2)])
    const update = feed.take() as Update
    expect(update.changes.map(({ key }) => key)).toEqual(['a/x', 'a/y', 'b/x', 'b/y'])
    expect(update.folded).toBe(1)
    await router.close()
  })

  test('a commit that several stores show counts once, in steps and in changes', async () => {
    const events: StoreEvent[] = []
    const { raw, late } = diamond()
    const [source = ''] = raw.sources
    const onEvent = (event: StoreEvent): void => void (event.type === 'fold' && events.push(event))
    const router = createRouter({ 'raw/': raw, 'late/': late }, { onEvent })
    const feed = router.watch(everything)
    expect((await feed.take())?.folded).toBe(1)
    const { versions: since } = await router.fetch(everything)
    await raw.commit([put('a', 1)])
    await late.releaseAll()
    const [first, between] = [await feed.take(), await router.changes(everything, { since })]
    expect([first?.changes.length, first?.folded, between.folded]).toEqual([2, 1, 1])
    expect(events).toEqual([])
    for (let i = 2; i <= 4; i++) await raw.commit([put('a', i)])
    await late.releaseAll()
    expect((await feed.take())?.folded).toBe(3)
    expect((await router.changes(everything, { since })).folded).toBe(4)
    expect(events).toEqual([{ type: 'fold', source, count: 3 }])
    feed.setQuery('raw/a')
    await raw.commit([put('a', 5)])
    expect((await feed.take())?.folded).toBe(1)
    await router.close()
  })

  test('it never says 1 where two commits went into a step: each mount may show another one', async () => {
    const { raw, late } = diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const queries = [
      ['raw/a', 'late/b'],
      [
        { gte: 'raw/a', limit: 1 },
        { gte: 'late/b', lt: 'late/c', limit: 1 },
      ],
    ]
    for (const query of queries) {
      const feed = router.watch(query)
      await feed.take()
      const { versions: since } = await router.fetch(query)
      await raw.commit([put('a', query.length)])
      await raw.commit([put('b', since)])
      await late.releaseAll()
      expect((await feed.take())?.folded).toBe(2)
      expect((await router.changes(query, { since })).folded).toBe(2)
      await feed.close()
    }
    await router.close()
  })

  test('nor to who comes back, with limits over several stores, and is told what changed', async () => {
    const { raw, late } = diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const query = { gte: 'l', limit: 3 }
    const { versions: since } = await router.fetch(query)
    await raw.commit([put('a', 1)])
    await raw.commit([put('b', 1)])
    await late.releaseAll()
    const update = await router.watch(query, { since }).take()
    expect([update?.replace, update?.changes.length, update?.folded]).toEqual([undefined, 3, 2])
    await router.close()
  })

  test('a change of mounts is one commit', async () => {
    const { raw } = diamond()
    const router = createRouter({ 'raw/': raw })
    const feed = router.watch(everything)
    await feed.take()
    const { versions: since } = await router.fetch(everything)
    router.mount('other/', createMemoryStore())
    router.mount('more/', createMemoryStore())
    await raw.commit([put('a', 1)])
    expect((await feed.take())?.folded).toBe(2)
    expect((await router.changes(everything, { since })).folded).toBe(2)
    await router.close()
  })

  test.each([1, 2])('a step in which one commit undid what another did is told: over %i mounts', async (count) => {
    const store = createMemoryStore()
    const router = createRouter({ 'raw/': store, ...(count === 1 ? {} : { 'other/': createMemoryStore() }) })
    const feed = router.watch(everything)
    await feed.take()
    await store.commit([put('a', 1)])
    await store.commit([del('a')])
    expect(await feed.take()).toMatchObject({ changes: [], folded: 2 })
    await router.close()
  })

  test('events tell of folds', async () => {
    const events: StoreEvent[] = []
    const store = createMemoryStore()
    const router = createRouter({ '': store }, { onEvent: (event) => events.push(event) })
    const feed = router.watch(everything)
    void feed.take()
    for (let i = 0; i < 3; i++) await store.commit([put('a', i)])
    void feed.take()
    expect(events).toEqual([{ type: 'fold', source: store.sources[0], count: 3 }])
    await router.close()
  })
})

describe('stall', () => {
  const stalls = [
    ['one mount', ({ raw }: ReturnType<typeof diamond>) => ({ 'raw/': raw })],
    ['two mounts', ({ raw }: ReturnType<typeof diamond>) => ({ 'raw/': raw, 'other/': createMemoryStore() })],
    ['two mounts that share a source', ({ raw, late }: ReturnType<typeof diamond>) => ({ 'raw/': raw, 'late/': late })],
  ] as const

  test.each(stalls)(
    "'fail' ends a take for what is not there yet with STALLED, as the store does: %s",
    async (_, made) => {
      const stores = diamond()
      const [source = ''] = stores.raw.sources
      const router = createRouter(made(stores))
      const feed = router.watch(everything, { min: { [source]: 2 }, stall: 'fail' })
      const stalled = { code: 'STALLED', source, wanted: { [source]: 2 }, reached: { [source]: 0 } }
      await expect((async () => feed.take())()).rejects.toMatchObject(stalled)
      await stores.raw.commit([put('a', 1)])
      await expect((async () => feed.take())()).rejects.toMatchObject({ code: 'STALLED' })
      await stores.raw.commit([put('a', 2)])
      await stores.late.releaseAll()
      expect((await feed.take())?.replace?.entries).toContainEqual({ key: 'raw/a', value: 2 })
      await expect((async () => feed.take({ [source]: 3 }))()).rejects.toMatchObject({ code: 'STALLED' })
      await router.close()
    },
  )

  test("'fail' needs no waiting for a laggard: a step leads to where all are; nor do 'wait' and 'older' fail", async () => {
    for (const stall of ['wait', 'fail', 'older'] as const) {
      const { raw, late } = diamond()
      const router = createRouter({ 'raw/': raw, 'late/': late })
      const feed = router.watch(everything, { stall })
      await raw.commit([put('a', 1)])
      expect(await feed.take()).toMatchObject({ replace: { entries: [] }, behind: { [raw.sources[0] ?? '']: 1 } })
      expect(await feed.take()).toBeUndefined()
      await late.releaseAll()
      expect((await feed.take())?.changes).toHaveLength(2)
      await router.close()
    }
    const { raw } = diamond()
    const min = { [raw.sources[0] ?? '']: 1 }
    const taken = createRouter({ 'raw/': raw }).watch(everything, { min, stall: 'older' }).take()
    expect(await byNow(taken)).toBe('pending')
    await raw.commit([put('a', 1)])
    expect((await taken)?.replace?.entries).toHaveLength(1)
  })
})

describe('events tell which source was waited for, and how long', () => {
  test('a take that waits for a laggard, and a step that does', async () => {
    const events: StoreEvent[] = []
    const clock = manualClock()
    const { raw, late } = diamond()
    const [source = ''] = raw.sources
    const router = createRouter({ 'raw/': raw, 'late/': late }, { clock, onEvent: (event) => events.push(event) })
    const feed = router.watch(everything)
    await feed.take()
    await raw.commit([put('a', 1)])
    const taken = feed.take({ [source]: 1 })
    await clock.advance(20)
    await late.releaseAll()
    expect((await taken)?.changes).toHaveLength(2)
    expect(events.splice(0)).toEqual([{ type: 'stall', source, ms: 20 }])
    await raw.commit([put('a', 2)])
    expect(await feed.take()).toBeUndefined()
    await clock.advance(30)
    await late.releaseAll()
    await turns()
    expect(events.splice(0)).toEqual([{ type: 'stall', source, ms: 30 }])
    expect((await feed.take())?.changes).toHaveLength(2)
    expect(events).toEqual([])
    await router.close()
  })
})

describe('limits over several mounts', () => {
  test('a limit counts over all mounts, whatever comes and goes', async () => {
    const [a, b, c] = [createMemoryStore(), createMemoryStore(), createMemoryStore()]
    const router = createRouter({ 'a/': a, 'b/': b, 'c/': c })
    const feed = router.watch({ limit: 3 })
    const holder = held(feed)
    await a.commit([put('1', 1)])
    await b.commit([put('1', 1), put('2', 2)])
    await c.commit([put('1', 1)])
    await holder.take()
    const keys = (): string[] => holder.pairs.map(([key]) => key)
    expect(keys()).toEqual(['a/1', 'b/1', 'b/2'])
    await a.commit([put('2', 2)])
    expect((await holder.take())?.changes).toEqual([
      { key: 'a/2', value: 2 },
      { key: 'b/2', gone: true },
    ])
    await a.commit([del('1'), del('2')])
    await holder.take()
    expect(keys()).toEqual(['b/1', 'b/2', 'c/1'])
    await c.commit([put('2', 2)])
    expect(await holder.take()).toBeUndefined()
    await router.close()
  })

  test('L7: who comes back gets what changed in the limited answer', async () => {
    const [a, b] = [createMemoryStore({ name: 'a', history: { commits: 3 } }), createMemoryStore({ name: 'b' })]
    const router = createRouter({ 'a/': a, 'b/': b })
    await b.commit([put('1', 1), put('2', 2)])
    const first = router.watch({ limit: 2 })
    await settled(first)
    const since = first.versions
    await a.commit([put('1', 1)])
    const second = router.watch({ limit: 2 }, { since })
    expect(await second.take()).toMatchObject({
      changes: [
        { key: 'a/1', value: 1 },
        { key: 'b/2', gone: true },
      ],
    })
    expect((await second.take())?.replace).toBeUndefined()
    for (let i = 0; i < 9; i++) await a.commit([put('1', i)])
    const third = router.watch({ limit: 2 }, { since })
    expect((await third.take())?.replace?.entries).toEqual([
      { key: 'a/1', value: 8 },
      { key: 'b/1', value: 1 },
    ])
    await router.close()
  })
})

describe('mounts that come and go under running feeds', () => {
  test('a mount is one update, which replaces the keys concerned and no others', async () => {
    const [outer, inner] = [createMemoryStore({ name: 'outer' }), createMemoryStore({ name: 'inner' })]
    await outer.commit([put('a', 1), put('in/x', 'shadowed'), put('z', 1)])
    await inner.commit([put('y', 2)])
    const router = createRouter({ '': outer })
    const feed = router.watch(everything)
    const holder = held(feed)
    await holder.take()
    let told = 0
    feed.wake(() => told++)
    const at = router.mount('in/', inner)
    expect(told).toBe(1)
    await outer.commit([put('a', 2), put('in/x', 'unseen')])
    const update = await holder.take()
    expect(update?.replace).toEqual({ ranges: [{ gte: 'in/', lt: 'in0' }], entries: [{ key: 'in/y', value: 2 }] })
    expect(update?.changes).toEqual([{ key: 'a', value: 2 }])
    expect(update?.versions).toMatchObject(at)
    expect(holder.pairs).toEqual([
      ['a', 2],
      ['in/y', 2],
      ['z', 1],
    ])
    await inner.commit([put('y', 3)])
    expect((await holder.take())?.changes).toEqual([{ key: 'in/y', value: 3 }])
    router.unmount('in/')
    const back = await holder.take()
    expect(back?.replace).toEqual({ ranges: [{ gte: 'in/', lt: 'in0' }], entries: [{ key: 'in/x', value: 'unseen' }] })
    await outer.commit([put('in/x', 'seen'), put('a', 4)])
    expect((await holder.take())?.changes).toEqual([
      { key: 'a', value: 4 },
      { key: 'in/x', value: 'seen' },
    ])
    await inner.commit([put('y', 'gone')])
    expect(await holder.take()).toBeUndefined()
    await router.close()
    await inner.close()
  })

  test('a move is one update, and nothing is lost on the way', async () => {
    const store = createMemoryStore()
    await store.commit([put('x', 1)])
    const router = createRouter({ 'a/': store })
    const feed = router.watch(everything)
    const holder = held(feed)
    await holder.take()
    router.move('a/', 'b/')
    await store.commit([put('y', 2)])
    await holder.take()
    expect(holder.pairs).toEqual([
      ['b/x', 1],
      ['b/y', 2],
    ])
    await router.close()
  })

  test('several changes of mounts before a take are one step', async () => {
    const [a, b] = [createMemoryStore(), createMemoryStore()]
    await a.commit([put('x', 1)])
    await b.commit([put('x', 2)])
    const router = createRouter({ 'a/': a })
    const feed = router.watch(everything)
    const holder = held(feed)
    await holder.take()
    router.mount('b/', b)
    const at = router.unmount('a/')
    expect((await holder.take())?.versions).toMatchObject(at)
    expect(holder.pairs).toEqual([['b/x', 2]])
    await router.close()
  })

  test('take goes to exactly the table asked for', async () => {
    const [a, b] = [createMemoryStore(), createMemoryStore()]
    await b.commit([put('x', 2)])
    const router = createRouter({ 'a/': a })
    const feed = router.watch(everything)
    const holder = held(feed)
    await holder.take()
    const first = router.mount('b/', b)
    router.mount('c/', b)
    await holder.take(first)
    expect(holder.pairs).toEqual([['b/x', 2]])
    expect(feed.versions).toMatchObject(first)
    await holder.take()
    expect(holder.pairs).toEqual([
      ['b/x', 2],
      ['c/x', 2],
    ])
    await router.close()
  })

  test('a point of a former table holds for stores that are mounted no more', async () => {
    const [a, b] = [createMemoryStore(), createMemoryStore()]
    await a.commit([put('x', 1)])
    const router = createRouter({ 'a/': a, 'b/': b })
    const { versions: max } = await router.fetch(everything)
    const feed = router.watch(everything)
    await a.commit([put('x', 2)])
    router.unmount('a/')
    const then = await router.fetch(everything, { min: max, max })
    expect([then.versions, then.entries]).toMatchObject([max, [{ key: 'a/x', value: 1 }]])
    expect(await router.changes(everything, { since: max, until: max })).toMatchObject({ versions: max, changes: [] })
    expect(await feed.take(max)).toMatchObject({ versions: max, replace: { entries: [{ value: 1 }] } })
    expect((await router.fetch(everything)).entries).toEqual([])
    await router.close()
  })

  test('a first answer may be that of a former table', async () => {
    const [a, b] = [createMemoryStore(), createMemoryStore()]
    await a.commit([put('x', 1)])
    await b.commit([put('x', 2)])
    const router = createRouter({ 'a/': a })
    const before = router.reached
    router.mount('b/', b)
    const holder = held(router.watch(everything))
    await holder.take(before)
    expect(holder.pairs).toEqual([['a/x', 1]])
    await holder.take()
    expect(holder.pairs).toEqual([
      ['a/x', 1],
      ['b/x', 2],
    ])
    await router.close()
  })

  test('who is not concerned is not told, and moves on', async () => {
    const router = createRouter({ 'a/': createMemoryStore() })
    const feed = router.watch(prefix('a/'))
    void feed.take()
    await turns()
    let told = 0
    feed.wake(() => told++)
    const at = router.mount('b/', createMemoryStore())
    await turns()
    expect(told).toBe(0)
    expect(feed.versions).toMatchObject(at)
    expect(feed.take()).toBeUndefined()
    await router.close()
  })

  test('with a limit, all is replaced', async () => {
    const [a, b] = [createMemoryStore(), createMemoryStore()]
    await a.commit([put('1', 1), put('2', 2)])
    await b.commit([put('1', 1)])
    const router = createRouter({ 'b/': a })
    const feed = router.watch({ limit: 2 })
    const holder = held(feed)
    await holder.take()
    router.mount('a/', b)
    await holder.take()
    expect(holder.pairs.map(([key]) => key)).toEqual(['a/1', 'b/1'])
    await router.close()
  })

  test('L7: who comes back from before a change of mounts gets the keys concerned anew', async () => {
    const [a, b] = [createMemoryStore({ name: 'a' }), createMemoryStore({ name: 'b' })]
    await a.commit([put('x', 1)])
    await b.commit([put('x', 2)])
    const router = createRouter({ 'a/': a })
    const first = router.watch(everything)
    await settled(first)
    const since = first.versions
    router.mount('b/', b)
    await a.commit([put('y', 1)])
    const update = await router.watch(everything, { since }).take()
    expect(update?.replace).toEqual({ ranges: [{ gte: 'b/', lt: 'b0' }], entries: [{ key: 'b/x', value: 2 }] })
    expect(update?.changes).toEqual([{ key: 'a/y', value: 1 }])
    const { replace, changes } = await router.changes(everything, { since })
    expect({ replace, changes }).toMatchObject({ replace: update?.replace, changes: update?.changes })
    const limited = await router.changes({ limit: 2 }, { since })
    expect(limited.replace?.entries.map(({ key }) => key)).toEqual(['a/x', 'a/y'])
    await router.close()
  })

  test('who comes back from a table that is forgotten, or never was, gets everything', async () => {
    const a = createMemoryStore()
    await a.commit([put('x', 1)])
    const router = createRouter({ 'a/': a }, { tables: 1 })
    const since = (await router.fetch(everything)).versions
    const [source = ''] = router.sources.filter((id) => id.startsWith('mounts@'))
    router.mount('b/', createMemoryStore())
    router.mount('c/', createMemoryStore())
    for (const lost of [since, { ...since, [source]: 1 }, { ...since, [source]: Number.MAX_SAFE_INTEGER }]) {
      const update = await router.watch(everything, { since: lost }).take()
      expect(update?.replace).toMatchObject({ ranges: [{}], entries: [{ key: 'a/x' }] })
    }
    await router.close()
  })

  test('many changes of mounts leave no trail of feeds', async () => {
    const store = createMemoryStore()
    const root = createMemoryStore({ limits: { feeds: 40 } })
    const router = createRouter({ '': root })
    const feed = router.watch(everything)
    const holder = held(feed)
    await holder.take()
    for (let i = 0; i < 200; i++) {
      router.mount('in/', store)
      await holder.take()
      router.unmount('in/')
      await root.commit([put('in/x', i)])
      await holder.take()
    }
    expect(holder.pairs).toEqual([['in/x', 199]])
    await router.close()
  })
})

describe('stores that forget, and stores that fail', () => {
  test('lag beyond retention delays, and never starves', async () => {
    const { raw, late } = diamond({ history: { commits: 2 } })
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const feed = router.watch(everything)
    const holder = held(feed)
    await holder.take()
    for (let i = 1; i <= 20; i++) {
      for (let n = 0; n < 5; n++) await raw.commit([put('a', [i, n])])
      const asked = holder.take()
      await turns()
      await late.releaseAll()
      await asked
      expect(new Set(holder.pairs.map(([, value]) => JSON.stringify(value))).size).toBeLessThanOrEqual(1)
    }
    await settled(feed)
    await router.close()
  })

  test('a take that failed for one store leaves every point open that is not before the one held', async () => {
    const [a, b] = [createMemoryStore({ name: 'a' }), createMemoryStore({ name: 'b', history: { commits: 1 } })]
    const router = createRouter({ 'a/': a, 'b/': b })
    const holder = held(router.watch(everything))
    const start = router.reached
    const points: Versions[] = []
    for (let i = 1; i <= 3; i++) points.push({ ...(await a.commit([put('x', i)])), ...(await b.commit([put('x', i)])) })
    await expect(holder.take({ ...start, ...a.reached })).rejects.toMatchObject({ code: 'LOST_IN_FOG', store: 'b' })
    await holder.take({ ...b.reached, [a.sources[0] ?? '']: 1 })
    expect(holder.pairs).toEqual([
      ['a/x', 1],
      ['b/x', 3],
    ])
    await holder.take(points[2])
    expect(holder.pairs).toEqual([
      ['a/x', 3],
      ['b/x', 3],
    ])
    await router.close()
  })

  test('sources that share no store go on where another fails; state says why', async () => {
    const { raw, late } = diamond()
    const other = createMemoryStore({ name: 'other' })
    const router = createRouter({ 'raw/': raw, 'late/': late, 'other/': other })
    const feed = router.watch(everything)
    const holder = held(feed)
    await holder.take()
    await late.close()
    await other.commit([put('x', 1)])
    expect((await holder.take())?.changes).toEqual([{ key: 'other/x', value: 1 }])
    const [source = ''] = raw.sources
    expect(feed.state[source]).toMatchObject({ status: 'failed', why: { code: 'CLOSED' } })
    expect(feed.state[other.sources[0] ?? '']).toEqual({ status: 'live' })
    await other.commit([put('x', 2)])
    await settled(feed)
    expect(holder.pairs).toEqual([['other/x', 1]])
    await router.close()
  })

  test('where all fail, take does', async () => {
    const store = createMemoryStore()
    const router = createRouter({ 'a/': store })
    const feed = router.watch(everything)
    void feed.take()
    let told = 0
    feed.wake(() => told++)
    await store.close()
    expect(told).toBe(1)
    expect(() => feed.take()).toThrow(expect.objectContaining({ code: 'CLOSED', store: 'memory' }))
    // Another store in its place heals it.
    const fresh = createMemoryStore()
    await fresh.commit([put('x', 1)])
    router.remount({ 'a/': fresh })
    expect(feed.take()).toMatchObject({ replace: { entries: [{ key: 'a/x', value: 1 }] } })
    await router.close()
  })

  test('closing the router ends feeds, what they wait for, and iterations', async () => {
    const { raw, late } = diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const feed = router.watch(everything)
    await feed.take()
    await raw.commit([put('a', 1)])
    const waiting = Promise.resolve(feed.take(raw.reached))
    const iterating = (async () => {
      for await (const update of router.watch('late/a')) expect(update.replace).toBeDefined()
    })()
    await turns()
    await router.close()
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED', store: 'mounts' })
    await expect(iterating).rejects.toMatchObject({ code: 'CLOSED' })
    expect(() => router.watch('x')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  test('a closed feed leaves no feed at its stores', async () => {
    const store = createMemoryStore({ limits: { feeds: 2 } })
    const router = createRouter({ 'a/': store }, { limits: { feeds: 2 } })
    for (let i = 0; i < 5; i++) {
      const feed = router.watch(everything)
      void feed.take()
      await feed.close()
    }
    router.watch(everything)
    router.watch(everything)
    expect(() => router.watch(everything)).toThrow(expect.objectContaining({ code: 'TOO_MANY' }))
    await router.close()
  })

  test('a setQuery while a take waits is answered by that take', async () => {
    const { raw, late } = diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late, other: createVariable('x') })
    const feed = router.watch(everything)
    await feed.take()
    await raw.commit([put('a', 1)])
    const asked = feed.take(raw.reached)
    expect(await byNow(asked)).toBe('pending')
    expect(feed.setQuery('other')).toBe(1)
    expect(await byNow(asked)).toMatchObject({
      generation: 1,
      query: 'other',
      replace: { entries: [{ key: 'other', value: 'x' }] },
    })
    await router.close()
  })

  test('so is one while a store evaluates', async () => {
    const { raw, late } = diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const feed = router.watch(prefix('late/'))
    await feed.take()
    await raw.commit([put('a', 1)])
    await late.releaseAll()
    const asked = feed.take()
    feed.setQuery('raw/a')
    expect(await asked).toMatchObject({
      generation: 1,
      query: 'raw/a',
      replace: { entries: [{ key: 'raw/a', value: 1 }] },
    })
    await router.close()
  })

  test.each([true, false])(
    'and one in whatever turn says which query it answers; several stores: %s',
    async (several) => {
      for (let hops = 0; hops < 24; hops++) {
        const { raw, late } = diamond()
        await raw.commit([put('a', 1), put('b', 1)])
        await late.releaseAll()
        const router = createRouter(several ? { 'raw/': raw, 'late/': late } : { 'late/': late })
        const feed = router.watch(several ? ['raw/a', 'late/a'] : 'late/a')
        let holder: readonly Entry[] = applyUpdate([], (await feed.take()) as Update)
        let generation = 0
        const take = async (taken: ReturnType<Feed['take']>): Promise<void> => {
          const update = await taken
          if (update === undefined) return
          holder = applyUpdate(holder, update)
          generation = update.generation
          const [key, version] = generation === 0 ? ['a', 2] : ['b', 1]
          const keys = several ? [`late/${key}`, `raw/${key}`] : [`late/${key}`]
          expect(holder.map((entry) => [entry.key, entry.value])).toEqual(keys.map((one) => [one, version]))
        }
        await raw.commit([put('a', 2)])
        const taken = take(feed.take({ ...raw.reached }))
        const released = late.releaseAll()
        for (let i = 0; i < hops; i++) await Promise.resolve()
        const asked = feed.setQuery(several ? ['raw/b', 'late/b'] : 'late/b')
        await Promise.all([taken, released])
        for (let i = 0; i < 3 && generation < asked; i++) await take(feed.take())
        expect(generation).toBe(asked)
        await router.close()
      }
    },
  )
})
