import { type Clock, type MemoryStore, type Store, createMemoryStore, get, prefix, put } from '@fanlight/core'
import { type ManualClock, manualClock, settled, turns } from '@fanlight/core/testing'
import { type Router, createRouter } from '@fanlight/router'
import { type View, createClockStore, createView } from '@fanlight/views'
import { describe, expect, test } from 'vitest'

interface Order {
  readonly at: number
}

interface Scene {
  readonly clock: ManualClock
  readonly orders: MemoryStore<{ '': Order }>
  readonly router: Router
  readonly minute: View<{ '': { n: number } }>
}

const time = 'clock-1000ms@1970'
const within = { at: ({ value }: { readonly value: Order }) => value.at, ms: 60_000, clock: 'now' }

/** Orders, and how many there were in the last minute. */
function scene(): Scene {
  const clock = manualClock(1_000_000)
  const orders = createMemoryStore<{ '': Order }>({ name: 'orders', clock })
  const router = createRouter({ 'orders/': orders, now: createClockStore({ clock }) }, { clock })
  const minute = createView(router, {
    query: prefix('orders/'),
    within,
    group: { by: () => 'all', of: ({ count }) => ({ n: count() }) },
    clock,
  })
  router.mount('minute/', minute)
  return { clock, orders, router: router as Router, minute }
}

/** A store in which the time is an entry like others, and a view that shows what is in a window of 10. */
function manual(options: object = {}): { readonly raw: MemoryStore; readonly view: View } {
  const raw = createMemoryStore({ name: 'raw' })
  const map = ({ key, value }: { key: string; value: unknown }): { key: string; value: unknown } => ({ key, value })
  const window = { at: ({ value }: { value: unknown }) => value as number | null, ms: 10, clock: 'now' }
  return { raw, view: createView(raw, { map, within: window, ...options }) }
}

async function keysOf(view: Store, upstream: Store): Promise<readonly string[]> {
  const { entries } = await view.fetch({}, { min: upstream.reached })
  return entries.map(({ key }) => key)
}

describe('the orders of the last minute', () => {
  test('L0: fall at exactly a version of the clock, and feeds step there', async () => {
    const { clock, orders, router } = scene()
    await orders.commit([put('a', { at: 1_000_000 }), put('b', { at: 1_030_000 })])
    const feed = router.watch('minute/all')
    await clock.advance(30_000)
    await settled(feed)
    const shown = async (version: number): Promise<unknown> => {
      const at = { [time]: version }
      const { entries } = await router.fetch(['minute/all', 'now'], { min: at, max: at })
      return entries[0]?.value
    }
    expect([await shown(1_029), await shown(1_030)]).toEqual([{ n: 1 }, { n: 2 }])
    await clock.advance(29_000)
    expect(await settled(feed)).toEqual([])
    await clock.advance(1_000)
    const [update, ...more] = await settled(feed)
    expect(more).toEqual([])
    expect(update?.changes).toEqual([{ key: 'minute/all', value: { n: 1 } }])
    expect(update?.versions[time]).toBe(1_060)
    // The past is what it was.
    expect([await shown(1_059), await shown(1_060)]).toEqual([{ n: 2 }, { n: 1 }])
    await router.close()
  })

  test('L1: an answer holds for as long as nothing crosses an edge of the window', async () => {
    const { clock, orders, router, minute } = scene()
    const min = await orders.commit([put('a', { at: 1_000_000 })])
    await get(minute, 'all', { min })
    await clock.advance(100_000)
    const at = { [time]: 1_020 }
    const { windows, entries } = await minute.fetch('all', { min: at, max: at })
    expect(entries).toEqual([{ key: 'all', value: { n: 1 } }])
    expect(windows[time]).toEqual({ from: 1_000, to: 1_059 })
    await router.close()
  })

  test('what is to come is there when its time comes', async () => {
    const { clock, orders, router, minute } = scene()
    const min = await orders.commit([put('a', { at: 1_005_000 })])
    expect(await get(minute, 'all', { min })).toBeUndefined()
    await clock.advance(4_000)
    expect(await get(minute, 'all')).toBeUndefined()
    await clock.advance(1_000)
    expect(await get(minute, 'all')).toEqual({ n: 1 })
    await router.close()
  })

  test('L0: without a clock the view waits, and says for what', async () => {
    const clock = manualClock(1_000_000)
    const router = createRouter({ 'orders/': createMemoryStore<{ '': Order }>({ clock }) }, { clock })
    const view = createView(router, { query: prefix('orders/'), within, map: (entry) => entry, clock })
    const waits = view.fetch({}, { timeoutMs: 50 }).catch((error: unknown) => error)
    await turns()
    await clock.advance(50)
    expect(await waits).toMatchObject({ code: 'STALLED', message: expect.stringMatching('"now"') })
    router.mount('now', createClockStore({ clock }))
    expect((await view.fetch({})).entries).toEqual([])
    await view.close()
  })

  test('another clock may be behind: what had left is there again', async () => {
    const { clock, orders, router, minute } = scene()
    const min = await orders.commit([put('a', { at: 1_000_000 })])
    await get(minute, 'all', { min })
    await clock.advance(80_000)
    expect(await get(minute, 'all')).toBeUndefined()
    const behind: Clock = { now: () => clock.now() - 40_000, after: (ms, callback) => clock.after(ms, callback) }
    router.remount({ now: createClockStore({ clock: behind, everyMs: 500 }) })
    await turns()
    expect(await get(minute, 'all', { min: { 'clock-500ms@1970': 2_080 } })).toEqual({ n: 1 })
    await router.close()
  })
})

