import { type Span, rangeOf } from '../ranges.ts'
import type { Query } from '../store.ts'

/** Where a page starts, in the order of reading: at a key, or behind it. undefined: where the range starts. */
export type Start = { readonly key: string; readonly behind: boolean } | undefined

/**
 * What a page follows: twice its size and one more entry, so that its end stays where it is while entries come, and as much
 * as the page before it.
 */
export function queryOf(span: Span, start: Start, size: number): Query {
  const after = rangeOf({ ...afterStart(span, start), limit: 2 * size + 1 })
  if (start === undefined) return [after]
  return [after, rangeOf({ ...beforeStart(span, start), reverse: !span.reverse, limit: size })]
}

/** The part of the range from the start of the page on. */
function afterStart(span: Span, start: Start): Span {
  if (start === undefined) return span
  const { key, behind } = start
  if (span.reverse) return { ...span, hi: behind ? key : `${key}\0` }
  return { ...span, lo: behind ? `${key}\0` : key }
}

/** The part of the range before the page. */
function beforeStart(span: Span, start: NonNullable<Start>): Span {
  const { key, behind } = start
  if (span.reverse) return { ...span, lo: behind ? key : `${key}\0` }
  return { ...span, hi: behind ? `${key}\0` : key }
}
