import {
  createMemoryStore,
  createVariable,
  everything,
  get,
  type MemoryStore,
  prefix,
  put,
  type Query,
  type SourceId,
  type Store,
  type Versions,
} from '@fanlight/core'
import { BaseStore, type Difference, type Reading, type Spans } from '@fanlight/core/kit'
import { settled } from '@fanlight/core/testing'
import { describe, expect, test } from 'vitest'
import { createRouter, type Router } from './index.ts'

function keysOf({ entries }: { readonly entries: readonly { readonly key: string }[] }): string[] {
  return entries.map(({ key }) => key)
}

async function filled(name: string, ...keys: string[]): Promise<MemoryStore> {
  const store = createMemoryStore({ name })
  await store.commit(keys.map((key) => put(key, `${name}:${key}`)))
  return store
}

/** A store that counts how often it is closed. */
class Closing extends BaseStore {
  readonly supports = { commit: false, guard: 'none', ids: false, single: false, durable: false } as const
  readonly sources: readonly SourceId[] = ['closing@1']
  readonly oldest: Versions = { 'closing@1': 0 }
  readonly reached: Versions = { 'closing@1': 0 }
  closed = 0

  constructor() {
    super({}, 'closing')
  }

  override close(): Promise<void> {
    this.closed++
    return super.close()
  }

  protected read(): Reading {
    return { entries: [], windows: { 'closing@1': { from: 0, to: 0 } }, more: [] }
  }

  protected difference(): Difference {
    return { changes: [], folded: 0 }
  }
}

/** What `createView` makes, in short: the same entries, of the store under it, in its versions. */
class View extends BaseStore {
  readonly supports = { commit: false, guard: 'none', ids: false, single: false, durable: false } as const
  readonly #upstream: Store
  readonly #query: Query
  #reached: Versions

  constructor(router: Router, query: Query) {
    super({ name: 'view' }, 'view')
    this.#upstream = router.part(query)
    this.#query = query
    this.#reached = this.#upstream.reached
  }

  get sources(): readonly SourceId[] {
    return this.#upstream.sources
  }

  get oldest(): Versions {
    return this.#upstream.oldest
  }

  get reached(): Versions {
    return this.#reached
  }

  follow(): void {
    this.#reached = this.#upstream.reached
    this.advanced()
  }

  protected async read(spans: Spans, at: Versions): Promise<Reading> {
    const { entries, windows } = await this.#upstream.fetch(this.#query, { min: at, max: at })
    const counted = [{ key: 'count', value: entries.length }]
    const exact = Object.entries(windows).map(
      ([source]) => [source, { from: at[source] ?? 0, to: at[source] ?? 0 }] as const,
    )
    return {
      entries: counted,
      windows: Object.fromEntries(exact),
      more: spans.list.map(() => ({ more: false, range: {} })),
    }
  }

  protected async difference(spans: Spans, _since: Versions, until: Versions): Promise<Difference> {
    const { entries } = await this.read(spans, until)
    return { changes: entries.map(({ key, value }) => ({ key, value })), folded: 1 }
  }
}

