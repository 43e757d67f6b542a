import {
  type Change,
  type MemoryStore,
  type Store,
  createMemoryStore,
  createVariable,
  del,
  everything,
  get,
  isFanlightError,
  prefix,
  put,
} from '@fanlight/core'
import { manualClock, settled, turns } from '@fanlight/core/testing'
import { describe, expect, test, vi } from 'vitest'
import { type MapFunction, type View, type ViewOptions, createView } from './index.ts'

const same: MapFunction = (entry) => entry

/** Waits until the view shows what its upstream has. */
async function caughtUp(view: Store, upstream: Store): Promise<void> {
  await view.fetch([], { min: upstream.reached })
}

async function shown(view: Store): Promise<Record<string, unknown>> {
  const { entries } = await view.fetch(everything)
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]))
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.catch((e: unknown) => e)
  return isFanlightError(error) ? error.code : `none: ${JSON.stringify(error)}`
}

const raws = { name: 'raw' }

describe('createView', () => {
  test.each([undefined, createMemoryStore({ name: 'into' })])('L0: its values are frozen: into %s', async (into) => {
    const raw = createMemoryStore(raws)
    await raw.commit([put('a', 1)])
    const view = createView(raw, { map: ({ key }) => ({ key, value: { of: [key] } }), definition: 'd', into })
    const { entries } = await view.fetch('a')
    expect(() => ((entries[0] as { value: { of: unknown } }).value.of = 'CHANGED')).toThrow(TypeError)
    expect(() => (entries[0] as { value: { of: unknown[] } }).value.of.push('CHANGED')).toThrow(TypeError)
    expect((await view.fetch('a')).entries[0]?.value).toEqual({ of: ['a'] })
  })

  test.each([
    ['no options', undefined],
    ['no function', {}],
    ['a text', { map: 'value' }],
    ['the function itself', same],
  ])('refuses %s', (_, options) => {
    const raw = createMemoryStore(raws)
    const refused = expect.objectContaining({ code: 'BAD_QUERY', message: expect.stringContaining('map') as string })
    expect(() => createView(raw, options as never)).toThrow(refused as Error)
  })

  test('where it can follow no more, who waits is told at once, and why', async () => {
    const raw = createMemoryStore(raws)
    const view = createView(raw, { map: same })
    await view.fetch({})
    const ahead = { min: { [raw.sources[0] ?? '']: 1 }, timeoutMs: Infinity }
    const waiting = view.fetch({}, ahead).catch((e: unknown) => e)
    await raw.close()
    const failed = { code: 'STALLED', cause: { code: 'CLOSED' } }
    expect(await waiting).toMatchObject(failed)
    expect(await view.fetch({}, ahead).catch((e: unknown) => e)).toMatchObject(failed)
    expect((await view.fetch({})).entries).toEqual([])
  })

  test('is there at once, reads its upstream in the background, and then is live', async () => {
    const raw = createMemoryStore(raws)
    await raw.commit([put('a', 1), put('b', 2)])
    const view = createView(raw, { map: same, definition: 'same' })
    const [rawSource = ''] = raw.sources
    expect(view.sources).toEqual([rawSource, 'view@same'])
    expect(Object.values(view.state).map(({ status }) => status)).toEqual(['catching up', 'catching up'])
    const fetched = view.fetch(everything)
    const changed = view.changes(everything, { since: { [rawSource]: 1, 'view@same': 0 } })
    expect((await fetched).entries).toEqual([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ])
    expect((await fetched).windows).toEqual({ [rawSource]: { from: 1, to: 1 }, 'view@same': { from: 0, to: 0 } })
    expect((await changed).changes).toEqual([])
    expect(Object.values(view.state).map(({ status }) => status)).toEqual(['live', 'live'])
    expect(view.reached).toEqual({ [rawSource]: 1, 'view@same': 0 })
    expect(view.supports).toEqual({ commit: false, guard: 'none', ids: false, single: false, durable: false })
  })

  test('a feed that is watched before the first state starts with it', async () => {
    const raw = createMemoryStore(raws)
    const versions = await raw.commit([put('a', 1)])
    const view = createView(raw, { map: same, definition: 'same' })
    const feeds = [
      view.watch(everything),
      view.watch(everything, { since: {} }),
      view.watch(everything, { since: { ...versions, 'view@same': 0 } }),
      view.watch(everything, { since: { ...versions, 'view@other': 0 } }),
      view.watch(everything, { min: versions }),
    ]
    const updates = await Promise.all(feeds.map(async (feed) => feed.take()))
    expect(updates.map((update) => update?.replace?.entries.length)).toEqual([1, 1, undefined, 1, 1])
    for (const update of updates) expect(update?.versions ?? view.reached).toEqual(view.reached)
  })

  test('what is asked before the first state is checked at once, and waits no longer than it should', async () => {
    const clock = manualClock()
    const raw = createMemoryStore(raws)
    await raw.commit([put('a', 1)])
    const view = createView(raw, { map: () => ({ key: '\ud800', value: 1 }), clock })
    expect(await refusal(view.fetch({ limit: -1 }))).toBe('BAD_QUERY')
    expect(await refusal(view.fetch({}, { signal: AbortSignal.abort() }))).toBe('ABORTED')
    const failing = view.fetch({}, { stall: 'fail' })
    expect(await refusal(failing)).toBe('STALLED')
    const patient = refusal(view.fetch({}, { timeoutMs: 50 }))
    const usual = refusal(view.changes({}, { since: {} }))
    const closing = refusal(view.fetch({}, { timeoutMs: Infinity }))
    await clock.advance(50)
    expect(await patient).toBe('STALLED')
    await clock.advance(29_950)
    expect(await usual).toBe('STALLED')
    await view.close()
    expect(await closing).toBe('CLOSED')
    expect(await refusal(view.fetch({}))).toBe('CLOSED')
  })

  test('options that cannot be are refused', () => {
    const raw = createMemoryStore(raws)
    const attempt = (options: Partial<ViewOptions>, upstream: Store = raw): string => {
      try {
        void createView(upstream, { map: same, ...options }).close()
        return 'none'
      } catch (error) {
        return isFanlightError(error) ? error.code : String(error)
      }
    }
    expect(attempt({ into: createMemoryStore() })).toBe('BAD_QUERY')
    expect(attempt({ into: createView(raw, { map: same }), definition: 'a' })).toBe('BAD_QUERY')
    expect(attempt({ query: { limit: -1 } })).toBe('BAD_QUERY')
    expect(attempt({ definition: 'a', into: createMemoryStore() })).toBe('none')
    expect(attempt({ definition: '\ud800' })).toBe('BAD_QUERY')
    expect(attempt({ definition: 'a', into: {} as Store })).toBe('BAD_QUERY')
    expect(attempt({ definition: 'a', into: null as never })).toBe('BAD_QUERY')
    // With parts of nothing the first state would never come, and nothing else would either.
    expect(attempt({ pageSize: 0 })).toBe('BAD_QUERY')
  })

  test('closing it closes neither the upstream nor `into`, and ends what it does there', async () => {
    const raw = createMemoryStore(raws)
    const into = createMemoryStore({ name: 'into' })
    const view = createView(raw, { map: same, into, definition: 'same' })
    await view.fetch({})
    const commit = vi.spyOn(into, 'commit')
    await view.close()
    expect(commit).toHaveBeenCalledTimes(1)
    await raw.commit([put('a', 1)])
    await turns()
    expect(commit).toHaveBeenCalledTimes(1)
    expect(await refusal(view.fetch({}))).toBe('CLOSED')
    await raw.close()
    await into.close()
  })

  test('it takes no commits and never writes into its upstream', async () => {
    const raw = createMemoryStore(raws)
    const commit = vi.spyOn(raw, 'commit')
    const view = createView(raw, { map: same })
    await view.fetch({})
    expect('commit' in view).toBe(false)
    expect(commit).not.toHaveBeenCalled()
  })
})

