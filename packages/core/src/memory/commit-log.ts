import type { Change, CommitId } from '../store.ts'
import type { HistoryBounds } from '../limits.ts'
import type { Cell } from './cell.ts'

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

  /** The record at a place that `indexAfter` gave. */
  at(index: number): LogRecord | undefined {
    return this.#records[index]
  }
}

function nameOf(id: CommitId): string {
  return `${id.number}/${id.session}`
}
