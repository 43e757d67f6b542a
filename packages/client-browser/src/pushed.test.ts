import type { Change, Update, Versions } from '@fanlight/core'
import { pointWindows } from '@fanlight/core/kit'
import { expect, test } from 'vitest'
import { Pushed } from './pushed.ts'
import type { Unplaced } from './unpack.ts'

const at = (version: number): Versions => ({ s: version })

const update = (changes: readonly Change[], folded = 1): Unplaced => ({
  generation: 0,
  changes,
  versions: {},
  behind: {},
  folded,
})

/** A query of which everything was told up to a version, and is told from there on. */
function told(version: number, stepsMax = 64): Pushed {
  const pushed = new Pushed(0, 'a', stepsMax)
  pushed.restart(at(version))
  pushed.isTold = true
  return pushed
}

/** The server tells what changed, and ends the step. */
function step(pushed: Pushed, version: number, next?: Unplaced, areHeld = false): Update | undefined {
  pushed.next = next
  return pushed.step(at(version), areHeld)
}

test('L7: a step before the server follows it says nothing of it, not even that nothing changed', () => {
  const pushed = new Pushed(0, 'a', 64)
  pushed.restart(at(1))
  expect(step(pushed, 2)).toBeUndefined()
  expect(pushed.told).toEqual(at(1))
  expect(pushed.difference(at(1), at(2))).toBeUndefined()
  pushed.isTold = true
  step(pushed, 3, update([{ key: 'a', value: 3 }]))
  expect(pushed.difference(at(1), at(3))?.changes).toEqual([{ key: 'a', value: 3 }])
})

test('L6: a step in which one commit undid another changes nothing, and still touched it', () => {
  const pushed = told(1)
  expect(step(pushed, 3, update([], 2))).toMatchObject({ changes: [], folded: 2, versions: at(3) })
  expect(pushed.difference(at(1), at(3))).toMatchObject({ changes: [], folded: 2 })
  // A step of which nothing was told is another matter.
  expect(step(pushed, 4)).toBeUndefined()
  expect(pushed.difference(at(3), at(4))).toMatchObject({ changes: [], folded: 0 })
})

test('L4: what was told of a step that is not whole does not count, and is gone with the connection', () => {
  const pushed = told(1)
  pushed.next = update([{ key: 'a', value: 2 }])
  expect(pushed.told).toEqual(at(1))
  expect(pushed.difference(at(1), at(2))).toBeUndefined()
  pushed.interrupt()
  pushed.isTold = true
  expect(step(pushed, 1)).toBeUndefined()
  expect(pushed.told).toEqual(at(1))
})

const put = (version: number): Unplaced => update([{ key: `${version}`, value: version }])

test('L7, L8: so many steps are kept at least, and twice as many at most; where one that is dropped would be needed, nothing is said', () => {
  const pushed = told(0, 3)
  for (let version = 1; version <= 6; version++) step(pushed, version, put(version))
  expect(pushed.difference(at(0), at(6))?.folded).toBe(6)
  step(pushed, 7, put(7))
  expect(pushed.difference(at(0), at(7))).toBeUndefined()
  expect(pushed.difference(at(3), at(7))).toBeUndefined()
  expect(pushed.difference(at(4), at(7))).toMatchObject({ folded: 3, changes: [5, 6, 7].map((value) => ({ value })) })
  expect(pushed.difference(at(4), at(6))?.folded).toBe(2)
})

test('L7, L8: what everyone holds is not kept', () => {
  const pushed = told(0)
  step(pushed, 1, put(1), true)
  step(pushed, 2, put(2))
  expect(pushed.difference(at(0), at(2))?.folded).toBe(2)
  step(pushed, 3, put(3), true)
  expect(pushed.difference(at(1), at(3))).toBeUndefined()
  expect(pushed.difference(at(2), at(3))).toMatchObject({ folded: 1, changes: [{ key: '3', value: 3 }] })
})

test('L6: an update counts up to its own point, which may lie before that of its step', () => {
  const pushed = told(1)
  pushed.next = update([{ key: 'a', value: 2 }])
  pushed.nextAt = at(2)
  expect(pushed.step(at(4), false)?.versions).toEqual(at(2))
  expect(pushed.told).toEqual(at(4))
  expect(pushed.difference(at(1), at(2))?.folded).toBe(1)
  expect(pushed.difference(at(2), at(4))?.folded).toBe(0)
})

test('L5: an update beyond the point of its step counts when a step comes there, with all that came meanwhile', () => {
  const pushed = told(1)
  pushed.push(put(5), at(5))
  expect(pushed.step(at(3), false)).toBeUndefined()
  expect(pushed.next).toBeDefined()
  expect(pushed.told).toEqual(at(1))
  expect(pushed.difference(at(1), at(3))).toBeUndefined()
  pushed.push(put(6), at(6))
  expect(pushed.step(at(5), false)).toBeUndefined()
  expect(pushed.step(at(6), false)).toMatchObject({ versions: at(6), changes: [{ value: 5 }, { value: 6 }] })
  expect(pushed.difference(at(1), at(6))).toMatchObject({ changes: [{ value: 5 }, { value: 6 }] })
})

test('L1: the first answer is that at the point of its step, and at no other', () => {
  const pushed = new Pushed(0, 'a', 64)
  pushed.isTold = true
  const entries = [{ key: 'a', value: 1 }]
  step(pushed, 1, { ...update([]), replace: { ranges: [{}], entries } })
  expect(pushed.answerAt(at(1))).toEqual({ entries, windows: pointWindows(at(1)), more: [] })
  expect(pushed.answerAt(at(2))).toBeUndefined()
  step(pushed, 2)
  expect(pushed.answerAt(at(1))).toBeUndefined()
})

test('L6: what replaces some of the keys only is no whole answer', () => {
  const pushed = new Pushed(0, {}, 64)
  pushed.isTold = true
  step(pushed, 1, { ...update([]), replace: { ranges: [{}], entries: [{ key: 'a', value: 1 }] } })
  const replace = { ranges: [{ gte: 'b', lt: 'c' }], entries: [] }
  step(pushed, 2, { ...update([]), replace })
  expect(pushed.answerAt(at(2))).toBeUndefined()
  expect(pushed.difference(at(1), at(2))).toMatchObject({ replace })
})

test('L6: a point inside a step that folds several is not known, also where one undid what another did', () => {
  const pushed = told(1)
  step(pushed, 3, update([], 2))
  expect(pushed.difference(at(1), at(2))).toBeUndefined()
})
