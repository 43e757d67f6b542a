import { type MemoryStore, createMemoryStore, everything, get, isFanlightError, prefixed, put } from '@fanlight/core'
import { anyQuery, answer, storeConformance } from '@fanlight/core/conformance'
import { turns } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

const inner = new WeakMap<object, MemoryStore>()

for (const prefix of ['p/', '\u{10ffff}']) {
  storeConformance(`prefixed(memory, ${JSON.stringify(prefix)})`, {
    create: (seams) => {
      const store = createMemoryStore(seams)
      const shown = prefixed(store, prefix)
      inner.set(shown, store)
      return shown
    },
    teardown: (shown) => inner.get(shown)?.close(),
    runs: 20,
  })
}

const prefixes = ['', 'p/', 'a', 'a\0', '\ud7ff', '😀', '\u{10ffff}', '__proto__']
const keys = ['', 'a', 'a/b', 'b', '\0', '__proto__', '\ud7ff', '\ue000', '\uffff', '😀', '\u{10ffff}']

test('L1: it answers what lies under the prefix, whatever lies around it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...prefixes),
      fc.uniqueArray(fc.constantFrom(...keys, ...prefixes.flatMap((one) => keys.map((key) => one + key))), {
        maxLength: 20,
      }),
      anyQuery(keys),
      async (prefix, all, query) => {
        const store = createMemoryStore()
        await store.commit(all.map((key) => put(key, key)))
        const shown = prefixed(store, prefix)
        const state = new Map(all.filter((key) => key.startsWith(prefix)).map((key) => [key.slice(prefix.length), key]))
        const { entries, more } = await shown.fetch(query)
        expect(entries.map(({ key, value }) => [key, value])).toEqual(
          answer(query, state).map(({ key, value }) => [key, value]),
        )
        const feed = shown.watch(query)
        const update = await feed.take()
        expect(update?.replace?.entries).toEqual(entries)
        expect(more).toHaveLength(Array.isArray(query) ? query.length : 1)
        for (const { range } of more)
          expect((await shown.fetch({ ...range, limit: undefined })).entries.length).toBeLessThanOrEqual(state.size)
      },
    ),
    { numRuns: 500 },
  )
})

test('section 8: the keys of errors are those of the asker', async () => {
  const store = createMemoryStore<{ 'users/': number }>()
  const users = prefixed(store, 'users/')
  const basis = await users.commit([put('ann', 1)])
  await users.commit([put('ann', 2), put('bob', 2)])
  const error: unknown = await users
    .commit([put('ann', 3)], { basis, guard: ['bob', { gte: 'c' }] })
    .catch((e: unknown) => e)
  expect(error).toMatchObject({ code: 'CONFLICT', applied: 'no' })
  expect(isFanlightError(error) && [...(error.keys ?? [])].sort()).toEqual(['ann', 'bob'])
  expect((error as Error).message).toMatch(/"ann"/)
  expect((error as Error).message).not.toMatch(/users/)
  await expect(users.commit([put('zoe', 1)], { basis, guard: { gt: 'bob' } })).resolves.toBeDefined()
  await expect(users.commit([put('ann', 1), put('ann', 2)])).rejects.toMatchObject({ code: 'BAD_KEY', keys: ['ann'] })
  await expect(users.commit([put('\ud800', 1)])).rejects.toMatchObject({ code: 'BAD_KEY', applied: 'no' })
  await expect(users.commit('ann' as never)).rejects.toMatchObject({ code: 'BAD_QUERY', applied: 'no' })
})

test('section 4: an update says which query it answers as it was asked', async () => {
  const shown = prefixed(createMemoryStore(), 'p/')
  const feed = shown.watch({ lt: 'c' })
  await feed.take()
  expect(feed.setQuery(['x', { gt: 'y' }])).toBe(1)
  const update = await feed.take()
  expect(update?.query).toEqual(['x', { gt: 'y' }])
  expect(update?.generation).toBe(1)
  expect(() => feed.setQuery({ limit: -1 })).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
  expect(feed.setQuery(everything)).toBe(2)
  expect((await feed.take())?.query).toEqual(everything)
})

test('several share one store; closing one leaves it, and the others, open', async () => {
  const store = createMemoryStore()
  const [a, b] = [prefixed(store, 'a/'), prefixed(store, 'b/')]
  await a.commit([put('x', 1)])
  await b.commit([put('x', 2)])
  await a.close()
  await expect(a.commit([])).rejects.toMatchObject({ code: 'CLOSED', applied: 'no' })
  expect([await get(store, 'a/x'), await get(b, 'x')]).toEqual([1, 2])
})

test('L8: a feed that ended is not kept by its store or its wrapper', async () => {
  const store = createMemoryStore({ limits: { feeds: 1 } })
  const shown = prefixed(store, 'p/')
  for (let i = 0; i < 3; i++) await shown.watch(everything).close()
  const aborting = new AbortController()
  shown.watch(everything, { signal: aborting.signal })
  aborting.abort()
  await turns()
  await shown.watch(everything).take()
})

test('a prefix is a key', () => {
  expect(() => prefixed(createMemoryStore(), '\ud800')).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
})
