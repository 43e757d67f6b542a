import { type Spans, mergeSpans, rangeOf } from './ranges.ts'
import type { Change, Entry, Replace, Scanned, Windows } from './store.ts'

/** An answer as a store reads it: at one point, with windows as wide as the store knows them to hold (L1). */
export interface Reading {
  readonly entries: readonly Entry[]
  readonly windows: Windows
  readonly more: readonly Scanned[]
}

/** What differs between two answers of a store. */
export interface Difference {
  readonly replace?: Replace | undefined
  readonly changes: readonly Change[]
  /** How many commits between the two points touched the ranges: 0 only where none did. */
  readonly folded: number
}

/** The second of two answers in place of what differs (L8). */
export function replacement({ list }: Spans, entries: readonly Entry[], folded: number): Difference {
  return { replace: { ranges: mergeSpans(list).map(rangeOf), entries }, changes: [], folded }
}
