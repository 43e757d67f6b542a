import {
  type Feed,
  type Store,
  createMemoryStore,
  createSession,
  everything,
  group,
  live,
  mirror,
  prefix,
  put,
  readonly,
} from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import { describe, expect, test } from 'vitest'

const shown = [{ key: 'v/k0', value: 4 }]

/** A store of one key, and a view of it that has not read it yet: it has reached nothing, and answers later. */
async function fresh(): Promise<{ readonly raw: Store; readonly view: Store; readonly source: string }> {
  const raw = createMemoryStore()
  await raw.commit([put('k0', 4)])
  const view = createView(raw, { map: ({ key, value }) => ({ key, value }) })
  expect(view.reached).toEqual({})
  return { raw, view, source: raw.sources[0] ?? '' }
}

async function first(feed: Feed): Promise<unknown> {
  const update = await feed.take()
  return update?.replace?.entries
}

describe('L1: a feed over a view that has not read its upstream yet waits for the answer: nothing is no answer', () => {
  test('one mount', async () => {
    const { view } = await fresh()
    expect(await first(createRouter({ 'v/': view }).watch(prefix('v/')))).toEqual(shown)
  })

  test('with a lower bound (L2)', async () => {
    const { view, source } = await fresh()
    const update = await createRouter({ 'v/': view })
      .watch(everything, { min: { [source]: 1 } })
      .take()
    expect(update).toMatchObject({ replace: { entries: shown }, versions: { [source]: 1 } })
  })

  test('beside a store of its own, and beside its upstream', async () => {
    const one = await fresh()
    expect(await first(createRouter({ 'm/': createMemoryStore(), 'v/': one.view }).watch(everything))).toEqual(shown)
    const other = await fresh()
    const feed = createRouter({ 'a/': other.raw, 'v/': other.view }).watch(everything)
    expect(await first(feed)).toEqual([{ key: 'a/k0', value: 4 }, ...shown])
  })

  test('a commit comes before the first take', async () => {
    const raw = createMemoryStore()
    const view = createView(raw, { map: ({ key, value }) => ({ key, value }) })
    const feed = createRouter({ 'v/': view }).watch(everything)
    await raw.commit([put('k0', 4)])
    expect(await first(feed)).toEqual(shown)
  })

  test('mounted under a running feed', async () => {
    const router = createRouter({ 'm/': createMemoryStore() })
    const feed = router.watch(everything)
    expect(await first(feed)).toEqual([])
    router.mount('v/', (await fresh()).view)
    expect(await first(feed)).toEqual(shown)
  })

  test('in a router in a router, and behind a wrapper', async () => {
    const { view } = await fresh()
    const inner = createRouter({ 'v/': readonly(view) })
    expect(await first(createRouter({ '': inner }).watch(everything))).toEqual(shown)
  })

  test('in a session, and in a group', async () => {
    const one = await fresh()
    expect(await first(createSession(createRouter({ 'v/': one.view })).watch(everything))).toEqual(shown)
    const other = await fresh()
    const [step] = (await group(createRouter({ 'v/': other.view }).watch('v/k0')).take()) ?? []
    expect(step?.replace?.entries).toEqual(shown)
  })

  test('who comes back is not told that nothing changed, before a lower bound', async () => {
    const { raw, view, source } = await fresh()
    const router = createRouter({ 'm/': createMemoryStore(), 'v/': view })
    const { versions } = await router.fetch(everything)
    const feed = router.watch(everything, { since: versions, min: { [source]: 2 } })
    const taken = feed.take()
    await raw.commit?.([put('k0', 5)])
    expect((await taken)?.changes).toEqual([{ key: 'v/k0', value: 5 }])
  })

  test('live shows no list that never was, and mirror empties nothing that was right', async () => {
    const one = await fresh()
    const list = live(createRouter({ 'v/': one.view }), prefix('v/'))
    const seen = new Set<unknown>([list.value])
    list.onChange(() => seen.add(list.value))
    const other = await fresh()
    const sink = new Map<string, unknown>([['v/k0', 4]])
    const kept = mirror(createRouter({ 'v/': other.view }), prefix('v/'), sink)
    const sizes = new Set<number>()
    for (let i = 0; i < 100; i++) {
      sizes.add(sink.size)
      await Promise.resolve()
    }
    await expect.poll(() => list.value).toEqual(shown)
    expect([...seen].filter((value) => value !== undefined)).toEqual([shown])
    await expect.poll(() => Object.keys(kept.versions).length).toBeGreaterThan(0)
    expect([...sizes]).toEqual([1])
    await Promise.all([list.close(), kept.close()])
  })
})