describe('mounts', () => {
  test('a deeper mount shadows a shallower one, whatever the order in which they are given', async () => {
    const [root, inner, deep] = [
      await filled('root', 'a', 'in/hidden', 'z'),
      await filled('inner', 'x', 'deep/hidden'),
      await filled('deep', 'y'),
    ]
    for (const mounts of [
      { '': root, 'in/': inner, 'in/deep/': deep },
      { 'in/deep/': deep, 'in/': inner, '': root },
    ]) {
      const router = createRouter(mounts)
      expect(keysOf(await router.fetch(everything))).toEqual(['a', 'in/deep/y', 'in/x', 'z'])
      expect(keysOf(await router.fetch({ reverse: true }))).toEqual(['z', 'in/x', 'in/deep/y', 'a'])
      for (const hidden of ['in/hidden', 'in/deep/hidden'])
        expect(await router.fetch(hidden)).toMatchObject({ entries: [] })
      expect((await router.fetch('in/deep/y')).entries[0]?.value).toBe('deep:y')
    }
  })

  test('a store of one value stands at exactly one key, or under a prefix', async () => {
    const router = createRouter({
      motto: createVariable('x'),
      'under/': createVariable('y'),
      '': await filled('root', 'motto/a', 'mottos'),
    })
    expect(keysOf(await router.fetch(everything))).toEqual(['motto', 'motto/a', 'mottos', 'under/'])
    expect(await get(router as Store, 'motto')).toBe('x')
    await router.commit([put('motto', 'z')])
    expect(await get(router as Store, 'motto')).toBe('z')
    await router.close()
  })

  test('a mount that cannot be is BAD_MOUNT, and nothing changes', async () => {
    const store = createMemoryStore()
    const router = createRouter({ 'a/': store })
    const before = router.reached
    const wrong: (() => unknown)[] = [
      () => createRouter({ a: store }),
      () => createRouter({ 'a/b': createMemoryStore() }),
      () => createRouter({ 'a/': {} as never }),
      () => createRouter({ 'a/': undefined as never }),
      () => createRouter({ 'a/': { store: 1 } as never }),
      () => router.mount('a/', createMemoryStore()),
      () => router.mount('b', createMemoryStore()),
      () => router.unmount('b/'),
      () => router.move('b/', 'c/'),
      () => router.move('a/', 'a/'),
      () => router.remount({ 'b/': createMemoryStore(), 'c/': undefined }),
    ]
    for (const work of wrong) expect(work).toThrow(expect.objectContaining({ code: 'BAD_MOUNT' }))
    expect(() => router.mount('\ud800/', store)).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
    expect(router.reached).toEqual(before)
    await router.close()
    expect(() => router.mount('b/', store)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  test('a router inside itself is BAD_MOUNT, at any depth', () => {
    const inner = createRouter({ 'x/': createMemoryStore() })
    const middle = createRouter({ 'inner/': inner })
    const outer = createRouter({ 'middle/': middle })
    for (const router of [inner, middle, outer]) {
      expect(() => inner.mount('again/', router)).toThrow(
        expect.objectContaining({
          code: 'BAD_MOUNT',
          keys: ['again/'],
          message: expect.stringContaining("'again/'") as string,
        }),
      )
    }
    const two = { 'fine/': createMemoryStore(), 'cycle/': outer }
    expect(() => inner.remount(two)).toThrow(expect.objectContaining({ keys: ['cycle/'] }))
    expect(inner.sources.length).toBe(2)
    inner.mount('y/', createMemoryStore())
    expect(outer.sources.length).toBe(5)
  })

  test('closing closes each store once, but those that stay open', async () => {
    const [one, kept, inner] = [new Closing(), new Closing(), new Closing()]
    const router = createRouter({
      'a/': one,
      'b/': one,
      'kept/': { store: kept, keepOpen: true },
      'in/': createRouter({ 'x/': inner }),
    })
    router.mount('c/', kept)
    await Promise.all([router.close(), router.close()])
    expect([one.closed, kept.closed, inner.closed]).toEqual([1, 0, 1])
    await expect(router.fetch('a/x')).rejects.toMatchObject({ code: 'CLOSED', store: 'mounts' })
  })

  test('what is unmounted stays open', async () => {
    const store = new Closing()
    const router = createRouter({ 'a/': store })
    router.unmount('a/')
    await router.close()
    expect(store.closed).toBe(0)
  })

  test('what no mount covers answers nothing, with the window of the table', async () => {
    const router = createRouter({ 'a/': createMemoryStore() })
    const [table = ''] = router.sources.slice(-1)
    expect(table).toMatch(/^mounts@/)
    const nothing = {
      entries: [],
      windows: { [table]: { from: 0, to: 0 } },
      versions: { [table]: 0 },
      more: [{ more: false }],
    }
    expect(await router.fetch('b')).toMatchObject(nothing)
    expect(Object.keys((await router.fetch(prefix('b/'))).windows)).toEqual([table])
    const at = router.mount('b/', createMemoryStore())
    expect((await router.fetch('b')).windows[table]).toEqual({ from: 0 + (at[table] ?? 0), to: at[table] })
    await router.close()
  })

  test('L0: an answer is made under one table; former ones are answered as long as they are known', async () => {
    const [a, b] = [await filled('a', 'x'), await filled('b', 'y')]
    const router = createRouter({ 'in/': a }, { tables: 2 })
    const points = [router.reached]
    for (const mounts of [{ 'in/': b }, { 'in/': a, 'on/': b }, { 'in/': undefined }]) {
      router.remount(mounts)
      points.push(router.reached)
    }
    const at = async (max: Versions | undefined): Promise<string[]> => keysOf(await router.fetch(everything, { max }))
    expect(await at(points[3])).toEqual(['on/y'])
    expect(await at(points[2])).toEqual(['in/x', 'on/y'])
    expect(await at(points[1])).toEqual(['in/y'])
    await expect(at(points[0])).rejects.toMatchObject({ code: 'LOST_IN_FOG', store: 'mounts' })
    // A key that no change concerned has a window that reaches back.
    const [table = ''] = router.sources.slice(-1)
    expect((await router.fetch('on/y')).windows[table]).toEqual({ from: points[2]?.[table], to: points[3]?.[table] })
    await router.close()
  })

  test('a version that the table never had is of another life: SOURCE_RESET', async () => {
    const router = createRouter({ 'a/': createMemoryStore() })
    const [table = ''] = router.sources.slice(-1)
    for (const version of [1, Number.MAX_SAFE_INTEGER]) {
      await expect(router.fetch('a/x', { min: { [table]: version } })).rejects.toMatchObject({
        code: 'SOURCE_RESET',
        source: table,
      })
    }
    await expect(router.fetch('a/x', { min: { 'mounts@0': 0 } })).rejects.toMatchObject({ code: 'SOURCE_RESET' })
    const at = router.mount('b/', createMemoryStore())
    expect(await router.fetch('a/x', { min: at })).toMatchObject({ versions: at })
    await router.close()
  })

  test('stores of one name do not see one another\u2019s points', async () => {
    const [one, two] = [createMemoryStore({ name: 'same' }), createMemoryStore({ name: 'same' })]
    const router = createRouter({ 'a/': one, 'b/': two })
    await one.commit([put('x', 1)])
    const { versions } = await router.fetch(everything)
    expect(keysOf(await router.fetch(everything, { min: versions, max: versions }))).toEqual(['a/x'])
    expect((await router.changes(everything, { since: versions })).changes).toEqual([])
    const feed = router.watch(everything, { since: versions })
    expect(await settled(feed)).toEqual([])
    await router.close()
  })
})

describe('what a router says of itself', () => {
  test('reached is the least of all that know a source, oldest the greatest', async () => {
    const store = createMemoryStore({ name: 's', history: { commits: 2 } })
    const view = new View(createRouter({ 'a/': store }) as Router, prefix('a/'))
    const [source = ''] = store.sources
    const router = createRouter({ 'a/': store, 'view/': view })
    for (let i = 0; i < 5; i++) await store.commit([put('x', i)])
    expect([router.reached[source], router.oldest[source]]).toEqual([0, store.oldest[source]])
    view.follow()
    expect(router.reached[source]).toBe(5)
    expect(router.sources.filter((id) => id === source).length).toBe(1)
  })

  test('supports is what its stores support together', () => {
    const weak = new Proxy(createMemoryStore(), {
      get: (target, name) => {
        if (name === 'supports') return { ...target.supports, guard: 'keys', ids: false, durable: true }
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? (member.bind(target) as unknown) : member
      },
    })
    expect(createRouter({}).supports).toEqual({
      commit: false,
      guard: 'none',
      ids: false,
      single: false,
      durable: false,
    })
    expect(createRouter({ 'a/': createMemoryStore() }).supports).toMatchObject({
      commit: true,
      guard: 'ranges',
      ids: true,
      durable: false,
    })
    expect(createRouter({ 'a/': createMemoryStore(), 'b/': weak }).supports).toMatchObject({
      guard: 'keys',
      ids: false,
      durable: false,
    })
    expect(createRouter({ 'b/': weak }).supports).toMatchObject({ durable: true })
  })

  test('state is that of its stores', () => {
    const store = createMemoryStore()
    const router = createRouter({ 'a/': store })
    expect(Object.values(router.state ?? {})).toEqual([{ status: 'live' }, { status: 'live' }])
  })
})

describe('part: a router as someone sees it who asks for one thing', () => {
  test('it knows the mounts that its query touches, live', async () => {
    const [a, b] = [createMemoryStore({ name: 'a' }), createMemoryStore({ name: 'b' })]
    const router = createRouter({ 'a/': a, 'b/': b })
    const [table = ''] = router.sources.slice(-1)
    const part = router.part(prefix('a/'))
    expect(part.sources).toEqual([...a.sources, table])
    expect(part.reached).toEqual({ ...a.reached, [table]: 0 })
    const at = router.mount('a/in/', b)
    expect(part.sources).toEqual([...a.sources, ...b.sources, table])
    expect(part.reached).toMatchObject(at)
    expect([part.supports.commit, part.oldest[table]]).toEqual([false, 0])
    await a.commit([put('x', 1)])
    expect(keysOf(await part.fetch(prefix('a/')))).toEqual(['a/x'])
    await part.close()
    expect(keysOf(await router.fetch('a/x'))).toEqual(['a/x'])
    await router.close()
  })

  test('a view of the router that it is mounted in answers at the router\u2019s points', async () => {
    const raw = createMemoryStore({ name: 'raw' })
    const router = createRouter({ 'raw/': raw }) as Router
    const view = new View(router, prefix('raw/'))
    router.mount('view/', view)
    view.follow()
    await raw.commit([put('x', 1), put('y', 2)])
    const asked = router.fetch(everything)
    view.follow()
    const { entries, windows } = await asked
    expect(entries.map(({ key, value }) => [key, value])).toEqual([
      ['raw/x', 1],
      ['raw/y', 2],
      ['view/count', 2],
    ])
    for (const { from, to } of Object.values(windows)) expect(from).toBeLessThanOrEqual(to)
    expect((await router.fetch('view/count')).entries[0]?.value).toBe(2)
    const feed = router.watch(everything)
    await feed.take()
    router.mount('more/', createMemoryStore())
    await raw.commit([put('z', 3)])
    view.follow()
    const update = await feed.take()
    expect(update?.changes).toEqual([
      { key: 'raw/z', value: 3 },
      { key: 'view/count', value: 3 },
    ])
    await router.close()
  })

  test('a view that touches its own place is BAD_MOUNT', async () => {
    const router = createRouter({ 'raw/': createMemoryStore() }) as Router
    const view = new View(router, everything)
    expect(() => router.mount('view/', view)).toThrow(expect.objectContaining({ code: 'BAD_MOUNT', keys: ['view/'] }))
    expect(keysOf(await router.fetch(everything))).toEqual([])
    await router.close()
  })
})
