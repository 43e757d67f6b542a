import { createMemoryStore, del, type Entry, everything, put, type Store } from '@fanlight/core'
import { anyQuery, answer } from '@fanlight/core/conformance'
import { readQuery } from '@fanlight/core/kit'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assemble } from './assemble.ts'
import { createRouter } from './index.ts'
import { readMount } from './mount.ts'
import { planOf } from './plan.ts'
import { Table } from './table.ts'

const prefixes = ['', 'a/', 'a/b/', 'a/b/c/', 'a0/', 'b/', '😀/'] as const
const rests = ['', 'a', 'b/', 'b/x', '0', '\uffff', '😀', 'c/d'] as const
const keys = [...new Set(prefixes.flatMap((prefix) => rests.map((rest) => prefix + rest)))]

/** Which of four stores stands at which prefix: some stand at several. */
const places = fc.uniqueArray(fc.tuple(fc.constantFrom(...prefixes), fc.nat({ max: 3 })), {
  selector: ([prefix]) => prefix,
})

/** Stands nowhere. */
const other = createMemoryStore()

/** What each store holds, in its own keys. */
const contents = fc.array(fc.uniqueArray(fc.constantFrom(...keys), { maxLength: 12 }), { minLength: 4, maxLength: 4 })

describe('a query split by mount', () => {
  test('what the stores answer, put together, is the answer of one store that holds everything', async () => {
    const query = anyQuery(keys)
    await fc.assert(
      fc.asyncProperty(places, contents, fc.array(query, { minLength: 1, maxLength: 5 }), async (at, held, queries) => {
        const stores = await Promise.all(held.map(storeOf))
        const mounts = at.map(([prefix, i]) => readMount(prefix, stores[i] ?? other, 0))
        const table = new Table(0, mounts, 0)
        const state = new Map<string, unknown>()
        for (const { prefix, store } of mounts) {
          for (const { key, value } of (await store.fetch(everything)).entries) {
            if (table.find(prefix + key)?.prefix === prefix) state.set(prefix + key, value)
          }
        }
        for (const one of queries) {
          const plan = planOf(table, readQuery(one))
          const answers = await Promise.all(
            plan.parts.map(async (part) => ({ part, ...(await part.store.fetch(part.query)) })),
          )
          const { entries, more } = assemble(plan, answers)
          expect(plain(entries)).toEqual(answer(one, state))
          expect(more.length).toBe(readQuery(one).list.length)
        }
      }),
    )
  })

  test('each store is asked once, in as few ranges as it takes', () => {
    const [inner, outer] = [createMemoryStore() as Store, createMemoryStore() as Store]
    const shadows = Array.from({ length: 1_000 }, (_, i) => readMount(`${i}/`, inner, 0))
    const plan = planOf(new Table(0, [readMount('', outer, 0), ...shadows], 0), readQuery(everything))
    expect(plan.parts.length).toBe(2)
    for (const { query } of plan.parts) expect(Array.isArray(query) ? query.length : 1).toBeLessThanOrEqual(64)
  })

  test('with more shadows than a store takes ranges, nothing of them shows', async () => {
    const outer = createMemoryStore()
    await outer.commit(Array.from({ length: 200 }, (_, i) => put(`${i}/hidden`, i)))
    await outer.commit([put('10/', 1), put('seen', 2), put('15', 3)])
    const inner = createMemoryStore()
    await inner.commit([put('x', 'x')])
    const shadows = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${i}/`, inner]))
    const router = createRouter({ '': outer, ...shadows })
    const all = await router.fetch(everything)
    expect(all.entries.length).toBe(202)
    expect(all.entries.filter(({ key }) => !key.endsWith('/x')).map(({ key }) => key)).toEqual(['15', 'seen'])
    const limited = await router.fetch({ reverse: true, limit: 2 })
    expect(limited.entries.map(({ key }) => key)).toEqual(['seen', '99/x'])
    expect(limited.more[0]?.more).toBe(true)
    const feed = router.watch({ gte: '2', limit: 3 })
    await feed.take()
    await outer.commit([put('2/hidden', 'changed'), put('2', 'new')])
    expect((await feed.take())?.changes.map(({ key }) => key)).toEqual(['2', '21/x'])
    await inner.commit([del('x')])
    expect((await router.fetch(everything)).entries.map(({ key }) => key)).toEqual(['15', '2', 'seen'])
    await router.close()
  })
})

async function storeOf(held: readonly string[], i: number): Promise<Store> {
  const store = createMemoryStore()
  await store.commit(held.map((key) => put(key, `${i}:${key}`)))
  return store
}

function plain(entries: readonly Entry[]): Entry[] {
  return entries.map(({ key, value }) => ({ key, value }))
}
