import { type StandardSchema, createMemoryStore, get, put, readonly, validated } from '@fanlight/core'
import { storeConformance } from '@fanlight/core/conformance'
import { expect, test } from 'vitest'

function schemaOf<Output>(
  validate: StandardSchema<unknown, Output>['~standard']['validate'],
): StandardSchema<unknown, Output> {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

const anything = schemaOf((value) => ({ value }))
const number = schemaOf((value) =>
  typeof value === 'number' ? { value } : { issues: [{ message: 'no number', path: ['a', { key: 0 }] }] },
)
const upper = schemaOf(async (value) => ({ value: String(value).toUpperCase() }))
const broken = schemaOf(() => {
  throw new Error('broken')
})

storeConformance('validated(memory)', { create: (seams) => validated(createMemoryStore(seams), anything), runs: 20 })

test('what a schema makes of a value is what is stored', async () => {
  const store = createMemoryStore()
  await validated(store, upper).commit([put('a', 'x')])
  expect(await get(store, 'a')).toBe('X')
})

test('L4: where one value does not fit, nothing of the commit is done', async () => {
  const store = createMemoryStore()
  const error: unknown = await validated(store, number)
    .commit([put('a', 1), put('b', 'x' as never)])
    .catch((e: unknown) => e)
  expect(error).toMatchObject({ code: 'BAD_VALUE', applied: 'no', keys: ['b'], cause: [{ message: 'no number' }] })
  expect((error as Error).message).toContain('"b" does not fit its schema: at a.0: no number')
  expect((await store.fetch({})).entries).toEqual([])
})

test('the longest prefix counts; keys under none are taken as they are', async () => {
  const store = createMemoryStore()
  const checked = validated(store, { 'n/': number, 'n/text/': upper, ['__proto__']: number })
  await checked.commit([put('n/1', 1), put('n/text/1', 'x'), put('other', { any: true })])
  expect(await get(store, 'n/text/1')).toBe('X')
  await expect(checked.commit([put('__proto__', 'x' as never)])).rejects.toMatchObject({ code: 'BAD_VALUE' })
  await expect(checked.commit([put('n/2', 'x' as never)])).rejects.toMatchObject({ code: 'BAD_VALUE' })
  await checked.commit([{ key: 'n/1', gone: true }])
  expect(await get(store, 'n/1')).toBeUndefined()
})

test('a schema that throws refuses the value, also beside one that waits', async () => {
  const store = validated(createMemoryStore(), {
    a: upper,
    b: broken,
    c: schemaOf(async () => Promise.reject(new Error('later'))),
  })
  await expect(store.commit([put('a', 'x'), put('c', 1), put('b', 1)])).rejects.toMatchObject({
    code: 'BAD_VALUE',
    keys: ['b'],
  })
  await expect(store.commit([put('c', 1)])).rejects.toMatchObject({ code: 'BAD_VALUE', keys: ['c'] })
})

test('commits whose schemas do not wait stay in order', async () => {
  const store = validated(createMemoryStore(), number)
  const all = await Promise.all([1, 2, 3].map(async (n) => store.commit([put('a', n)])))
  expect(all.map((versions) => Object.values(versions ?? {}))).toEqual([[1], [2], [3]])
})

test('a store that takes no commits stays one', () => {
  expect(validated(readonly(createMemoryStore()), number)).toHaveProperty('commit', undefined)
})