describe('map', () => {
  async function viewOf(map: MapFunction, options: Partial<ViewOptions> = {}): Promise<[MemoryStore, View]> {
    const raw = createMemoryStore(raws)
    const view = createView(raw, { map, ...options }) as View
    await view.fetch({})
    return [raw, view]
  }

  test('filters, gives other keys, and several entries for one', async () => {
    const [raw, view] = await viewOf(function* ({ key, value }) {
      if (value === 0) return
      yield { key: `v/${String(value)}/${key}`, value: key }
      if (value === 2) yield { key: `two/${key}`, value }
    })
    await raw.commit([put('a', 1), put('b', 0), put('c', 2)])
    await caughtUp(view, raw)
    expect(await shown(view)).toEqual({ 'v/1/a': 'a', 'v/2/c': 'c', 'two/c': 2 })
    await raw.commit([put('a', 2), del('c'), put('b', 1)])
    await caughtUp(view, raw)
    expect(await shown(view)).toEqual({ 'v/2/a': 'a', 'two/a': 2, 'v/1/b': 'b' })
  })

  test('takes only what its query asks for', async () => {
    const [raw, view] = await viewOf(same, { query: [prefix('a/'), 'b'] })
    await raw.commit([put('a/1', 1), put('b', 2), put('c', 3)])
    await caughtUp(view, raw)
    expect(await shown(view)).toEqual({ 'a/1': 1, b: 2 })
  })

  test('a limited query is followed as its answer changes', async () => {
    const [raw, view] = await viewOf(same, { query: { limit: 2 } })
    await raw.commit([put('b', 1), put('c', 2), put('d', 3)])
    await raw.commit([put('a', 0)])
    await caughtUp(view, raw)
    expect(await shown(view)).toEqual({ a: 0, b: 1 })
  })

  test('of inputs that yield one key the smallest wins, in whatever order they come and go', async () => {
    const [raw, view] = await viewOf(({ key }) => ({ key: 'one', value: key }))
    const steps: [Change[], unknown][] = [
      [[put('m', 1)], 'm'],
      [[put('x', 1), put('p', 1)], 'm'],
      [[put('c', 1)], 'c'],
      [[del('c')], 'm'],
      [[del('m')], 'p'],
      [[put('one', 1)], 'one'],
      [[del('p')], 'one'],
      [[del('one')], 'x'],
      [[del('x')], undefined],
    ]
    for (const [changes, winner] of steps) {
      await raw.commit(changes)
      await caughtUp(view, raw)
      expect((await shown(view))['one']).toBe(winner)
    }
  })

  test('is given keys and values, and nothing that depends on how they were read', async () => {
    const seen: unknown[] = []
    const raw = createMemoryStore(raws)
    await raw.commit([put('a', 1)])
    const view = createView(raw, { map: (entry) => void seen.push(entry) })
    await view.fetch({})
    await raw.commit([put('b', 2)])
    await caughtUp(view, raw)
    expect(seen).toEqual([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ])
  })

  test('entries say no version: it would be of a source that nobody knows', async () => {
    const [raw, view] = await viewOf(same)
    await raw.commit([put('a', 1)])
    await caughtUp(view, raw)
    expect((await view.fetch('a')).entries).toEqual([{ key: 'a', value: 1 }])
  })

  test('types flow from the upstream to the view', async () => {
    const users = createMemoryStore<{ 'users/': { name: string }; count: number }>()
    const names = createView(users, {
      query: prefix('users/'),
      map: ({ key, value }) => ({ key: value.name, value: { of: key } }),
    })
    const versions = await users.commit([put('users/1', { name: 'Ann' })])
    const found = await get(names, 'Ann', { min: versions })
    const of: string | undefined = found?.of
    expect(of).toBe('users/1')
  })

  test('a variable can be the upstream', async () => {
    const load = createVariable(1)
    const view = createView(load, { map: ({ value }) => ({ key: value > 1 ? 'high' : 'low', value }) })
    const versions = load.set(2)
    expect((await view.fetch({}, { min: versions })).entries).toEqual([{ key: 'high', value: 2 }])
  })
})

