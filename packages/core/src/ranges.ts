/**
 * Queries, checked and normalised: every range becomes a half open span of keys, so that nobody below thinks about
 * inclusive and exclusive bounds again.
 *
 * @module
 */
import { FanlightError } from './errors.ts'
import { assertKey, compareKeys } from './keys/order.ts'
import { defaultLimits } from './limits.ts'
import type { Query, Range } from './store.ts'
import type { PrefixRange } from './types.ts'

/** The keys from `lo` (inclusive) to `hi` (exclusive), and how many of them are asked for, from which end. */
export interface Span {
  readonly lo: string
  /** undefined: no end. */
  readonly hi: string | undefined
  /** Infinity: all. */
  readonly limit: number
  readonly reverse: boolean
}

/** A query, checked and normalised. */
export interface Spans {
  /** As it was asked. */
  readonly query: Query
  /** One for each range of the query, in its order. */
  readonly list: readonly Span[]
  /** Whether the answer is in descending order: all ranges say so, and there is one at least. */
  readonly reverse: boolean
  /** Whether any span has a limit. */
  readonly limited: boolean
  /** What `signatureOf` made of it, once it was asked. */
  signature?: string
}

/**
 * The range of all keys.
 *
 * @example
 * ```ts
 * import { createMemoryStore, everything } from '@fanlight/core'
 *
 * const store = createMemoryStore()
 * console.log((await store.fetch(everything)).entries.length) // 0
 * ```
 */
export const everything: Range = Object.freeze({})

/**
 * The range of all keys that start with `start`. It knows its prefix, so that the values found have the types under it;
 * `{ ...prefix('users/'), limit: 10 }` does too.
 *
 * @param start the text that the keys start with; `''` is every key
 * @throws BAD_KEY where it is no well-formed string
 * @example
 * ```ts
 * import { prefix } from '@fanlight/core'
 *
 * console.log(prefix('users/')) // { gte: 'users/', lt: 'users0' }
 * ```
 */
export function prefix<const P extends string>(start: P): PrefixRange<P> {
  const text: string = start
  assertKey(text)
  const lt = prefixEnd(text)
  return lt === undefined ? { gte: text } : { gte: text, lt }
}

/** The first key above all keys that start with `start`; undefined where there is none. */
export function prefixEnd(start: string): string | undefined {
  for (let end = start.length; end > 0;) {
    const last = end > 1 && isTrail(start.charCodeAt(end - 1)) ? end - 2 : end - 1
    const point = start.codePointAt(last) ?? 0
    if (point < 0x10ffff) return start.slice(0, last) + String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1)
    end = last
  }
  return undefined
}

function isTrail(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}

/**
 * Checks a query and normalises it.
 *
 * @throws BAD_QUERY, BAD_KEY
 */
export function readQuery(query: Query, rangesMax: number = defaultLimits.ranges): Spans {
  if (typeof query === 'string') return { query, list: [keySpan(query)], reverse: false, limited: false }
  if (!Array.isArray(query)) {
    const span = readRange(query as Range)
    return { query, list: [span], reverse: span.reverse, limited: span.limit !== Infinity }
  }
  const ranges: readonly (string | Range)[] = query
  if (ranges.length > rangesMax) {
    throw badQuery(`a query may have ${rangesMax} ranges, not ${ranges.length}: ask several times, or a wider range`)
  }
  return gather(
    query,
    ranges.map((range) => (typeof range === 'string' ? keySpan(range) : readRange(range))),
  )
}

function gather(query: Query, list: readonly Span[]): Spans {
  return {
    query,
    list,
    reverse: list.length > 0 && list.every((span) => span.reverse),
    limited: list.some((span) => span.limit !== Infinity),
  }
}

function keySpan(key: string): Span {
  assertKey(key)
  return { lo: key, hi: above(key), limit: Infinity, reverse: false }
}

/** The first key after this one. */
function above(key: string): string {
  return `${key}\0`
}

function readRange(range: Range): Span {
  if (typeof range !== 'object' || range === null || Array.isArray(range)) {
    throw badQuery('a query is a key, a range such as { gte, lt }, or an array of keys and ranges')
  }
  for (const name in range) checkOption(name, range)
  const { gt, gte, lt, lte, reverse = false, limit = Infinity } = range
  if (gt !== undefined && gte !== undefined) throw badQuery('a range has gt or gte, not both')
  if (lt !== undefined && lte !== undefined) throw badQuery('a range has lt or lte, not both')
  const lo = gte ?? (gt === undefined ? '' : above(gt))
  return { lo, hi: lte === undefined ? lt : above(lte), limit, reverse }
}

