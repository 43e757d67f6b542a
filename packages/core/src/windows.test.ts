import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Versions, Windows } from './store.ts'
import { intersectWindows, lowerCorner, pointWindows, upperCorner, windowsHave } from './windows.ts'

describe('intersectWindows', () => {
  test('keeps what both allow, of each source (L3)', () => {
    expect(intersectWindows({ 'a@1': { from: 0, to: 5 } }, { 'a@1': { from: 3, to: 9 } })).toEqual({
      'a@1': { from: 3, to: 5 },
    })
    expect(intersectWindows({ 'a@1': { from: 0, to: 5 } }, { 'b@1': { from: 3, to: 9 } })).toEqual({
      'a@1': { from: 0, to: 5 },
      'b@1': { from: 3, to: 9 },
    })
    expect(intersectWindows({}, {})).toEqual({})
  })

  test('tells where they do not meet', () => {
    expect(intersectWindows({ 'a@1': { from: 0, to: 0 } }, { 'a@1': { from: 0, to: 0 } })).toEqual({
      'a@1': { from: 0, to: 0 },
    })
    expect(intersectWindows({ 'a@1': { from: 0, to: 0 } }, { 'a@1': { from: 1, to: 1 } })).toBeUndefined()
  })
})

test('corners and points', () => {
  const windows: Windows = { 'a@1': { from: 0, to: 5 }, 'b@1': { from: 3, to: 3 } }
  expect(lowerCorner(windows)).toEqual({ 'a@1': 0, 'b@1': 3 })
  expect(upperCorner(windows)).toEqual({ 'a@1': 5, 'b@1': 3 })
  expect(pointWindows({ 'a@1': 0 })).toEqual({ 'a@1': { from: 0, to: 0 } })
  expect(windowsHave(windows, { 'a@1': 0, 'b@1': 3 })).toBe(true)
  expect(windowsHave(windows, { 'a@1': 5, 'b@1': 3, 'c@1': 9 })).toBe(true)
  expect(windowsHave(windows, { 'a@1': 6, 'b@1': 3 })).toBe(false)
  expect(windowsHave(windows, { 'a@1': 0, 'b@1': 2 })).toBe(false)
  expect(windowsHave(windows, { 'a@1': 0 })).toBe(false)
  expect(windowsHave({}, {})).toBe(true)
})

const window = fc
  .tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 }))
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))
const windows: fc.Arbitrary<Windows> = fc.dictionary(fc.constantFrom('a@1', 'b@1', 'c@1'), window, {
  noNullPrototype: true,
})
const point: fc.Arbitrary<Versions> = fc.record({
  'a@1': fc.nat({ max: 4 }),
  'b@1': fc.nat({ max: 4 }),
  'c@1': fc.nat({ max: 4 }),
})

test('a point lies in the intersection where it lies in both (L1, L3)', () => {
  fc.assert(
    fc.property(windows, windows, point, (a, b, at) => {
      const both = intersectWindows(a, b)
      expect(both !== undefined && windowsHave(both, at)).toBe(windowsHave(a, at) && windowsHave(b, at))
      if (both !== undefined)
        expect(windowsHave(both, upperCorner(both)) && windowsHave(both, lowerCorner(both))).toBe(true)
    }),
    { numRuns: 1000 },
  )
})