describe('a window of time', () => {
  test('has an entry from its time on, and so long', async () => {
    const { raw, view } = manual()
    await raw.commit([put('a', 5), put('b', 6.5), put('never', null)])
    const seen: [number, string][] = []
    for (const now of [4, 5, 6, 6.5, 14, 14.9, 15, 16, 16.5, 7, 4, 30]) {
      await raw.commit([put('now', now)])
      seen.push([now, (await keysOf(view, raw)).join('')])
    }
    expect(seen).toEqual([
      [4, ''],
      [5, 'a'],
      [6, 'a'],
      [6.5, 'ab'],
      [14, 'ab'],
      [14.9, 'ab'],
      [15, 'b'],
      [16, 'b'],
      [16.5, ''],
      [7, 'ab'],
      [4, ''],
      [30, ''],
    ])
  })

  test('without an end has all entries from their times on', async () => {
    const { raw, view } = manual({
      within: { at: ({ value }: { value: number }) => value, ms: Infinity, clock: 'now' },
    })
    await raw.commit([put('a', -5), put('b', 5), put('c', 7), put('now', 5)])
    expect(await keysOf(view, raw)).toEqual(['a', 'b'])
    await raw.commit([put('now', 1e9)])
    expect(await keysOf(view, raw)).toEqual(['a', 'b', 'c'])
    await raw.commit([put('now', 0)])
    expect(await keysOf(view, raw)).toEqual(['a'])
  })

  test('is read part by part, where the time stands behind all else too', async () => {
    const raw = createMemoryStore()
    await raw.commit([...Array.from({ length: 9 }, (_, i) => put(`a${i}`, i)), put('now', 9)])
    const into = createMemoryStore()
    const view = createView(raw as Store<{ '': number }>, {
      map: (entry) => entry,
      within: { at: ({ value }) => value, ms: 10, clock: 'now' },
      pageSize: 3,
      into,
      definition: 'parts',
    })
    expect((await keysOf(view, raw)).length).toBe(9)
    expect(view.progress).toEqual({ read: 10, isWhole: true })
    expect(into.reached[into.sources[0] ?? '']).toBeGreaterThan(2)
    await view.close()
  })

  test('goes on where it was kept, however far the time went meanwhile', async () => {
    const into = createMemoryStore({ name: 'into' })
    const kept = { into, definition: 'kept' }
    const { raw, view } = manual(kept)
    await raw.commit([put('a', 5), put('b', 12), put('c', 40), put('now', 12)])
    expect(await keysOf(view, raw)).toEqual(['a', 'b'])
    await view.close()
    await raw.commit([put('now', 20)])
    const again = createView(raw as Store<{ '': number }>, {
      map: (entry) => entry,
      within: { at: ({ value }) => value, ms: 10, clock: 'now' },
      ...kept,
    })
    expect(await keysOf(again, raw)).toEqual(['b'])
    await raw.commit([put('now', 45)])
    expect(await keysOf(again, raw)).toEqual(['c'])
  })

  test('L0: a function that throws stops the view until what it threw at has left the window', async () => {
    const map = ({ key, value }: { key: string; value: unknown }): { key: string; value: unknown } => {
      if (key === 'bad') throw new RangeError('bad')
      return { key, value }
    }
    const { raw, view } = manual({ map })
    await raw.commit([put('now', 1), put('a', 1)])
    expect(await keysOf(view, raw)).toEqual(['a'])
    await raw.commit([put('bad', 3)])
    await raw.commit([put('now', 4)])
    const refused = { code: 'STALLED', keys: ['bad'], message: expect.stringMatching('in the window') }
    await expect(view.fetch({}, { min: raw.reached, timeoutMs: 20 })).rejects.toMatchObject(refused)
    await raw.commit([put('now', 13), put('b', 12)])
    expect(await keysOf(view, raw)).toEqual(['b'])
  })

  test("a time that is none stops the view, or with 'skip' keeps that entry out", async () => {
    const stops = manual()
    await stops.raw.commit([put('now', 1), put('a', 'soon')])
    const refused = { code: 'STALLED', keys: ['a'] }
    await expect(stops.view.fetch({}, { min: stops.raw.reached, timeoutMs: 20 })).rejects.toMatchObject(refused)
    const skips = manual({ onThrow: 'skip' })
    await skips.raw.commit([put('now', 1), put('a', 'soon'), put('b', 1)])
    expect(await keysOf(skips.view, skips.raw)).toEqual(['b'])
    await skips.raw.commit([put('now', 'late')])
    expect(await keysOf(skips.view, skips.raw)).toEqual([])
  })

  test.each<[string, object]>([
    ['no options', { within: null }],
    ['no `at`', { within: { ...within, at: undefined } }],
    ['no length', { within: { ...within, ms: 0 } }],
    ['a length below 0', { within: { ...within, ms: -1 } }],
    ['no clock', { within: { ...within, clock: undefined } }],
  ])('refuses %s', (_what, options) => {
    expect(() => manual(options)).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
  })
})
