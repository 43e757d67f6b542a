import {
  type FetchOptions,
  type MemoryStore,
  type Query,
  type Snapshot,
  type Store,
  createMemoryStore,
  del,
  get,
  prefix,
  put,
} from '@fanlight/core'
import { altered, turns } from '@fanlight/core/testing'
import { describe, expect, test } from 'vitest'
import { type View, createView } from './create-view.ts'
import type { MapFunction } from './mapping.ts'
import { sameKeys } from './passing.ts'

/** A store that says what it was asked. */
function counted(raw: MemoryStore): { readonly store: Store; readonly asked: Query[] } {
  const asked: Query[] = []
  const fetch = (query: Query, options: FetchOptions): Promise<Snapshot> => {
    if (!Array.isArray(query) || query.length > 0) asked.push(query)
    return raw.fetch(query, options)
  }
  const store = altered<Store>(raw, { '~atHand': undefined, fetch })
  return { store, asked }
}

async function made(
  cacheBytes?: number,
): Promise<{ raw: MemoryStore; view: View; asked: Query[]; seen: () => Promise<void> }> {
  const raw = createMemoryStore()
  await raw.commit([put('a', 1), put('b', 2), put('c', 3)])
  const { store, asked } = counted(raw)
  const view = createView(store, { map: (entry) => entry, mode: 'lazy', reads: sameKeys, cacheBytes })
  return { raw, view, asked, seen: async () => void (await view.fetch([], { min: raw.reached })) }
}

describe('a lazy view', () => {
  test('a hit costs no upstream read, until a change touches what was read', async () => {
    const { raw, view, asked, seen } = await made()
    expect(await get(view, 'a')).toBe(1)
    const before = asked.length
    for (let i = 0; i < 5; i++) expect(await get(view, 'a')).toBe(1)
    await raw.commit([put('b', 20)])
    await seen()
    expect(await get(view, 'a')).toBe(1)
    expect(asked.length).toBe(before)
    await raw.commit([put('a', 10)])
    await seen()
    expect(await get(view, 'a')).toBe(10)
    expect(asked.length).toBe(before + 1)
    expect(view.cache).toMatchObject({ hits: 6, misses: 2, answers: 1 })
    await view.close()
  })

  test('an absence is held too, and a range with its limit', async () => {
    const { raw, view, seen } = await made()
    const first = { ...prefix(''), limit: 2 }
    for (const _ of [1, 2]) {
      expect(await get(view, 'bb')).toBeUndefined()
      expect((await view.fetch(first)).entries.map(({ key }) => key)).toEqual(['a', 'b'])
    }
    expect(view.cache).toMatchObject({ hits: 2, misses: 2, answers: 2 })
    await raw.commit([put('bb', 1), del('a')])
    await seen()
    expect(await get(view, 'bb')).toBe(1)
    expect((await view.fetch(first)).entries.map(({ key }) => key)).toEqual(['b', 'bb'])
    expect(view.cache).toMatchObject({ hits: 2, misses: 4, answers: 2 })
    await view.close()
  })

  test('L1: the window of what is held goes back to its last change, and on to where the view is', async () => {
    const { raw, view, seen } = await made()
    const [source = ''] = raw.sources
    await view.fetch('a')
    await raw.commit([put('b', 4)])
    await raw.commit([put('c', 4)])
    await seen()
    const { windows, versions } = await view.fetch('a')
    expect(view.cache?.hits).toBe(1)
    expect(windows[source]?.to).toBe(3)
    expect(versions[source]).toBe(3)
    expect(windows[source]?.from).toBeLessThanOrEqual(3)
    await view.close()
  })

  test('what changes while it is asked for is not held', async () => {
    const raw = createMemoryStore()
    await raw.commit([put('a', 1)])
    const fetch = (query: Query, options: FetchOptions): Promise<Snapshot> =>
      turns(5).then(() => raw.fetch(query, options))
    const late = altered<Store>(raw, { '~atHand': undefined, fetch })
    const view = createView(late, { map: (entry) => entry, mode: 'lazy', reads: sameKeys })
    await view.fetch([], { min: raw.reached })
    const asked = get(view, 'a')
    await raw.commit([put('a', 2)])
    await view.fetch([], { min: raw.reached })
    expect(await asked).toBe(1)
    expect(await get(view, 'a')).toBe(2)
    await view.close()
  })

  test('holds no more than it may, and spares what is asked for', async () => {
    const { view } = await made(1_000)
    for (let i = 0; i < 50; i++) {
      await get(view, 'a')
      await get(view, `none/${i}`)
    }
    const { bytes = Infinity, answers = 0, misses } = view.cache ?? {}
    expect(bytes).toBeLessThanOrEqual(1_000)
    expect(answers).toBeGreaterThan(2)
    expect(misses).toBe(51)
    await view.close()
  })

  test('an answer that is too large to be held leaves the others where they are', async () => {
    const { raw, view, seen } = await made(1_000)
    await raw.commit([put('large', 'x'.repeat(2_000))])
    await seen()
    for (const key of ['a', 'b', 'large']) await get(view, key)
    expect(view.cache).toMatchObject({ hits: 0, misses: 3, answers: 2 })
    for (const key of ['a', 'b']) await get(view, key)
    expect(view.cache).toMatchObject({ hits: 2, misses: 3 })
    await view.close()
  })

  test('L8: a question that fails leaves nothing behind', async () => {
    const raw = createMemoryStore()
    await raw.commit([put('bad', 1)])
    const map: MapFunction = (entry) => {
      if (entry.key === 'bad') throw new Error('bad')
      return entry
    }
    const view = createView(raw, { map, mode: 'lazy', reads: (range) => [range, 'bad'] })
    await view.fetch([], { min: raw.reached })
    for (let i = 0; i < 3; i++) {
      const asked = get(view, `k${i}`)
      await expect(asked).rejects.toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
    }
    expect(view.cache).toMatchObject({ misses: 3, answers: 0, bytes: 0 })
    await view.close()
  })

  test('L8: what is being asked counts, until it is there or fails', async () => {
    const asking: { fail?: (why: Error) => void } = {}
    const raw = createMemoryStore()
    const fetch = (): Promise<Snapshot> => new Promise((_, reject) => (asking.fail = reject))
    const stuck = altered<Store>(raw, { '~atHand': undefined, fetch })
    const view = createView(stuck, { map: (entry) => entry, mode: 'lazy', reads: sameKeys })
    await turns(20)
    const asked = get(view, 'a')
    await turns(5)
    expect(view.cache?.bytes).toBeGreaterThan(0)
    asking.fail?.(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
    expect(view.cache?.bytes).toBe(0)
    await view.close()
  })

  test('section 8: where `reads` fails, that is named, and not the question', async () => {
    const raw = createMemoryStore()
    const broken = (): never => {
      throw new Error('broken')
    }
    for (const reads of [broken, () => ({ from: 'a' }) as never]) {
      const view = createView(raw, { map: (entry) => entry, mode: 'lazy', reads })
      const why: unknown = await get(view, 'a').catch((error: unknown) => error)
      expect(why).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('`reads`') as string })
      expect((why as Error).cause).toBeInstanceOf(Error)
      await view.close()
    }
  })
})
