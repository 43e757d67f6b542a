import { type Query, createMemoryStore, del, everything, prefix, put } from '@fanlight/core'
import { describe, expect, test } from 'vitest'
import { createView, sameKeys } from './index.ts'

/** A memory store that notes what it is asked. */
function noting(): { readonly raw: ReturnType<typeof createMemoryStore>; readonly asked: Query[] } {
  const raw = createMemoryStore({ name: 'raw' })
  const asked: Query[] = []
  const atHand = raw['~atHand' as never] as (query: Query, options: unknown) => unknown
  const noted = (query: Query, options: unknown): unknown => {
    asked.push(query)
    return atHand.call(raw, query, options)
  }
  return { raw: Object.assign(raw, { '~atHand': noted }), asked }
}

describe('a view that passes questions through', () => {
  test('reads what it needs, and nothing before it is asked', async () => {
    const { raw, asked } = noting()
    await raw.commit([put('a/1', 1), put('b/1', 2), put('b/2', 3)])
    const view = createView(raw, { map: (entry) => entry, mode: 'passthrough', reads: sameKeys, query: prefix('b/') })
    await view.fetch([], { min: raw.reached })
    asked.length = 0
    expect((await view.fetch(prefix('b/'))).entries).toEqual([
      { key: 'b/1', value: 2 },
      { key: 'b/2', value: 3 },
    ])
    expect((await view.fetch([{ lt: 'b/2' }, 'c'])).entries).toEqual([{ key: 'b/1', value: 2 }])
    expect(asked).toEqual([[{ gte: 'b/', lt: 'b0' }], [{ gte: 'b/', lt: 'b/2' }]])
  })

  test('L1: its windows are those of what was read, absences included', async () => {
    const { raw } = noting()
    const [source = ''] = raw.sources
    const view = createView(raw, { map: ({ value }) => ({ key: 'x', value }), mode: 'passthrough' })
    await raw.commit([put('a', 1)])
    await raw.commit([put('a', 1), put('b', 2)])
    await raw.commit([del('b')])
    const { entries, windows } = await view.fetch('y', { min: raw.reached })
    expect(entries).toEqual([])
    expect(windows[source]).toEqual({ from: 3, to: 3 })
  })

  test('answers in the past, as long as its upstream does', async () => {
    const { raw } = noting()
    const view = createView(raw, { map: (entry) => entry, mode: 'passthrough', reads: sameKeys })
    const max = await raw.commit([put('a', 1)])
    await raw.commit([put('a', 2)])
    await view.fetch([], { min: raw.reached })
    expect((await view.fetch('a', { max })).entries).toEqual([{ key: 'a', value: 1 }])
    expect(view.oldest).toMatchObject(raw.oldest)
  })

  test('L0: where the function throws, what would need it fails, and nothing else', async () => {
    const { raw } = noting()
    const map = ({ key, value }: { key: string; value: unknown }): { key: string; value: unknown } => {
      if (value === 'bad') throw new RangeError('bad')
      return { key, value }
    }
    const stops = createView(raw, { map, mode: 'passthrough', reads: sameKeys })
    const skips = createView(raw, { map, mode: 'passthrough', reads: sameKeys, onThrow: 'skip' })
    const min = await raw.commit([put('a', 'bad'), put('b', 1)])
    await expect(stops.fetch(everything, { min })).rejects.toMatchObject({ code: 'UNAVAILABLE', keys: ['a'] })
    expect((await stops.fetch('b', { min })).entries).toEqual([{ key: 'b', value: 1 }])
    expect((await skips.fetch(everything, { min })).entries).toEqual([{ key: 'b', value: 1 }])
  })

  test.each([
    ['a store to keep it in', { map: sameKeys, mode: 'passthrough', into: createMemoryStore(), definition: 'd' }],
    ['a delay', { map: sameKeys, mode: 'passthrough', delayMs: 1 }],
    ['a history', { map: sameKeys, mode: 'passthrough', history: 'lease' }],
    ['a size of its cache', { map: sameKeys, mode: 'passthrough', cacheBytes: 1 }],
    ['a store to keep answers in', { map: sameKeys, mode: 'lazy', into: createMemoryStore(), definition: 'd' }],
    ['a cache of an active view', { map: sameKeys, cacheBytes: 1 }],
    ['a cache of less than nothing', { map: sameKeys, mode: 'lazy', cacheBytes: -1 }],
    ['`reads` without the mode', { map: sameKeys, reads: sameKeys }],
    ['another mode', { map: sameKeys, mode: 'eager' }],
  ])('refuses %s', (_what, options) => {
    expect(() => createView(createMemoryStore(), options as never)).toThrow(
      expect.objectContaining({ code: 'BAD_QUERY' }),
    )
  })
})
