import {
  type Change,
  type MemoryStore,
  type Store,
  FanlightError,
  createMemoryStore,
  del,
  everything,
  put,
} from '@fanlight/core'
import { manualClock, seededRandom, turns } from '@fanlight/core/testing'
import { describe, expect, test, vi } from 'vitest'
import { type MapFunction, createView } from './index.ts'

const byValue: MapFunction = ({ key, value }) => ({ key: `${String(value)}/${key}`, value: key })
const byKey: MapFunction = ({ key, value }) => ({ key, value: { was: value } })

const stores = (): { raw: MemoryStore; into: MemoryStore; source: string } => {
  const raw = createMemoryStore({ name: 'raw' })
  return { raw, into: createMemoryStore({ name: 'into' }), source: raw.sources[0] ?? '' }
}

async function keys(store: Store, min = store.reached): Promise<string[]> {
  return (await store.fetch(everything, { min })).entries.map(({ key }) => key)
}

describe('a view kept in a store', () => {
  test('L7: follows on from where it was, and reads nothing again', async () => {
    const { raw, into, source } = stores()
    await raw.commit([put('a', 1), put('b', 2)])
    const first = createView(raw, { map: byValue, into, definition: 'd' })
    expect(await keys(first, raw.reached)).toEqual(['1/a', '2/b'])
    await first.close()
    await raw.commit([put('c', 3), del('a')])
    const map = vi.fn<MapFunction>(byValue)
    const fetch = vi.spyOn(raw, 'fetch')
    const commit = vi.spyOn(into, 'commit')
    const second = createView(raw, { map, into, definition: 'd' })
    const since = { [source]: 1, 'view@d': 0 }
    const feed = second.watch(everything, { since })
    expect((await feed.take())?.changes).toEqual([
      { key: '1/a', gone: true },
      { key: '3/c', value: 'c' },
    ])
    expect(await keys(second)).toEqual(['2/b', '3/c'])
    expect(map.mock.calls).toEqual([[{ key: 'c', value: 3 }]])
    expect(fetch).not.toHaveBeenCalled()
    expect(commit).toHaveBeenCalledTimes(1)
    expect(second.oldest).toEqual(since)
    await second.close()
    const third = createView(raw, { map, into, definition: 'd' })
    expect(await keys(third, raw.reached)).toEqual(['2/b', '3/c'])
    expect(map).toHaveBeenCalledTimes(1)
  })

  test('what changed nothing since the last step is not looked through again either', async () => {
    const clock = manualClock()
    const raw = createMemoryStore({ name: 'raw', history: { commits: 5 } })
    const into = createMemoryStore({ name: 'into' })
    const options = { query: { gte: 'v/' }, into, definition: 'd', clock }
    const map = vi.fn<MapFunction>(byKey)
    await raw.commit([put('v/a', 1)])
    const first = createView(raw, { map, ...options })
    await keys(first, raw.reached)
    for (let i = 0; i < 20; i++) await raw.commit([put('other', i)])
    await first.close()
    await raw.commit([put('v/b', 2)])
    const second = createView(raw, { map, ...options })
    expect(await keys(second, raw.reached)).toEqual(['v/a', 'v/b'])
    expect(map.mock.calls.map(([{ key }]) => key)).toEqual(['v/a', 'v/b'])
  })

  test('is made anew where the upstream has forgotten its point, writing only what differs', async () => {
    const raw = createMemoryStore({ name: 'raw', history: { commits: 2 } })
    const into = createMemoryStore({ name: 'into' })
    await raw.commit([put('a', 1), put('b', 2), put('c', 3)])
    const first = createView(raw, { map: byValue, into, definition: 'd' })
    await keys(first, raw.reached)
    await first.close()
    for (let i = 0; i < 10; i++) await raw.commit([put('a', i), i === 5 ? del('b') : put('x', i)])
    const commit = vi.spyOn(into, 'commit')
    const second = createView(raw, { map: byValue, into, definition: 'd' })
    expect(await keys(second, raw.reached)).toEqual(['3/c', '9/a', '9/x'])
    const written = commit.mock.calls
      .flatMap(([changes]) => changes.map(({ key }) => key))
      .filter((key) => key.startsWith('out/'))
    expect(written.sort()).toEqual(['out/10.sa', 'out/20.sb', 'out/90.sa', 'out/90.sx'])
  })

  test('section 6: is made anew where the upstream is another one under the same name', async () => {
    const { raw, into } = stores()
    await raw.commit([put('a', 1), put('b', 2)])
    const first = createView(raw, { map: byValue, into, definition: 'd' })
    await keys(first, raw.reached)
    const held = first.reached
    await first.close()
    // As many commits, another history: only the incarnation tells.
    const restored = createMemoryStore({ name: 'raw' })
    await restored.commit([put('a', 1), put('z', 9)])
    const second = createView(restored, { map: byValue, into, definition: 'd' })
    expect(await keys(second, restored.reached)).toEqual(['1/a', '9/z'])
    expect(Object.keys(second.reached)).toEqual([restored.sources[0], 'view@d'])
    await expect(second.fetch({}, { min: held })).rejects.toMatchObject({ code: 'SOURCE_RESET' })
    const feed = second.watch(everything, { since: held })
    expect((await feed.take())?.replace?.entries.map(({ key }) => key)).toEqual(['1/a', '9/z'])
  })

  test('L0: another definition is another source, and what the former one made is gone', async () => {
    const { raw, into, source } = stores()
    await raw.commit([put('a', 1), put('b', 2)])
    const first = createView(raw, { map: byValue, into, definition: 'by-value' })
    await keys(first, raw.reached)
    const held = first.reached
    await first.close()
    const second = createView(raw, { map: byKey, query: { gte: 'b' }, into, definition: 'by-key' })
    expect(await keys(second, raw.reached)).toEqual(['b'])
    expect(second.sources).toEqual([source, 'view@by-key'])
    await expect(second.fetch({}, { min: held })).rejects.toMatchObject({ code: 'SOURCE_RESET' })
    const { entries } = await into.fetch(everything)
    expect(entries.map(({ key }) => key)).toEqual(['in/b', 'mark/at', 'out/b'])
  })

  test.each([
    ['of a later format', { versions: {}, definition: 'd', format: 99 }],
    ['that is something else', 'text'],
    ['that is not there', undefined],
  ])('what stands there with a watermark %s is made anew', async (_how, mark) => {
    const { raw, into } = stores()
    await raw.commit([put('a', 1)])
    const marks = mark === undefined ? [] : [put('mark/at', mark)]
    await into.commit([put('out/x', { is: 1 }), put('by/x', { is: 'y' }), put('elsewhere', 1), ...marks])
    const view = createView(raw, { map: byKey, into, definition: 'd' })
    expect(await keys(view, raw.reached)).toEqual(['a'])
    expect((await into.fetch(everything)).entries.map(({ key }) => key)).toEqual([
      'elsewhere',
      'in/a',
      'mark/at',
      'out/a',
    ])
  })

  test('L4: what was committed upstream when the process died is there after the next start', async () => {
    const { raw, into } = stores()
    const first = createView(raw, { map: byValue, into, definition: 'd' })
    await raw.commit([put('a', 1)])
    await keys(first, raw.reached)
    // The process dies with the next step on its way: nothing of it arrives, and nobody closes anything.
    vi.spyOn(into, 'commit').mockImplementation(() => new Promise(() => undefined))
    await raw.commit([put('a', 2), put('b', 3)])
    await turns()
    vi.restoreAllMocks()
    const second = createView(raw, { map: byValue, into, definition: 'd' })
    expect(await keys(second, raw.reached)).toEqual(['2/a', '3/b'])
  })

  test('what takes several commits to write shows whole or not at all, and is made anew where it was broken off', async () => {
    const { raw, into } = stores()
    const large = 'x'.repeat(100_000)
    const many = Array.from({ length: 100 }, (_, i): Change => put(`k${i}`, { i, large }))
    await raw.commit(many)
    const commit = vi.spyOn(into, 'commit')
    const plain = into.commit.bind(into)
    let left = 1
    commit.mockImplementation((...args) => (left-- > 0 ? plain(...args) : new Promise(() => undefined)))
    createView(raw, { map: byKey, into, definition: 'd' })
    for (let i = 0; i < 20; i++) await turns()
    expect(commit.mock.calls.length).toBe(2)
    commit.mockRestore()
    const second = createView(raw, { map: byKey, into, definition: 'd' })
    expect(await keys(second, raw.reached)).toHaveLength(100)
    // One commit of the upstream is one step, however many commits it takes to write.
    const feed = second.watch(everything)
    await feed.take()
    const seen: number[] = []
    const poll = setInterval(() => void second.fetch({}).then(({ entries }) => seen.push(entries.length)), 0)
    await raw.commit([
      ...many.map(({ key }) => del(key)),
      ...Array.from({ length: 80 }, (_, i) => put(`n${i}`, { i, large })),
    ])
    const { windows, entries } = await second.fetch(everything, { min: raw.reached })
    clearInterval(poll)
    expect(entries).toHaveLength(80)
    expect(windows[raw.sources[0] ?? '']).toEqual({ from: 2, to: 2 })
    expect(seen.every((length) => length === 100 || length === 80)).toBe(true)
    // 180 changes are more than the answer is large.
    expect((await feed.take())?.replace?.entries).toHaveLength(80)
  })
})

