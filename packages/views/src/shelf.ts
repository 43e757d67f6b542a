import type { Change, Entry, Range, Scanned, Versions } from '@fanlight/core'
import { type Difference, type Soon, type Span, type Spans, checkValue } from '@fanlight/core/kit'

/**
 * What a view keeps, by kind:
 *
 * | area | key | value |
 * | --- | --- | --- |
 * | `out` | a key of the view | its value: what readers see |
 * | `in` | a key of the upstream | the keys of the view that this input yields |
 * | `by` | a key of the view | the input that it is from, where that has another key |
 * | `also` | `key(key of the view, input)` | what this input yields there too, while a smaller input wins |
 *
 * The inputs of a view that groups are its groups; what it keeps of these stands in `member`, `group` and `order`. A view that
 * joins keeps what it joins in `each`, `asks`, `role` and `side`. Where a window of time stands before a view, all that has a
 * time stands in `when` and `line`. A changelog has `count` and `turn`.
 */
export const areas = [
  'out',
  'in',
  'by',
  'also',
  'member',
  'group',
  'order',
  'each',
  'asks',
  'role',
  'side',
  'when',
  'line',
  'count',
  'turn',
] as const

/** The name of an area. */
export type Area = (typeof areas)[number]

/** One change of what a view keeps. */
export interface ShelfChange {
  readonly area: Area
  readonly key: string
  /** undefined: the key is gone. */
  readonly value: unknown
  /** About how many bytes the value takes. */
  readonly bytes: number
}

/** What a view is to keep in one area, of which nothing is there yet: the same as as many changes, without one for each. */
export interface ShelfBlock {
  readonly area: Area
  /** In key order. */
  readonly keys: readonly string[]
  /** The value of the key that stands there. */
  readonly valueAt: (i: number) => unknown
}

/** What is to be written. */
export interface ShelfWrite {
  readonly changes: readonly ShelfChange[]
  readonly blocks?: readonly ShelfBlock[] | undefined
}

/** How far a view has come: kept with what it keeps, in the same commit. */
export interface Watermark {
  /** The point of the upstream at which what is kept is what the view shows. */
  readonly versions: Versions
  /** Which function made it. */
  readonly definition: string
  /** What of the upstream has not been read yet, while the first state is made: nobody is shown what is there until then. */
  readonly rest?: readonly Range[] | undefined
}

/** What is on a shelf when it is opened. */
export interface Opened {
  /** The newest state. */
  readonly n: number
  /** undefined: there is nothing, or nothing that this version of the package understands. */
  readonly watermark: Watermark | undefined
}

/** A new state. */
export interface Written {
  readonly n: number
  /** Whether it came at once, so that no number before it stands for half of it. */
  readonly whole: boolean
}

/** What readers of a view see, and the states of the shelf between which they see it. */
export interface ShelfReading {
  readonly entries: readonly Entry[]
  readonly from: number
  readonly to: number
  readonly more: readonly Scanned[]
}

/** What the planner needs to know of what is kept. */
export interface Reader {
  /** The value at each key; undefined where there is none. */
  values(area: Area, keys: readonly string[]): Soon<readonly unknown[]>
  /** The entries of a span, in key order. */
  scan(area: Area, span: Span): Soon<readonly Entry[]>
}

/** Where a view keeps what it made: a history of states, each with a number that grows from write to write. */
export interface Shelf {
  /** The oldest state that can still be read. */
  readonly oldest: number
  /** The newest state. */
  readonly newest: number
  /** Whether it answers and writes in the same turn. */
  readonly instant: boolean
  /** Finds out what is there: before anything else, and after a write of which nobody knows whether it came to be. */
  open(): Soon<Opened>
  /** What readers see in a state. */
  read(spans: Spans, n: number): Soon<ShelfReading>
  /** What differs between what readers see in two states. */
  difference(spans: Spans, since: number, until: number): Soon<Difference>
  /** All that is kept in a state. Default the newest. */
  reader(n?: number): Reader
  /**
   * Writes changes and how far they bring the view, as one commit; where that would be too large, in several, and what was
   * begun and not ended is not found when the shelf is opened.
   *
   * @param afresh whether whatever else is there goes
   */
  write(write: ShelfWrite, watermark: Watermark, afresh: boolean): Soon<Written>
  /**
   * The same while the first state is made, which nobody is shown before all of it is there: such a write has no history.
   */
  load(write: ShelfWrite, watermark: Watermark, afresh: boolean): Soon<Written>
}

/** A shelf on which nothing is. */
export const nothing: Reader = {
  values: (_area, keys) => keys.map(() => undefined),
  scan: () => [],
}

/** The span of exactly one key. */
export function spanOf(key: string): Span {
  return { lo: key, hi: `${key}\0`, limit: Infinity, reverse: false }
}

/** All that is to be written, one by one. */
export function changesOf({ changes, blocks = [] }: ShelfWrite): readonly ShelfChange[] {
  if (blocks.length === 0) return changes
  const all = [...changes]
  for (const { area, keys, valueAt } of blocks) {
    keys.forEach((key, i) => {
      const value = valueAt(i)
      all.push({ area, key, value, bytes: checkValue(value, Infinity) })
    })
  }
  return all
}

/** What a record costs beside its key and value: as in the stores of the core. */
export const overheadBytes = 112

/** About how many bytes a change takes. */
export function bytesOf({ key, bytes }: ShelfChange): number {
  return overheadBytes + key.length + bytes
}

/** A change as the stores take it. */
export function changeOf({ key, value }: ShelfChange): Change {
  return value === undefined ? { key, gone: true } : { key, value }
}