describe('a function that throws', () => {
  const picky: MapFunction = ({ key, value }) => {
    if (value === 'bad') throw new TypeError('I do not like it')
    return { key, value }
  }

  test("'skip': that input yields nothing, until it is good again", async () => {
    const raw = createMemoryStore(raws)
    await raw.commit([put('a', 'bad'), put('b', 1)])
    const view = createView(raw, { map: picky, onThrow: 'skip' })
    expect(await shown(view)).toEqual({ b: 1 })
    await raw.commit([put('b', 'bad')])
    await caughtUp(view, raw)
    expect(await shown(view)).toEqual({})
    await raw.commit([put('a', 2)])
    await caughtUp(view, raw)
    expect(await shown(view)).toEqual({ a: 2 })
  })

  test.each([
    ['throws', picky, 'TypeError'],
    ['gives a key that is none', ({ key, value }) => ({ key: value === 'bad' ? '\udc00' : key, value }), 'BAD_KEY'],
    [
      'gives a value that is none',
      ({ key, value }) => ({ key, value: value === 'bad' ? new Date(0) : value }),
      'BAD_VALUE',
    ],
    ['gives what is no entry', ({ key, value }) => (value === 'bad' ? ('text' as never) : { key, value }), 'BAD_VALUE'],
    [
      'gives a promise',
      ({ key, value }) => (value === 'bad' ? (Promise.resolve() as never) : { key, value }),
      'BAD_VALUE',
    ],
    [
      'gives one key twice',
      ({ key, value }) =>
        value === 'bad'
          ? [
              { key, value },
              { key, value },
            ]
          : { key, value },
      'BAD_KEY',
    ],
  ] satisfies [string, MapFunction, string][])(
    "'stop': where it %s, the view stays at its last good point, and says why",
    async (_how, map, why) => {
      const raw = createMemoryStore(raws)
      const [source = ''] = raw.sources
      const good = await raw.commit([put('a', 1)])
      const view = createView(raw, { map })
      expect(await shown(view)).toEqual({ a: 1 })
      const feed = view.watch(everything)
      await feed.take()
      let rang = 0
      feed.wake(() => rang++)
      const bad = await raw.commit([put('a', 'bad'), put('b', 2)])
      await turns()
      expect(rang).toBe(1)
      expect(view.reached[source]).toBe(good[source])
      const { status, why: error } = feed.state[source] ?? {}
      expect(status).toBe('stale')
      expect(error?.code).toBe('UNAVAILABLE')
      expect(error?.keys).toEqual(['a'])
      const cause = error?.cause
      expect(isFanlightError(cause) ? cause.code : (cause as Error).name).toBe(why)
      expect(await shown(view)).toEqual({ a: 1 })
      expect(await refusal(view.fetch({}, { min: bad, stall: 'fail' }))).toBe('STALLED')
      // What has nothing to do with it does not help.
      await raw.commit([put('c', 3)])
      await turns()
      expect(await shown(view)).toEqual({ a: 1 })
      const waiting = view.fetch({}, { min: bad })
      const mended = await raw.commit([put('a', 4)])
      const { entries, windows } = await waiting
      expect(entries).toEqual([
        { key: 'a', value: 4 },
        { key: 'b', value: 2 },
        { key: 'c', value: 3 },
      ])
      expect(windows[source]).toEqual({ from: mended[source], to: mended[source] })
      expect(Object.values(view.state).every((state) => state.status === 'live')).toBe(true)
      expect((await settled(feed)).at(-1)?.versions).toEqual(view.reached)
    },
  )

  test("'stop': who waits in vain is told the reason, and its cause", async () => {
    const clock = manualClock()
    const raw = createMemoryStore(raws)
    await raw.commit([put('a', 'bad')])
    const view = createView(raw, { map: picky, clock })
    const asked = [view.fetch({}, { timeoutMs: 200 }), view.fetch({}, { timeoutMs: 200, stall: 'older' })]
    await turns()
    await clock.advance(200)
    for (const promise of asked) {
      const error = await promise.catch((e: unknown) => e)
      expect(error).toMatchObject({ code: 'STALLED', keys: ['a'], cause: { code: 'UNAVAILABLE' } })
      expect((error as Error).message).toMatch(/function of a view failed at "a".*TypeError: I do not like it/)
    }
  })

  test('a promise is named, also one that fails', async () => {
    const raw = createMemoryStore(raws)
    await raw.commit([put('a', 1)])
    const view = createView(raw, { map: (() => Promise.reject(new Error('late'))) as never })
    await turns()
    expect((await view.fetch({}, { stall: 'fail' }).catch((e: unknown) => e as Error)) as Error).toMatchObject({
      code: 'STALLED',
      message: expect.stringContaining('gave a promise') as string,
    })
  })

  test("'stop': points at which the function throws cannot be asked for, those before and after can", async () => {
    const raw = createMemoryStore(raws)
    const [source = ''] = raw.sources
    const view = createView(raw, { map: picky })
    await view.fetch({})
    await raw.commit([put('a', 1)])
    await caughtUp(view, raw)
    await raw.commit([put('a', 'bad')])
    await turns()
    await raw.commit([put('a', 2)])
    await caughtUp(view, raw)
    const at = (version: number) => view.fetch({}, { min: { [source]: version }, max: { [source]: version } })
    expect((await at(1)).entries).toEqual([{ key: 'a', value: 1 }])
    expect(await refusal(at(2))).toBe('UNAVAILABLE')
    expect((await at(3)).entries).toEqual([{ key: 'a', value: 2 }])
  })

  test("'stop': a view that never had a good point gets one when the input is mended", async () => {
    const raw = createMemoryStore(raws)
    await raw.commit([put('a', 'bad'), put('b', 'bad')])
    const view = createView(raw, { map: picky })
    const waiting = view.fetch({})
    await turns()
    expect(Object.values(view.state).map(({ status }) => status)).toEqual(['stale', 'stale'])
    await raw.commit([put('a', 1)])
    await turns()
    await raw.commit([put('b', 2)])
    expect((await waiting).entries).toEqual([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ])
  })

  test("'stop': what was lost in fog meanwhile is read anew", async () => {
    const raw = createMemoryStore({ ...raws, history: { commits: 2 } })
    const view = createView(raw, { map: picky })
    await view.fetch({})
    await raw.commit([put('a', 'bad'), put('gone', 1)])
    await turns()
    for (let i = 0; i < 5; i++) await raw.commit([put('b', i), del('gone')])
    await turns()
    await raw.commit([put('a', 1)])
    await caughtUp(view, raw)
    expect(await shown(view)).toEqual({ a: 1, b: 4 })
  })
})

