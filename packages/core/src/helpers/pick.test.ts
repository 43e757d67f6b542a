import { type Range, createMemoryStore, del, everything, pick, prefix, put } from '@fanlight/core'
import { anyQuery, anyValue } from '@fanlight/core/conformance'
import { readQuery } from '@fanlight/core/kit'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

async function storeOf(keys: string): Promise<ReturnType<typeof createMemoryStore>> {
  const store = createMemoryStore()
  await store.commit([...keys].map((key) => put(key, key)))
  return store
}

/** The keys of a range, however it is written. */
function spanOf({ gt, gte, lt, lte }: Range): object {
  const { lo, hi } = readQuery({ gt, gte, lt, lte }).list[0] ?? {}
  return { lo, hi }
}

const bad = expect.objectContaining({ code: 'BAD_QUERY' })

test('a narrower range has its part, with the windows of the whole', async () => {
  const store = await storeOf('abc')
  await store.commit([del('zzz')])
  const whole = await store.fetch(everything)
  const part = pick(whole, { gt: 'a', lt: 'c' })
  expect(part.entries).toEqual([whole.entries[1]])
  expect(part.entries[0]).toBe(whole.entries[1])
  expect(part.windows).toBe(whole.windows)
  expect(part.more).toEqual([{ more: false, range: { gte: 'a\0', lt: 'c' } }])
  expect(pick(whole, 'x').entries).toEqual([])
})

test('limits and directions are those of the narrower query', async () => {
  const whole = await (await storeOf('abcd')).fetch({ reverse: true })
  expect(pick(whole, { limit: 2 })).toMatchObject({
    entries: [{ key: 'a' }, { key: 'b' }],
    more: [{ more: true, range: { lte: 'b' } }],
  })
  expect(pick(whole, { lt: 'd', reverse: true, limit: 1 })).toMatchObject({
    entries: [{ key: 'c' }],
    more: [{ more: true, range: { lt: 'd', gte: 'c' } }],
  })
  expect(pick(whole, { limit: 4 }).more).toEqual([{ more: false, range: { limit: 4 } }])
  expect(pick(whole, { limit: 0 }).more[0]?.more).toBe(true)
})

test('what was not scanned is refused', async () => {
  const store = await storeOf('abcdef')
  const some = await store.fetch([
    { gte: 'b', lt: 'd' },
    { gte: 'd', limit: 1 },
  ])
  expect(pick(some, { gte: 'b', lte: 'd' }).entries).toHaveLength(3)
  expect(pick(some, { gte: 'c', limit: 1 }).entries).toHaveLength(1)
  for (const query of [everything, 'a', 'e', { gte: 'c' }, { gte: 'c', limit: 2 }, prefix('e')]) {
    expect(() => pick(some, query)).toThrow(bad)
  }
  expect(() => pick(some, { gt: 'a', gte: 'a' })).toThrow(bad)
  expect(pick(some, [])).toMatchObject({ entries: [], more: [] })
  expect(pick(some, { gte: 'x', lt: 'a' }).entries).toEqual([])
})

test('L1: what is picked is what would be fetched, or it is refused', async () => {
  const keys = ['', 'a', 'a/b', 'b', 'c', '__proto__', '\uffff', '😀']
  let picked = 0
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), anyValue()), { selector: ([key]) => key }),
      anyQuery(keys),
      anyQuery([...keys, 'bb']),
      async (entries, wide, narrow) => {
        const store = createMemoryStore()
        await store.commit(entries.map(([key, value]) => put(key, value)))
        const snapshot = await store.fetch(wide)
        const expected = await store.fetch(narrow)
        try {
          const found = pick(snapshot, narrow)
          expect(found.entries).toEqual(expected.entries)
          expect(found.more.map(({ more }) => more)).toEqual(expected.more.map(({ more }) => more))
          found.more.forEach(({ range }, i) => expect(spanOf(range)).toEqual(spanOf(expected.more[i]?.range ?? {})))
          picked++
        } catch (error) {
          expect(error).toEqual(bad)
          // Of a query whose limits cut nothing, all is known.
          expect(snapshot.more.some(({ range }) => JSON.stringify(range) === '{}')).toBe(false)
        }
      },
    ),
    { numRuns: 300 },
  )
  expect(picked).toBeGreaterThan(60)
})
