import { describe, expect, test } from 'vitest'
import {
  everything,
  intersectSpan,
  isEmptySpan,
  mergeSpans,
  prefix,
  prefixEnd,
  rangeOf,
  readQuery,
  type Span,
  spanHas,
  spansHave,
  spansOf,
  subtractSpans,
} from './ranges.ts'
import type { Query } from './store.ts'

const all: Span = { lo: '', hi: undefined, limit: Infinity, reverse: false }
const span = (lo: string, hi?: string): Span => ({ ...all, lo, hi })

describe('readQuery makes half open spans', () => {
  test.each<[Query, Partial<Span>[]]>([
    ['', [{ lo: '', hi: '\0' }]],
    ['a', [{ lo: 'a', hi: 'a\0' }]],
    ['__proto__', [{ lo: '__proto__', hi: '__proto__\0' }]],
    [{}, [{}]],
    [everything, [{}]],
    [{ gte: 'a', lt: 'b' }, [{ lo: 'a', hi: 'b' }]],
    [{ gt: 'a', lte: 'b' }, [{ lo: 'a\0', hi: 'b\0' }]],
    [{ gt: '', lt: '' }, [{ lo: '\0', hi: '' }]],
    [{ gte: undefined, lt: undefined, limit: undefined, reverse: undefined }, [{}]],
    [{ limit: 0 }, [{ limit: 0 }]],
    [{ limit: Infinity, reverse: true }, [{ reverse: true }]],
    [[], []],
    [
      ['b', { gte: 'a' }, 'b'],
      [{ lo: 'b', hi: 'b\0' }, { lo: 'a' }, { lo: 'b', hi: 'b\0' }],
    ],
  ])('%j', (query, spans) => {
    const read = readQuery(query)
    expect(read.list).toEqual(spans.map((one) => ({ ...all, ...one })))
    expect(read.query).toBe(query)
  })

  test('an answer is in descending order where all ranges say so, and there is one', () => {
    expect(readQuery([]).reverse).toBe(false)
    expect(readQuery({ reverse: true }).reverse).toBe(true)
    expect(readQuery([{ reverse: true }, { reverse: true }]).reverse).toBe(true)
    expect(readQuery([{ reverse: true }, 'a']).reverse).toBe(false)
  })

  test('it is limited where any range is', () => {
    expect(readQuery(everything).limited).toBe(false)
    expect(readQuery({ limit: 0 }).limited).toBe(true)
    expect(readQuery(['a', { limit: 1 }]).limited).toBe(true)
    expect(readQuery(['a', { limit: Infinity }]).limited).toBe(false)
  })

  test('ranges that are empty or upside down stay, as empty spans', () => {
    for (const query of [
      { gt: 'a', lte: 'a' },
      { gte: 'b', lt: 'a' },
      { lt: '' },
      { gte: 'a', lt: 'a' },
      { gt: 'a', lt: 'a' },
    ]) {
      const [read] = readQuery(query).list
      expect(read && isEmptySpan(read)).toBe(true)
    }
    expect(isEmptySpan({ ...all, limit: 0 })).toBe(false)
    expect(isEmptySpan(span('\u{1f600}', '\uffff'))).toBe(true)
  })
})

describe('readQuery refuses', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['a function', () => 1],
    ['an array in an array', [['a']]],
    ['null in an array', [null]],
    ['a hole', [undefined]],
    ['an unknown option', { gte: 'a', prefix: 'a' }],
    ['an unknown option that is undefined', { start: undefined }],
    ['an option of the prototype', { constructor: 'a' }],
    ['the type of a prefix at run time', { '~prefix': 'a' }],
    ['gt with gte', { gt: 'a', gte: 'a' }],
    ['lt with lte', { lt: 'a', lte: 'a' }],
    ['a bound that is no string', { gte: 1 }],
    ['a bound that is null', { lt: null }],
    ['a negative limit', { limit: -1 }],
    ['a limit of minus infinity', { limit: -Infinity }],
    ['a fractional limit', { limit: 1.5 }],
    ['NaN as a limit', { limit: NaN }],
    ['a limit of text', { limit: '1' }],
    ['null as a limit', { limit: null }],
    ['a reverse that is no boolean', { reverse: 1 }],
    ['65 ranges', Array.from({ length: 65 }, () => 'a')],
  ])('%s with BAD_QUERY', (_, query) => {
    expect(() => readQuery(query as Query)).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
  })

  test.each<[Query]>([['\ud800'], [{ gt: '\ud800' }], [{ lte: 'a\udc00' }], [['a', '\ud800']]])(
    '%j with BAD_KEY',
    (query) => {
      expect(() => readQuery(query)).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
    },
  )

  test('no more ranges than are allowed', () => {
    expect(readQuery(Array.from({ length: 64 }, () => 'a')).list).toHaveLength(64)
    expect(() => readQuery(['a', 'b'], 1)).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
    expect(
      readQuery(
        Array.from({ length: 1000 }, () => 'a'),
        Infinity,
      ).list,
    ).toHaveLength(1000)
  })
})