function checkOption(name: string, range: Range): void {
  const value: unknown = range[name as keyof Range]
  if (value === undefined && optionNames.has(name)) return
  switch (name) {
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      if (typeof value !== 'string') throw badQuery(`${name} must be a key: a string`)
      return assertKey(value)
    case 'reverse':
      if (typeof value !== 'boolean') throw badQuery('reverse must be true or false')
      return
    case 'limit':
      if (value !== Infinity && !(Number.isInteger(value) && (value as number) >= 0)) {
        throw badQuery('limit must be a whole number from 0 up, or Infinity')
      }
      return
    default:
      throw badQuery(`a range has no option '${name}': there are ${[...optionNames].join(', ')}`)
  }
}

const optionNames: ReadonlySet<string> = new Set(['gt', 'gte', 'lt', 'lte', 'reverse', 'limit'])

function badQuery(message: string): FanlightError {
  return new FanlightError('BAD_QUERY', message)
}

/** The query that these spans answer. */
export function spansOf(list: readonly Span[]): Spans {
  const [only] = list
  return gather(only !== undefined && list.length === 1 ? rangeOf(only) : list.map(rangeOf), list)
}

/** The range that reads as this span. */
export function rangeOf(span: Span): Range {
  const range: { -readonly [O in keyof Range]: Range[O] } = {}
  if (span.lo !== '') range.gte = span.lo
  if (span.hi !== undefined) range.lt = span.hi
  if (span.reverse) range.reverse = true
  if (span.limit !== Infinity) range.limit = span.limit
  return range
}

/** The part of a span that was read where a limit cut it: up to the last key taken; without one, nothing was. */
export function scannedUpTo({ lo, hi, reverse }: Span, last: string | undefined): Range {
  if (last === undefined) return { gte: lo, lt: lo }
  if (reverse) return { gte: last, ...(hi === undefined ? {} : { lt: hi }) }
  return { ...(lo === '' ? {} : { gte: lo }), lte: last }
}

/** Whether no key can lie in it. A `limit` of 0 does not count: what is in it is known, although not told. */
export function isEmptySpan(span: Span): boolean {
  return span.hi !== undefined && compareKeys(span.lo, span.hi) >= 0
}

/** Whether a key lies in the span, whatever its limit. */
export function spanHas(span: Span, key: string): boolean {
  return compareKeys(key, span.lo) >= 0 && (span.hi === undefined || compareKeys(key, span.hi) < 0)
}

/** Whether a key lies in any of the spans, whatever their limits. */
export function spansHave(spans: Spans, key: string): boolean {
  for (const span of spans.list) if (spanHas(span, key)) return true
  return false
}

/** The part of a span that lies in [lo, hi), with its limit and direction; it may be empty. */
export function intersectSpan(span: Span, lo: string, hi: string | undefined): Span {
  return {
    lo: compareKeys(span.lo, lo) >= 0 ? span.lo : lo,
    hi: compareEnds(span.hi, hi) <= 0 ? span.hi : hi,
    limit: span.limit,
    reverse: span.reverse,
  }
}

/** Compares two ends; no end is after all others. */
function compareEnds(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  return compareKeys(a, b)
}

function plain(lo: string, hi: string | undefined): Span {
  return { lo, hi, limit: Infinity, reverse: false }
}

/** The same keys as plain spans: sorted, apart from each other, none empty, without limits. */
export function mergeSpans(list: readonly Span[]): Span[] {
  const sorted = list.filter((span) => !isEmptySpan(span)).sort((a, b) => compareKeys(a.lo, b.lo))
  const merged: Span[] = []
  for (const { lo, hi } of sorted) {
    const last = merged.at(-1)
    if (last === undefined || compareEnds(lo, last.hi) > 0) merged.push(plain(lo, hi))
    else if (compareEnds(hi, last.hi) > 0) merged[merged.length - 1] = plain(last.lo, hi)
  }
  return merged
}

/** The keys of `from` that are not in `what`, as plain spans. */
export function subtractSpans(from: readonly Span[], what: readonly Span[]): Span[] {
  const holes = mergeSpans(what)
  const left: Span[] = []
  for (const span of mergeSpans(from)) {
    let lo: string | undefined = span.lo
    for (const hole of holes) {
      if (lo === undefined || compareEnds(hole.lo, span.hi) >= 0) break
      if (compareEnds(hole.hi, lo) <= 0) continue
      if (compareKeys(lo, hole.lo) < 0) left.push(plain(lo, hole.lo))
      lo = hole.hi
    }
    if (lo !== undefined && compareEnds(lo, span.hi) < 0) left.push(plain(lo, span.hi))
  }
  return left
}