describe('a store that fails under a view', () => {
  async function failing() {
    const clock = manualClock()
    const { raw, into, source } = stores()
    const view = createView(raw, { map: byValue, into, definition: 'd', clock, random: seededRandom(1) })
    await raw.commit([put('a', 1)])
    await keys(view, raw.reached)
    const plain = into.commit.bind(into)
    return { clock, raw, into, source, view, plain, commit: vi.spyOn(into, 'commit') }
  }

  const broken = new FanlightError('UNAVAILABLE', 'no disk', { applied: 'unknown' })

  test('is stale, answers from its last step, and goes on when the store does', async () => {
    const { clock, raw, view, source, commit } = await failing()
    commit.mockRejectedValueOnce(broken)
    await raw.commit([put('b', 2)])
    await turns()
    expect(view.state[source]).toMatchObject({ status: 'stale', why: { code: 'UNAVAILABLE' } })
    expect(await keys(view)).toEqual(['1/a'])
    const waiting = keys(view, raw.reached)
    await clock.advance(10_000)
    expect(await waiting).toEqual(['1/a', '2/b'])
    expect(view.state[source]?.status).toBe('live')
    expect(clock.pending).toBe(0)
  })

  test('finds out whether a write of which nobody knows came to be', async () => {
    const { clock, raw, view, source, commit, plain } = await failing()
    const feed = view.watch(everything)
    await feed.take()
    commit.mockImplementationOnce(async (...args) => {
      await plain(...args)
      throw broken
    })
    await raw.commit([put('b', 2), del('a')])
    await turns()
    expect(view.state[source]?.status).toBe('stale')
    expect(await keys(view)).toEqual(['1/a'])
    const waiting = keys(view, raw.reached)
    await clock.advance(10_000)
    expect(await waiting).toEqual(['2/b'])
    expect(commit).toHaveBeenCalledTimes(1)
    expect((await feed.take())?.changes).toEqual([
      { key: '1/a', gone: true },
      { key: '2/b', value: 'b' },
    ])
  })

  test('is made anew where only a part of a write came to be', async () => {
    const { clock, raw, view, commit, plain } = await failing()
    const large = 'x'.repeat(100_000)
    let left = 1
    commit.mockImplementation((...args) => (left-- > 0 ? plain(...args) : Promise.reject(broken)))
    await raw.commit(Array.from({ length: 100 }, (_, i): Change => put(`k${i}`, large + i)))
    for (let i = 0; i < 20; i++) await turns()
    expect(await keys(view)).toEqual(['1/a'])
    commit.mockImplementation(plain)
    const waiting = keys(view, raw.reached)
    for (let i = 0; i < 20; i++) await clock.advance(1_000)
    expect(await waiting).toHaveLength(101)
  })

  test('tries again later and later, and not at the same time as others', async () => {
    const { clock, raw, view, commit } = await failing()
    commit.mockRejectedValue(broken)
    await raw.commit([put('b', 2)])
    await clock.advance(60_000)
    expect(commit.mock.calls.length).toBeGreaterThan(5)
    expect(commit.mock.calls.length).toBeLessThan(60)
    await view.close()
    expect(clock.pending).toBe(0)
  })

  test('an upstream that is closed is the end of it: what there is can still be asked', async () => {
    const { raw, view, source, clock } = await failing()
    const feed = view.watch(everything)
    await feed.take()
    let rang = 0
    feed.wake(() => rang++)
    await raw.close()
    await turns()
    expect(view.state[source]).toMatchObject({ status: 'failed', why: { code: 'CLOSED' } })
    expect(rang).toBe(1)
    expect(await keys(view)).toEqual(['1/a'])
    await expect(view.fetch({}, { min: { [source]: 9 }, stall: 'fail' })).rejects.toMatchObject({ code: 'STALLED' })
    expect(clock.pending).toBe(0)
    await view.close()
  })
})
