import { expect, test } from 'vitest'
import { del, get, put } from './put.ts'
import type { Snapshot } from './store.ts'

test('put and del make changes', () => {
  expect(put('users/ann', { name: 'Ann' })).toStrictEqual({ key: 'users/ann', value: { name: 'Ann' } })
  expect(put('', undefined)).toStrictEqual({ key: '', value: undefined })
  expect(del('users/ann')).toStrictEqual({ key: 'users/ann', gone: true })
})

test('get fetches one key, with the options that it was given', async () => {
  const asked: unknown[] = []
  const answer = (entries: Snapshot<never>['entries']): Snapshot<never> => ({
    entries,
    windows: {},
    versions: {},
    more: [],
    behind: {},
  })
  const store = {
    fetch(query: unknown, options: unknown) {
      asked.push([query, options])
      return Promise.resolve(answer(query === 'a' ? [{ key: 'a', value: 1 as never }] : []))
    },
  }
  expect(await get(store, 'a', { min: { 's@1': 1 } })).toBe(1)
  expect(await get(store, 'b')).toBeUndefined()
  expect(asked).toEqual([
    ['a', { min: { 's@1': 1 } }],
    ['b', undefined],
  ])
})
