/**
 * What a query means, in the slow and obvious way. It shares no code with the stores: it is what they are held against.
 *
 * @module
 */
import type { Entry, Query, Range } from '../store.ts'

/** A whole state: every key with its value. */
export type State = ReadonlyMap<string, unknown>

/** Compares two keys by their code points: the order of all answers. */
export function compareCodePoints(a: string, b: string): number {
  const left = Array.from(a, (c) => c.codePointAt(0) ?? 0)
  const right = Array.from(b, (c) => c.codePointAt(0) ?? 0)
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return left.length - right.length
}

/** The ranges of a query: a string is the range of that key alone. */
export function rangesOf(query: Query): readonly Range[] {
  const list: readonly (string | Range)[] = Array.isArray(query) ? query : [query as string | Range]
  return list.map((item) => (typeof item === 'string' ? { gte: item, lte: item } : item))
}

/** Whether a key lies between the bounds of a range, whatever its limit. */
export function inRange(range: Range, key: string): boolean {
  if (range.gt !== undefined && compareCodePoints(key, range.gt) <= 0) return false
  if (range.gte !== undefined && compareCodePoints(key, range.gte) < 0) return false
  if (range.lt !== undefined && compareCodePoints(key, range.lt) >= 0) return false
  if (range.lte !== undefined && compareCodePoints(key, range.lte) > 0) return false
  return true
}

/** What one range takes of a state: its keys, in its own order, and whether a limit cut more off. */
export function scan(range: Range, state: State): { readonly taken: readonly string[]; readonly more: boolean } {
  const keys = [...state.keys()].filter((key) => inRange(range, key)).sort(compareCodePoints)
  if (range.reverse === true) keys.reverse()
  const taken = keys.slice(0, range.limit ?? Infinity)
  return { taken, more: taken.length < keys.length }
}

/**
 * The answer to a query in a state: the union of its ranges, each key once, in key order; descending where every range
 * says `reverse`.
 *
 * @param query one range or several
 * @param state every key with its value
 *
 * @example
 * ```ts
 * import { answer } from '@fanlight/core/conformance'
 *
 * const state = new Map([['b', 2], ['a', 1], ['c', 3]])
 * console.log(answer({ lt: 'c', reverse: true, limit: 1 }, state)) // [{ key: 'b', value: 2 }]
 * ```
 */
export function answer(query: Query, state: State): readonly Entry[] {
  const ranges = rangesOf(query)
  const keys = [...new Set(ranges.flatMap((range) => scan(range, state).taken))].sort(compareCodePoints)
  if (ranges.length > 0 && ranges.every((range) => range.reverse === true)) keys.reverse()
  return keys.map((key) => ({ key, value: state.get(key) }))
}
