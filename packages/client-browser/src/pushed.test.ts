import { expect, test } from 'vitest'
import { Pushed } from './pushed.ts'

const entries = (...keys: readonly string[]): { key: string; value: number }[] => keys.map((key) => ({ key, value: 1 }))

/** A query that is followed, and the step that told its whole answer. */
function begun(): Pushed {
  const pushed = new Pushed(1, {}, 64)
  pushed.isTold = true
  pushed.next = {
    generation: 0,
    replace: { ranges: [{}], entries: entries('a', 'b') },
    changes: [],
    behind: {},
    folded: 1,
  }
  pushed.step({ 's@1': 1 })
  return pushed
}

test('L6: the whole answer is at hand at its point alone', () => {
  const pushed = begun()
  expect(pushed.answerAt({ 's@1': 1 })).toMatchObject({ entries: entries('a', 'b') })
  expect(pushed.answerAt({ 's@1': 2 })).toBeUndefined()
  pushed.step({ 's@1': 2 })
  expect(pushed.answerAt({ 's@1': 1 })).toBeUndefined()
})

test('L6: what replaces some of the keys only is no whole answer', () => {
  const pushed = begun()
  const replace = { ranges: [{ gte: 'b', lt: 'c' }], entries: [] }
  pushed.next = { generation: 0, replace, changes: [], behind: {}, folded: 1 }
  pushed.step({ 's@1': 2 })
  expect(pushed.answerAt({ 's@1': 2 })).toBeUndefined()
  expect(pushed.difference({ 's@1': 1 }, { 's@1': 2 })).toMatchObject({ replace })
})

test('L6: a point inside a step that folds several is not known, also where one undid what another did', () => {
  const pushed = begun()
  pushed.next = { generation: 0, changes: [], behind: {}, folded: 2 }
  pushed.step({ 's@1': 3 })
  expect(pushed.difference({ 's@1': 1 }, { 's@1': 3 })).toMatchObject({ changes: [] })
  expect(pushed.difference({ 's@1': 1 }, { 's@1': 2 })).toBeUndefined()
  expect(pushed.difference({ 's@1': 0 }, { 's@1': 3 })).toBeUndefined()
})
