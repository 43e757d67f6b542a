import {
  type Store,
  type StoreEvent,
  type Versions,
  createMemoryStore,
  everything,
  isFanlightError,
  prefix,
  prefixed,
  put,
} from '@fanlight/core'
import { manualClock, settled, turns } from '@fanlight/core/testing'
import { describe, expect, test, vi } from 'vitest'
import { type MapFunction, type View, createView } from './index.ts'

const same: MapFunction = (entry) => entry

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => ({ none: value }),
    (error: unknown) => error,
  )
}

/** A view that folds: each of its steps is a commit to a store, which takes a turn. */
async function folding(map: MapFunction = same, steps: 'held' | 'free' = 'free') {
  const raw = createMemoryStore({ name: 'raw' })
  const into = createMemoryStore({ name: 'into' })
  const [source = ''] = raw.sources
  const view = createView(raw, { map, into, definition: 'd' })
  await view.fetch({})
  const at = (version: number): Versions => ({ [source]: version })
  const exactly = (version: number) => view.fetch({}, { min: at(version), max: at(version) })
  const commit = into.commit.bind(into)
  let go: () => void = () => undefined
  if (steps === 'held') {
    const held = new Promise<void>((resolve) => (go = resolve))
    vi.spyOn(into, 'commit').mockImplementation((...args) => held.then(() => commit(...args)))
  }
  return { raw, into, view, source, at, exactly, go }
}

describe('windows', () => {
  test('L1: what a view did not touch holds from the last step that did to what it has reached', async () => {
    const raw = createMemoryStore({ name: 'raw' })
    const [source = ''] = raw.sources
    const view = createView(raw, { map: same, query: prefix('v/') })
    await view.fetch({})
    for (let i = 1; i <= 3; i++) await raw.commit([put('v/a', i)])
    for (let i = 4; i <= 6; i++) await raw.commit([put('v/b', i)])
    for (let i = 7; i <= 9; i++) await raw.commit([put('other', i)])
    expect(view.reached[source]).toBe(9)
    expect((await view.fetch('v/a')).windows[source]).toEqual({ from: 3, to: 9 })
    expect((await view.fetch('v/b')).windows[source]).toEqual({ from: 6, to: 9 })
    expect((await view.fetch('v/c')).windows[source]).toEqual({ from: 0, to: 9 })
    expect((await view.fetch({})).windows[source]).toEqual({ from: 6, to: 9 })
    expect((await view.fetch('v/b', { max: { [source]: 4 } })).windows[source]).toEqual({ from: 4, to: 4 })
    expect((await view.fetch('v/a', { max: { [source]: 4 } })).windows[source]).toEqual({ from: 3, to: 9 })
  })

  test('L1: a value that went and came back within one step does not hold in between', async () => {
    const { raw, view, at, source, exactly, go } = await folding(same, 'held')
    await raw.commit([put('a', 'A'), put('b', 1)])
    // The first step is under way: whatever comes meanwhile is folded into the next one.
    await turns()
    for (const value of ['B', 'A']) await raw.commit([put('a', value)])
    go()
    const { entries, windows } = await view.fetch('a', { min: at(3) })
    expect(entries).toEqual([{ key: 'a', value: 'A' }])
    expect(windows[source]).toEqual({ from: 3, to: 3 })
    expect((await view.fetch('b')).windows[source]).toEqual({ from: 3, to: 3 })
    expect((await exactly(2)).entries).toEqual([
      { key: 'a', value: 'B' },
      { key: 'b', value: 1 },
    ])
    const update = await view.changes('a', { since: { ...view.reached, ...at(1) }, until: at(3) })
    expect(update.changes).toEqual([])
    expect(update.folded).toBeGreaterThan(1)
  })

  test('L1: who follows a view that folded is told, so that nothing is taken to hold in between', async () => {
    const { raw, view, at, source, go } = await folding(same, 'held')
    const outer = createView(view, { map: same })
    await outer.fetch({})
    await raw.commit([put('a', 'A')])
    await turns()
    for (const value of ['B', 'A']) await raw.commit([put('a', value)])
    go()
    expect((await outer.fetch('a', { min: at(3) })).windows[source]).toEqual({ from: 3, to: 3 })
    expect((await outer.fetch('a', { min: at(2), max: at(2) })).entries).toEqual([{ key: 'a', value: 'B' }])
  })
})

