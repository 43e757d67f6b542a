import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareKeys } from './keys/order.ts'
import {
  intersectSpan,
  isEmptySpan,
  mergeSpans,
  prefixEnd,
  rangeOf,
  readQuery,
  type Span,
  spanHas,
  spansHave,
  spansOf,
  subtractSpans,
} from './ranges.ts'
import type { Range } from './store.ts'

const key = fc.string({
  unit: fc.constantFrom('\0', 'a', 'b', '\ud7ff', '\uffff', '\u{10000}', '\u{10ffff}'),
  maxLength: 3,
})
const bound = fc.option(key, { nil: undefined })
const range: fc.Arbitrary<Range> = fc
  .tuple(bound, bound, fc.boolean(), fc.boolean(), fc.boolean(), fc.constantFrom(undefined, Infinity, 0, 1, 7))
  .map(([from, to, open, closed, reverse, limit]) => ({
    ...(open ? { gt: from } : { gte: from }),
    ...(closed ? { lte: to } : { lt: to }),
    reverse,
    limit,
  }))
const spans = fc.array(range, { maxLength: 4 }).map((ranges) => readQuery(ranges).list)

function rangeHas({ gt, gte, lt, lte }: Range, k: string): boolean {
  return (
    (gt === undefined || compareKeys(k, gt) > 0) &&
    (gte === undefined || compareKeys(k, gte) >= 0) &&
    (lt === undefined || compareKeys(k, lt) < 0) &&
    (lte === undefined || compareKeys(k, lte) <= 0)
  )
}

const has = (list: readonly Span[], k: string): boolean => list.some((span) => spanHas(span, k))

test('a span holds the keys that its range names', () => {
  fc.assert(
    fc.property(range, key, (asked, k) => {
      const read = readQuery(asked)
      expect(spansHave(read, k)).toBe(rangeHas(asked, k))
      if (read.list.every(isEmptySpan)) expect(rangeHas(asked, k)).toBe(false)
    }),
    { numRuns: 1000 },
  )
})

test('spans read the same after a trip through ranges', () => {
  fc.assert(
    fc.property(spans, (list) => {
      expect(readQuery(list.map(rangeOf)).list).toEqual(list)
      expect(readQuery(spansOf(list).query).list).toEqual(list)
    }),
  )
})

test('merged, cut and subtracted spans hold what the words say', () => {
  fc.assert(
    fc.property(spans, spans, range, fc.array(key, { maxLength: 8 }), (a, b, cut, keys) => {
      const [window] = readQuery(cut).list as [Span]
      const left = subtractSpans(a, b)
      for (const k of keys) {
        expect(has(mergeSpans(a), k)).toBe(has(a, k))
        expect(has(left, k)).toBe(has(a, k) && !has(b, k))
        const inside = a.map((span) => intersectSpan(span, window.lo, window.hi))
        expect(has(inside, k)).toBe(has(a, k) && spanHas(window, k))
      }
      for (const list of [mergeSpans(a), left]) expect(list).toEqual(mergeSpans(list))
      for (const [i, span] of mergeSpans(a).entries()) {
        const before = mergeSpans(a)[i - 1]
        expect(isEmptySpan(span)).toBe(false)
        if (before !== undefined) expect(compareKeys(before.hi ?? '', span.lo)).toBeLessThan(0)
      }
    }),
    { numRuns: 1000 },
  )
})

test('prefixEnd is the first key above all that start so', () => {
  fc.assert(
    fc.property(key, key, (start, k) => {
      const end = prefixEnd(start)
      const inside = compareKeys(k, start) >= 0 && (end === undefined || compareKeys(k, end) < 0)
      expect(inside).toBe(k.startsWith(start))
    }),
    { numRuns: 1000 },
  )
})
