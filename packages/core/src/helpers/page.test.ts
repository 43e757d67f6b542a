import { createMemoryStore, del, everything, page, put } from '@fanlight/core'
import { lagging, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'

type Shown = ReturnType<typeof page>

const keysOf = (shown: Shown): string => (shown.entries ?? []).map(({ key }) => key).join('')

async function storeOf(keys: string): Promise<ReturnType<typeof createMemoryStore>> {
  const store = createMemoryStore()
  await store.commit([...keys].map((key) => put(key, key)))
  return store
}

test('it shows the first page at once, and says whether more follow', async () => {
  const shown = page(await storeOf('abcde'), everything, 2)
  expect(keysOf(shown)).toBe('ab')
  expect(shown.more).toEqual({ before: false, after: true })
  await shown.close()
})

test('it turns on and back, without gaps and doubles', async () => {
  const shown = page(await storeOf('abcde'), everything, 2)
  await shown.next()
  expect([keysOf(shown), shown.more]).toEqual(['cd', { before: true, after: true }])
  await shown.next()
  expect([keysOf(shown), shown.more]).toEqual(['e', { before: true, after: false }])
  await shown.next()
  expect(keysOf(shown)).toBe('e')
  await shown.previous()
  expect(keysOf(shown)).toBe('cd')
  await shown.previous()
  await shown.previous()
  expect([keysOf(shown), shown.more]).toEqual(['ab', { before: false, after: true }])
  await Promise.all([shown.next(), shown.next()])
  expect(keysOf(shown)).toBe('e')
  await shown.first()
  expect(keysOf(shown)).toBe('ab')
})

test('a page before which less than a page lies turns back to the first page', async () => {
  const store = await storeOf('bcde')
  const shown = page(store, everything, 2)
  await shown.next()
  await store.commit([del('b')])
  await shown.previous()
  expect([keysOf(shown), shown.more]).toEqual(['cd', { before: false, after: true }])
})

test('entries that come before the page do not shift it', async () => {
  const store = await storeOf('bcde')
  const shown = page(store, everything, 2)
  await shown.next()
  await store.commit([put('a', 1), put('aa', 1), put('bb', 1)])
  expect([keysOf(shown), shown.more.before]).toEqual(['de', true])
  await store.commit([put('cc', 1)])
  expect(keysOf(shown)).toBe('ccde')
  await shown.previous()
  expect(keysOf(shown)).toBe('bbc')
})

test('entries that come between the ends make it longer, up to twice its size; then it is cut', async () => {
  const store = await storeOf('aef')
  const shown = page(store, everything, 2)
  expect(keysOf(shown)).toBe('ae')
  await store.commit([put('b', 1)])
  await store.commit([put('c', 1)])
  expect(keysOf(shown)).toBe('abce')
  await store.commit([put('d', 1)])
  expect([keysOf(shown), shown.more]).toEqual(['ab', { before: false, after: true }])
  await shown.next()
  expect(keysOf(shown)).toBe('cd')
})

test('after deletes it refills from what follows', async () => {
  const store = await storeOf('abcdef')
  const shown = page(store, everything, 2)
  await shown.next()
  await store.commit([del('c')])
  expect(keysOf(shown)).toBe('de')
  await store.commit([del('d'), del('e'), del('f')])
  expect([keysOf(shown), shown.more]).toEqual(['', { before: true, after: false }])
  await store.commit([put('c', 1)])
  expect(keysOf(shown)).toBe('c')
  await shown.previous()
  expect(keysOf(shown)).toBe('ab')
})

test('the last page grows to its size as entries are appended', async () => {
  const store = await storeOf('a')
  const shown = page(store, everything, 2)
  await store.commit([put('b', 1)])
  await store.commit([put('c', 1)])
  expect([keysOf(shown), shown.more.after]).toEqual(['ab', true])
})

test('a reversed range is read from its end', async () => {
  const store = await storeOf('abcdefg')
  const shown = page(store, { gt: 'a', lte: 'f', reverse: true }, 2)
  expect(keysOf(shown)).toBe('fe')
  await shown.next()
  expect([keysOf(shown), shown.more]).toEqual(['dc', { before: true, after: true }])
  await store.commit([put('ff', 1), put('cc', 1)])
  expect(keysOf(shown)).toBe('dccc')
  await shown.next()
  expect([keysOf(shown), shown.more]).toEqual(['b', { before: true, after: false }])
  await shown.previous()
  expect(keysOf(shown)).toBe('ccc')
  await shown.previous()
  expect(keysOf(shown)).toBe('ed')
  await shown.previous()
  expect(keysOf(shown)).toBe('fe')
})

test('what did not change is the same object, and onChange tells only of changes', async () => {
  const store = await storeOf('abcdefgh')
  const shown = page(store, everything, 2)
  await turns()
  let told = 0
  shown.onChange(() => told++)
  const { entries, more } = shown
  await store.commit([put('b', 'b'), put('d', 1)])
  expect(shown.entries).toBe(entries)
  expect(shown.more).toBe(more)
  expect(told).toBe(0)
  expect(shown.versions).toEqual(store.reached)
  await store.commit([put('b', 'B')])
  expect(shown.entries).not.toBe(entries)
  expect(shown.entries?.[0]).toBe(entries?.[0])
  expect(told).toBe(1)
  expect(Object.isFrozen(shown.entries)).toBe(true)
})

test('where the store takes its time, the page stays until the next one is there', async () => {
  const store = lagging(await storeOf('abc'))
  const shown = page(store, everything, 2)
  expect(shown.entries).toBeUndefined()
  const next = shown.next()
  await next
  expect(keysOf(shown)).toBe('c')
  const turning = shown.previous()
  expect(keysOf(shown)).toBe('c')
  await turning
  expect(keysOf(shown)).toBe('ab')
  await store.close()
})

test('closing ends it: what it shows stays, turns fail', async () => {
  const store = await storeOf('abc')
  const shown = page(store, everything, 2)
  let told = 0
  shown.onChange(() => told++)
  const turning = shown.next().catch((error: unknown) => error)
  await shown.close()
  await expect(shown.next()).rejects.toMatchObject({ code: 'CLOSED' })
  expect(await turning).toMatchObject({ code: 'CLOSED' })
  expect([keysOf(shown), told]).toEqual(['ab', 1])
  const other = page(store, everything, 2)
  await store.close()
  expect(other.error).toMatchObject({ code: 'CLOSED', store: 'memory' })
  await expect(other.next()).rejects.toBe(other.error)
})

test('only single ranges without a limit, and sizes from 1 up', async () => {
  const store = createMemoryStore()
  const bad = expect.objectContaining({ code: 'BAD_QUERY' })
  expect(() => page(store, 'a' as never, 2)).toThrow(bad)
  expect(() => page(store, [{}] as never, 2)).toThrow(bad)
  expect(() => page(store, { limit: 2 }, 2)).toThrow(bad)
  for (const size of [0, -1, 1.5, Infinity, NaN]) expect(() => page(store, everything, size)).toThrow(bad)
})