describe('between its steps', () => {
  test('a view answers at a point at which it never stood, in every way of asking', async () => {
    const { raw, view, at, exactly, go } = await folding(
      ({ key, value }) => ({ key: `${String(value)}/${key}`, value: key }),
      'held',
    )
    await raw.commit([put('a', 1), put('b', 1), put('c', 1)])
    await turns()
    await raw.commit([put('a', 2), put('d', 1)])
    await raw.commit([put('b', 0)])
    go()
    await view.fetch({}, { min: at(3) })
    const ask = async (query: Parameters<View['fetch']>[0]) => {
      const { entries, more } = await view.fetch(query, { min: at(2), max: at(2) })
      return [entries.map(({ key }) => key), more]
    }
    expect(await ask(everything)).toEqual([['1/b', '1/c', '1/d', '2/a'], [{ more: false, range: {} }]])
    expect(await ask({ limit: 2 })).toEqual([['1/b', '1/c'], [{ more: true, range: { gte: '', lte: '1/c' } }]])
    expect(await ask({ limit: 2, reverse: true })).toEqual([['2/a', '1/d'], [{ more: true, range: { gte: '1/d' } }]])
    expect(await ask(['1/a', '1/d', { gte: '2/', limit: 0 }])).toEqual([
      ['1/d'],
      [
        { more: false, range: { gte: '1/a', lt: '1/a\0' } },
        { more: false, range: { gte: '1/d', lt: '1/d\0' } },
        { more: true, range: { gte: '2/', lt: '2/' } },
      ],
    ])
    const whole = (version: number): Versions => ({ ...view.reached, ...at(version) })
    const { changes } = await view.changes({}, { since: whole(1), until: at(2) })
    expect(changes).toEqual([
      { key: '1/a', gone: true },
      { key: '1/d', value: 'd' },
      { key: '2/a', value: 'a' },
    ])
    expect((await exactly(1)).entries.map(({ key }) => key)).toEqual(['1/a', '1/b', '1/c'])
  })

  test('it asks its upstream once for a point, however many ask the view', async () => {
    const { raw, view, at, exactly, go } = await folding(same, 'held')
    await raw.commit([put('a', 1)])
    await turns()
    await raw.commit([put('a', 2)])
    await raw.commit([put('a', 3)])
    go()
    await view.fetch({}, { min: at(3) })
    const changes = vi.spyOn(raw, 'changes')
    const answers = await Promise.all([exactly(2), exactly(2), exactly(2)])
    expect(answers.map(({ entries }) => entries[0]?.value)).toEqual([2, 2, 2])
    expect(changes).toHaveBeenCalledTimes(1)
  })

  test('L9: it stops where somebody waits, so that this is rare', async () => {
    const { raw, view, at, source, go } = await folding(same, 'held')
    await raw.commit([put('a', 0)])
    await turns()
    const changes = vi.spyOn(raw, 'changes')
    for (let i = 2; i <= 9; i++) await raw.commit([put('a', i)])
    const asked = [5, 3, 8].map((version) =>
      view.changes({}, { since: { ...view.reached, ...at(0) }, until: at(version) }),
    )
    go()
    expect((await Promise.all(asked)).map((update) => update.changes)).toEqual(
      [5, 3, 8].map((value) => [{ key: 'a', value }]),
    )
    expect(changes).not.toHaveBeenCalled()
    expect((await view.fetch({}, { min: at(9) })).windows[source]).toEqual({ from: 9, to: 9 })
  })

  test('a burst that is too long to be taken one by one is folded', async () => {
    const raw = createMemoryStore({ name: 'raw' })
    const [source = ''] = raw.sources
    const map = vi.fn<MapFunction>(same)
    const view = createView(raw, { map })
    await view.fetch({})
    const commits = Array.from({ length: 300 }, (_, i) => raw.commit([put('a', i)]))
    await Promise.all(commits)
    const { entries, windows } = await view.fetch({}, { min: raw.reached })
    expect(entries).toEqual([{ key: 'a', value: 299 }])
    expect(windows[source]).toEqual({ from: 300, to: 300 })
    expect(map).toHaveBeenCalledTimes(1)
    const few = Array.from({ length: 100 }, (_, i) => raw.commit([put('b', i)]))
    await Promise.all(few)
    await view.fetch({}, { min: raw.reached })
    expect(map).toHaveBeenCalledTimes(101)
    expect((await view.fetch('b', { max: { [source]: 350 } })).entries).toEqual([{ key: 'b', value: 49 }])
  })
})

