import { type Store, createMemoryStore, del, everything, prefix, put } from '@fanlight/core'
import { settled } from '@fanlight/core/testing'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import { describe, expect, test } from 'vitest'

async function shown(store: Store): Promise<Record<string, unknown>> {
  const { entries } = await store.fetch(everything)
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]))
}

describe('a view of a router whose mounts change', () => {
  test.each([false, true])('shows what is there now, and has its sources; kept in a store: %s', async (kept) => {
    const [one, two, three] = ['one', 'two', 'three'].map((name) => createMemoryStore({ name }))
    if (!one || !two || !three) throw new Error('three stores')
    await one.commit([put('a', 1), put('x/b', 2)])
    await two.commit([put('b', 3), put('c', 4)])
    const router = createRouter({ 'd/': one, 'elsewhere/': three })
    const into = kept ? { into: createMemoryStore({ name: 'into' }), definition: 'v' } : {}
    const view = createView(router, {
      query: prefix('d/'),
      map: ({ key, value }) => ({ key: key.slice(2), value }),
      ...into,
    })
    expect(await shown(view)).toEqual({ a: 1, 'x/b': 2 })
    const names = (): string[] => view.sources.map((source) => source.slice(0, source.indexOf('@')))
    expect(names()).toEqual(['one', 'mounts', 'view'])
    const feed = view.watch(everything)
    const held = new Map<string, unknown>()
    const follow = async (): Promise<void> => {
      for (const { replace, changes } of await settled(feed)) {
        if (replace !== undefined) {
          held.clear()
          for (const { key, value } of replace.entries) held.set(key, value)
        }
        for (const { key, value, gone } of changes) {
          if (gone === true) held.delete(key)
          else held.set(key, value)
        }
      }
    }
    await follow()
    const before = view.reached
    const mounted = router.mount('d/x/', two)
    await view.fetch([], { min: mounted })
    expect(await shown(view)).toEqual({ a: 1, 'x/b': 3, 'x/c': 4 })
    expect(names().sort()).toEqual(['mounts', 'one', 'two', 'view'])
    await follow()
    expect(Object.fromEntries(held)).toEqual(await shown(view))
    // Who comes back from before gets it all, since it knows nothing of the new source (L7).
    const back = view.watch(everything, { since: before })
    expect((await back.take())?.replace?.entries).toHaveLength(3)
    const versions = await two.commit([del('b'), put('d', 5)])
    await view.fetch([], { min: versions })
    await follow()
    expect(Object.fromEntries(held)).toEqual({ a: 1, 'x/c': 4, 'x/d': 5 })
    await view.fetch([], { min: router.unmount('d/x/') })
    expect(await shown(view)).toEqual({ a: 1, 'x/b': 2 })
    await follow()
    expect(Object.fromEntries(held)).toEqual({ a: 1, 'x/b': 2 })
    // What is mounted where the view does not look is nothing to it.
    const oldest = view.oldest
    router.unmount('elsewhere/')
    await view.fetch([])
    expect(view.oldest).toEqual(oldest)
  })

  test('L3: the diamond, in one answer: as much as both know, or what the last commit says', async () => {
    const data = createMemoryStore({ name: 'data' })
    const index = createView(data, {
      map: ({ key, value }) => ({ key: `${String(value)}/${key}`, value: key }),
      delayMs: 20,
    })
    const router = createRouter({ 'data/': data, 'index/': index })
    await router.fetch(everything)
    const versions = await router.commit([put('data/a', 1), put('data/b', 2)])
    expect((await router.fetch(everything, { stall: 'older' })).entries).toEqual([])
    const { entries, windows } = await router.fetch(everything, { min: versions })
    expect(entries.map(({ key }) => key)).toEqual(['data/a', 'data/b', 'index/1/a', 'index/2/b'])
    const [source = ''] = data.sources
    expect(windows[source]).toEqual({ from: 1, to: 1 })
    await router.close()
  })
})
