import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareKeys, compareUnits, cutKey, isAstralKey } from './order.ts'

/** Units from both sides of every border between UTF-16 and UTF-8. */
const unit = fc.constantFrom('\0', 'a', '\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\uf900', '\uffff')
const point = fc.constantFrom('\u{10000}', '\u{1f600}', '\u{50000}', '\u{10ffff}')
const anyKey = fc.oneof(
  fc.string({ unit: fc.oneof(unit, point), maxLength: 5 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
)

test('compareKeys orders as the UTF-8 bytes do (L0)', () => {
  fc.assert(
    fc.property(anyKey, anyKey, anyKey, (start, a, b) => {
      for (const [x, y] of [
        [a, b],
        [start + a, start + b],
        [start, start + a],
      ] as const) {
        const bytes = Buffer.compare(Buffer.from(x), Buffer.from(y))
        expect(Math.sign(compareKeys(x, y))).toBe(bytes)
        expect(Math.sign(compareKeys(y, x))).toBe(0 - bytes)
      }
    }),
    { numRuns: 2000 },
  )
})

test('where one of two keys has no astral unit, plain < is the same order', () => {
  fc.assert(
    fc.property(anyKey, anyKey, (a, b) => {
      fc.pre(!isAstralKey(a) || !isAstralKey(b))
      expect(compareKeys(a, b)).toBe(compareUnits(a, b))
      expect(compareUnits(a, b)).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
  )
})

test('cutKey gives what is behind a prefix', () => {
  const rest = fc.oneof(anyKey, fc.string({ unit: 'binary', minLength: 13 }))
  fc.assert(
    fc.property(anyKey, rest, (start, end) => {
      expect(cutKey(start + end, start.length)).toBe(end)
    }),
  )
})