describe('prefix', () => {
  test.each<[string, string | undefined]>([
    ['', undefined],
    ['a', 'b'],
    ['users/', 'users0'],
    ['a\ud7ff', 'a\ue000'],
    ['a\uffff', 'a\u{10000}'],
    ['a\u{1f600}', 'a\u{1f601}'],
    ['a\u{103ff}', 'a\u{10400}'],
    ['a\u{10ffff}\u{10ffff}', 'b'],
    ['\u{10ffff}', undefined],
  ])('%j ends before %j', (start, end) => {
    expect(prefixEnd(start)).toBe(end)
    expect(prefix(start)).toEqual(end === undefined ? { gte: start } : { gte: start, lt: end })
  })

  test.each([[1], [undefined], ['\ud800']])('refuses %j', (start) => {
    expect(() => prefix(start as string)).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
  })
})

describe('spans', () => {
  test('intersectSpan keeps the limit and the direction', () => {
    const asked: Span = { lo: 'b', hi: undefined, limit: 3, reverse: true }
    expect(intersectSpan(asked, 'a', 'c')).toEqual({ ...asked, hi: 'c' })
    expect(intersectSpan({ ...asked, hi: 'd' }, 'c', undefined)).toEqual({ ...asked, lo: 'c', hi: 'd' })
    expect(isEmptySpan(intersectSpan(span('a', 'b'), 'c', 'd'))).toBe(true)
  })

  test('mergeSpans joins what overlaps or touches', () => {
    expect(mergeSpans([span('d', 'e'), span('a', 'b'), span('b', 'c'), span('a', 'b')])).toEqual([
      span('a', 'c'),
      span('d', 'e'),
    ])
    expect(mergeSpans([span('b'), span('a', 'c'), span('c', 'd')])).toEqual([span('a')])
    expect(mergeSpans([{ ...span('a', 'b'), limit: 1, reverse: true }, span('c', 'c')])).toEqual([span('a', 'b')])
  })

  test('subtractSpans cuts out', () => {
    expect(subtractSpans([all], [span('b', 'c'), span('e')])).toEqual([span('', 'b'), span('c', 'e')])
    expect(subtractSpans([span('a', 'd')], [all])).toEqual([])
    expect(subtractSpans([span('a', 'b'), span('c', 'd')], [span('b', 'c')])).toEqual([span('a', 'b'), span('c', 'd')])
    expect(subtractSpans([span('a')], [])).toEqual([span('a')])
  })

  test('spansOf and rangeOf turn spans back into a query', () => {
    expect(rangeOf(all)).toEqual({})
    expect(rangeOf({ lo: 'a', hi: 'b', limit: 0, reverse: true })).toEqual({
      gte: 'a',
      lt: 'b',
      limit: 0,
      reverse: true,
    })
    expect(spansOf([])).toEqual({ query: [], list: [], reverse: false, limited: false })
    expect(spansOf([span('a', 'b')]).query).toEqual({ gte: 'a', lt: 'b' })
    expect(spansOf([span('a', 'b'), { ...all, limit: 1 }])).toMatchObject({
      query: [{ gte: 'a', lt: 'b' }, { limit: 1 }],
      limited: true,
    })
  })

  test('spanHas and spansHave look at keys only', () => {
    expect(spanHas({ ...span('a', 'b'), limit: 0 }, 'a')).toBe(true)
    expect(spanHas(span('a', 'b'), 'b')).toBe(false)
    expect(spanHas(span('\uffff'), '\u{1f600}')).toBe(true)
    expect(spansHave(readQuery(['a', { gt: 'c' }]), 'c')).toBe(false)
    expect(spansHave(readQuery(['a', { gt: 'c' }]), 'c\0')).toBe(true)
  })
})
