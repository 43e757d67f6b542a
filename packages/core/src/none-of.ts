import { rangeOf, readQuery } from './ranges.ts'
import type { Query, Range } from './store.ts'

/** The same query without any entries: to wait for the stores that it touches, and be told nothing. */
export function noneOf(query: Query): readonly Range[] {
  return readQuery(query, Infinity).list.map((span) => rangeOf({ ...span, limit: 0 }))
}