test('onEvent hears of folds and of what was read anew', async () => {
  const raw = createMemoryStore({ name: 'raw', history: { commits: 3 } })
  const events: StoreEvent[] = []
  const into = createMemoryStore({ name: 'into' })
  const view = createView(raw, { map: same, into, definition: 'd', onEvent: (event) => events.push(event) })
  await view.fetch({})
  for (const count of [1, 3, 20]) {
    await Promise.all(Array.from({ length: count }, (_, i) => raw.commit([put(`k${i}`, i)])))
    await view.fetch([], { min: raw.reached })
  }
  const own = events.filter(({ type, source }) => type !== 'stall' && source === 'view@d')
  expect(own).toEqual([
    { type: 'progress', source: 'view@d', count: 0 },
    { type: 'fold', source: 'view@d', count: 3 },
    { type: 'reset', source: 'view@d' },
  ])
})

describe('progress that changes nothing', () => {
  test('L9: is seen at once, and waited for without polling', async () => {
    const clock = manualClock()
    const raw = createMemoryStore({ name: 'raw', clock })
    const [source = ''] = raw.sources
    const view = createView(raw, { map: same, query: prefix('v/'), clock })
    await view.fetch({})
    const waiting = view.fetch({}, { min: { [source]: 2 }, timeoutMs: Infinity })
    const difference = view.changes([], { since: view.reached, until: { [source]: 3 }, timeoutMs: Infinity })
    expect(clock.pending).toBe(0)
    await raw.commit([put('other', 1)])
    expect(view.reached[source]).toBe(1)
    await raw.commit([put('other', 2)])
    expect((await waiting).windows[source]).toEqual({ from: 0, to: 2 })
    await raw.commit([])
    expect((await difference).versions[source]).toBe(3)
    expect(clock.pending).toBe(0)
  })

  test('L9: a feed of a view moves on with it, and never back', async () => {
    const raw = createMemoryStore({ name: 'raw' })
    const [source = ''] = raw.sources
    const view = createView(raw, { map: same, query: prefix('v/') })
    const feed = view.watch(everything)
    await feed.take()
    const seen: number[] = []
    for (let i = 0; i < 10; i++) {
      await raw.commit([put(i % 3 === 2 ? 'v/a' : 'other', i)])
      seen.push(feed.versions[source] ?? -1)
      await turns()
      seen.push(feed.versions[source] ?? -1)
      if (i % 4 === 3) await settled(feed)
      seen.push(feed.versions[source] ?? -1)
    }
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    await settled(feed)
    expect(feed.versions[source]).toBe(10)
  })

  test('STALLED names the innermost store that blocks', async () => {
    const clock = manualClock()
    const raw = createMemoryStore({ name: 'raw', clock })
    const inner = createView(raw, { map: same, name: 'inner', delayMs: 10_000, clock })
    const outer = createView(inner, { map: same, name: 'outer', clock })
    await outer.fetch({})
    const [source = ''] = raw.sources
    await raw.commit([put('a', 1)])
    const late = refusal(outer.fetch({}, { min: raw.reached, timeoutMs: 100 }))
    const never = refusal(outer.fetch({}, { min: { [source]: 9 }, timeoutMs: 100 }))
    await clock.advance(100)
    for (const [error, store, reached] of [
      [await late, 'inner', 0],
      [await never, 'raw', 1],
    ] as const) {
      expect(isFanlightError(error, 'STALLED') && [error.store, error.source, error.reached?.[source]]).toEqual([
        store,
        source,
        reached,
      ])
    }
  })
})

