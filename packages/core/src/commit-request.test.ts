import { describe, expect, test } from 'vitest'
import { del, put } from './put.ts'
import { createMemoryStore } from './memory/memory-store.ts'
import type { Change } from './store.ts'

describe('a commit that is refused names the culprit', () => {
  test.each([
    ['a value, by its key and the place in it', put('b', { when: new Date(0) }), '"b" at .when: a Date is no value'],
    ['a value itself, by its key', put('b', 5n), '"b": '],
    ['a long key, by its beginning', put('b'.repeat(300), NaN), `"${'b'.repeat(100)}…": NaN is no value`],
  ])('%s', async (_, change, message) => {
    const error: unknown = await createMemoryStore()
      .commit([put('a', 1), change])
      .catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'BAD_VALUE', applied: 'no', keys: [change.key] })
    expect((error as Error).message).toContain(message)
  })

  test.each([
    ['is no string', put(5 as never, 1), 'a key must be a string, not number'],
    ['is half of a surrogate pair', del('\ud800'), 'half of a surrogate pair'],
    ['is not there', {} as Change, 'a key must be a string, not undefined'],
  ])('a key that %s, by its place', async (_, change, message) => {
    const error: unknown = await createMemoryStore()
      .commit([put('a', 1), change])
      .catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'BAD_KEY', applied: 'no' })
    expect((error as Error).message).toContain('change 1 of the commit, counted from 0: ')
    expect((error as Error).message).toContain(message)
  })
})