test('L7: a view forgets what has grown too old where nothing changes either', async () => {
  const clock = manualClock()
  const raw = createMemoryStore({ ...raws, clock })
  const [source = ''] = raw.sources
  const view = createView(raw, { map: same, clock, history: { ageMs: 1000 }, definition: 'd' })
  for (let i = 1; i <= 5; i++) {
    await raw.commit([put('a', i)])
    await caughtUp(view, raw)
  }
  const since = { [source]: 3, 'view@d': 0 }
  const feed = view.watch('a', { since })
  expect(view.oldest[source]).toBeLessThanOrEqual(1)
  await clock.advance(100_000)
  expect(view.oldest[source]).toBe(5)
  expect(await feed.take()).toMatchObject({ replace: { entries: [{ key: 'a', value: 5 }] }, changes: [] })
  await expect(view.changes('a', { since })).rejects.toMatchObject({ code: 'LOST_IN_FOG' })
})

test.each<[string, object]>([
  ['map', { map: undefined }],
  ['map', { map: 'key' }],
  ['onThrow', { onThrow: 'bogus' }],
  ['delayMs', { delayMs: Number.NaN }],
  ['history.bytes', { history: { bytes: -1 } }],
  ['limits.ranges', { limits: { ranges: -1 } }],
])('section 8: %s out of its range is BAD_QUERY: %j', (name, options) => {
  const error = { code: 'BAD_QUERY', message: expect.stringContaining(name) as unknown }
  const make = (): View => createView(createMemoryStore(raws), { map: same, ...options })
  expect(make).toThrowError(expect.objectContaining(error))
})

test('section 8: a point that a view has forgotten is LOST_IN_FOG, which names the source and the horizon', async () => {
  const raw = createMemoryStore(raws)
  const [source = ''] = raw.sources
  const view = createView(raw, { map: same, definition: 'd', history: { commits: 1 } })
  for (let i = 1; i <= 5; i++) {
    await raw.commit([put('a', i)])
    await caughtUp(view, raw)
  }
  const lost = { code: 'LOST_IN_FOG', source, horizon: { [source]: 4 } }
  await expect(view.fetch('a', { max: { [source]: 1 } })).rejects.toMatchObject(lost)
  await expect(view.changes('a', { since: { [source]: 1, 'view@d': 0 } })).rejects.toMatchObject(lost)
})