describe('delayMs', () => {
  async function late() {
    const clock = manualClock(1_000)
    const raw = createMemoryStore({ name: 'raw', clock })
    const [source = ''] = raw.sources
    const view = createView(raw, { map: same, delayMs: 100, clock })
    await view.fetch({})
    return { clock, raw, view, source, at: () => view.reached[source] }
  }

  test('shows a change no sooner than that, and not much later', async () => {
    const { clock, raw, view, source, at } = await late()
    await raw.commit([put('a', 1)])
    const waiting = view.fetch({}, { min: { [source]: 1 } })
    await clock.advance(99)
    expect(at()).toBe(0)
    await clock.advance(1)
    expect(at()).toBe(1)
    expect((await waiting).entries).toEqual([{ key: 'a', value: 1 }])
  })

  test('stays behind by a constant time, however much comes', async () => {
    const { clock, raw, at } = await late()
    const behind: number[] = []
    for (let ms = 0; ms < 1_000; ms++) {
      await raw.commit([put('a', ms)])
      await clock.advance(1)
      // Version v came when the clock said 1,000 + v - 1.
      if (ms > 200) behind.push(clock.now() - (1_000 + (at() ?? 0) - 1))
    }
    expect(Math.min(...behind)).toBeGreaterThanOrEqual(100)
    expect(Math.max(...behind)).toBeLessThanOrEqual(100 + 100 / 8)
    await clock.advance(200)
    expect(at()).toBe(1_000)
  })

  test('is exact for those who wait for a point that they know of', async () => {
    const { clock, raw, view, source } = await late()
    await raw.commit([put('a', 0)])
    await clock.advance(3)
    const versions = await raw.commit([put('a', 1)])
    let at = 0
    const waiting = view.fetch({}, { min: versions }).then(() => (at = clock.now()))
    await clock.advance(200)
    await waiting
    expect(at).toBe(1_103)
    expect(view.reached[source]).toBe(2)
  })

  test('sets no timer while there is nothing to come', async () => {
    const { clock, raw, view } = await late()
    expect(clock.pending).toBe(0)
    await raw.commit([put('a', 1)])
    await turns()
    expect(clock.pending).toBe(1)
    await clock.advance(200)
    expect(clock.pending).toBe(0)
    await raw.commit([put('a', 2)])
    await turns()
    await view.close()
    expect(clock.pending).toBe(0)
  })

  test('what the upstream forgets meanwhile delays it no longer', async () => {
    const clock = manualClock()
    const raw = createMemoryStore({ name: 'raw', clock, history: { commits: 3 } })
    const view = createView(raw, { map: same, delayMs: 100, clock })
    await view.fetch({})
    const [source = ''] = raw.sources
    for (let i = 0; i < 20; i++) await raw.commit([put(`k${i}`, i)])
    await clock.advance(100)
    expect(view.reached[source]).toBe(17)
    await clock.advance(10)
    expect(view.reached[source]).toBe(20)
    expect((await view.fetch({})).entries).toHaveLength(20)
  })
})

describe("a store of one's own for a view", () => {
  test('can be shared under a prefix, and what is committed beside it forgets nothing that is newest', async () => {
    const raw = createMemoryStore({ name: 'raw' })
    const shared = createMemoryStore({ name: 'shared', history: { commits: 2 } })
    const view = createView(raw, { map: same, into: prefixed(shared, 'view/') as Store, definition: 'd' })
    const [source = ''] = raw.sources
    await raw.commit([put('a', 1)])
    await view.fetch({}, { min: raw.reached })
    for (let i = 0; i < 10; i++) await shared.commit([put('beside', i)])
    const { entries, windows } = await view.fetch({})
    expect(entries).toEqual([{ key: 'a', value: 1 }])
    expect(windows[source]).toEqual({ from: 1, to: 1 })
    await raw.commit([put('b', 2)])
    await view.fetch({}, { min: raw.reached })
    expect((await view.fetch({})).entries).toHaveLength(2)
    expect((await shared.fetch('view/out/a')).entries).toEqual([
      { key: 'view/out/a', value: { is: 1 }, version: expect.any(Number) as number },
    ])
  })

  test('a second view on it is found out', async () => {
    const raw = createMemoryStore({ name: 'raw' })
    const into = createMemoryStore({ name: 'into' })
    const first = createView(raw, { map: same, into, definition: 'd' })
    await first.fetch({})
    const second = createView(raw, { map: same, into, definition: 'd' })
    await second.fetch({})
    await raw.commit([put('a', 1)])
    await turns()
    const states = [first, second].map((view) => Object.values(view.state)[0])
    expect(states.map((state) => state?.status).sort()).toEqual(['failed', 'live'])
    expect(states.find((state) => state?.status === 'failed')?.why?.code).toBe('CONFLICT')
  })
})
