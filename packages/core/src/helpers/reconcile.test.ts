import { put } from '@fanlight/core'
import { expect, test } from 'vitest'
import { indexFrom, reconcile } from './reconcile.ts'

const list = ['a', 'b', '__proto__'].sort().map((key) => ({ key, value: { of: key } }))

test('L6: an entry with an equal value stays the same object, also in a replacement', () => {
  const held = reconcile([], { replace: { ranges: [{}], entries: list }, changes: [] }, false)
  const entries = list.map(({ key, value }) => ({ key, value: key === 'b' ? { of: 'other' } : { ...value } }))
  const next = reconcile(held, { replace: { ranges: [{}], entries }, changes: [] }, false)
  expect(next).not.toBe(held)
  expect(next[0]).toBe(held[0])
  expect(next[1]).toBe(held[1])
  expect(next[2]).toMatchObject({ key: 'b', value: { of: 'other' } })
})

test('L6: where nothing changed the list is the same array', () => {
  const held = reconcile([], { replace: { ranges: [{}], entries: list }, changes: [] }, false)
  expect(reconcile(held, { changes: [put('b', { of: 'b' }), { key: 'gone before', gone: true }] }, false)).toBe(held)
  expect(reconcile(held, { replace: { ranges: [{}], entries: structuredClone(list) }, changes: [] }, false)).toBe(held)
})

test('the list is frozen, and what it was made of is not', () => {
  const entries = [...list]
  const held = reconcile([], { replace: { ranges: [{}], entries }, changes: [] }, false)
  expect(Object.isFrozen(held)).toBe(true)
  expect(Object.isFrozen(entries)).toBe(false)
  expect(Object.isFrozen(reconcile(held, { changes: [put('c', { of: 'c' })] }, false))).toBe(true)
  expect(Object.isFrozen(reconcile([], { changes: [] }, false))).toBe(true)
})

test('descending lists are searched in their order', () => {
  const down = list.toReversed()
  expect(list.map(({ key }) => indexFrom(list, key, false))).toEqual([0, 1, 2])
  expect(down.map(({ key }) => indexFrom(down, key, true))).toEqual([0, 1, 2])
  expect(indexFrom(down, 'aa', true)).toBe(1)
})
