import type { Change, CommitId, Replace } from '../store.ts'
import type { HistoryBounds } from '../limits.ts'
import { compareKeys } from '../keys/order.ts'
import { type Spans, spanHas, spansHave } from '../ranges.ts'
import { Cell, deleted } from './cell.ts'

/** What differs between two versions. */
export interface VersionedDifference {
  /** The answer at the second version, where more changed than it is large. */
  readonly replace?: Replace | undefined
  readonly changes: readonly Change[]
  readonly folded: number
}

/** One commit, as the log keeps it. */
export interface LogRecord {
  readonly version: number
  /** When it came, by the store's clock. */
  readonly at: number
  readonly bytes: number
  /** What it changed in truth: a delete of what was not there leaves no cell. */
  readonly cells: readonly Cell[]
  /** What it asked for: kept where it has an id, to tell a retry from a mistake. */
  readonly changes: readonly Change[]
  readonly id: CommitId | undefined
  readonly meta: unknown
}

/** The commits since the horizon, oldest first, within bounds of count, bytes and age. */
export class CommitLog {
  readonly #bounds: HistoryBounds
  #records: (LogRecord | undefined)[] = []
  /** Where the oldest record stands; what is before it was dropped. */
  #start = 0
  #bytes = 0
  #ids: Map<string, LogRecord> | undefined

  constructor(bounds: HistoryBounds) {
    this.#bounds = bounds
  }

  get size(): number {
    return this.#records.length - this.#start
  }

  push(record: LogRecord): void {
    this.#records.push(record)
    this.#bytes += record.bytes
    if (record.id !== undefined) (this.#ids ??= new Map()).set(nameOf(record.id), record)
  }

  /** The record of the commit that came with this id. */
  find(id: CommitId): LogRecord | undefined {
    return this.#ids?.get(nameOf(id))
  }

  /** Whether the bounds say that the oldest record must go. */
  overdue(now: number): boolean {
    const oldest = this.#records[this.#start]
    if (oldest === undefined) return false
    const { commits, bytes, ageMs } = this.#bounds
    return this.size > commits || this.#bytes > bytes || now - oldest.at > ageMs
  }

  /** Drops the oldest record. */
  drop(): LogRecord | undefined {
    const record = this.#records[this.#start]
    if (record === undefined) return undefined
    this.#records[this.#start++] = undefined
    this.#bytes -= record.bytes
    if (record.id !== undefined) this.#ids?.delete(nameOf(record.id))
    // Half of the array is holes: it moves, at a constant cost a record.
    if (this.#start > 64 && this.#start * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#start)
      this.#start = 0
    }
    return record
  }

  /** Where the first record after a version stands. */
  indexAfter(version: number): number {
    let low = this.#start
    let high = this.#records.length
    // Nearly always somebody asks for the last commit or two.
    if (high - low > 0 && (this.#records[high - 1]?.version ?? 0) <= version) return high
    if (high - low > 1 && (this.#records[high - 2]?.version ?? 0) <= version) return high - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#records[middle]?.version ?? 0) <= version) low = middle + 1
      else high = middle
    }
    return low
  }

  /** What differs after the commits from one place to another, without regard to limits; `since` is the version before. */
  difference(spans: Spans, since: number, start: number, end: number): VersionedDifference {
    const last = new Map<string, Cell>()
    const [only] = spans.list
    const isInside =
      spans.list.length === 1 && only !== undefined ? spanHas.bind(undefined, only) : spansHave.bind(undefined, spans)
    let folded = 0
    for (let i = start; i < end; i++) {
      let hit = false
      for (const cell of this.#records[i]?.cells ?? []) {
        if (!isInside(cell.key)) continue
        hit = true
        last.set(cell.key, cell)
      }
      if (hit) folded++
    }
    const cells = [...last.values()].filter((cell) => !Cell.isGone(cell) || Cell.isThere(Cell.at(cell, since)))
    return { changes: changesOf(cells), folded }
  }

  /** The record at a place that `indexAfter` gave. */
  at(index: number): LogRecord | undefined {
    return this.#records[index]
  }
}

/** What cells say, in key order. */
export function changesOf(cells: readonly Cell[]): Change[] {
  const sorted = cells.length > 1 ? cells.toSorted((a, b) => compareKeys(a.key, b.key)) : cells
  return sorted.map(({ key, value }) => (value === deleted ? { key, gone: true } : { key, value }))
}

function nameOf(id: CommitId): string {
  return `${id.number}/${id.session}`
}
