import type { CommitId } from '@fanlight/core'
import { Cell, CommitLog, type Difference, type LogRecord, type Spans, spansHave } from '@fanlight/core/kit'

/** The newest record of a key, and its text: what must be kept when it is replaced. */
export interface Newest {
  readonly cell: Cell
  readonly text: string
}

/** What a key was at a version. */
export interface Found {
  /** undefined: nothing was there, and no delete of it is kept. */
  readonly cell: Cell | undefined
  /** The version of the commit that changed it next; undefined: none did. */
  readonly next: number | undefined
}

/**
 * The newest commits, in memory: those of which the batch is still under way, and as many before as its bounds say. A key
 * that none of them touched stands on disk as it was when the tail began.
 *
 * A chain of cells goes back from the newest record of each touched key to the one that stood there when the tail's first
 * commit touched it.
 */
export class Tail {
  readonly #newest = new Map<string, Newest>()
  readonly #log: CommitLog
  #start: number

  /**
   * @param bytesMax   about how many bytes of commits it keeps
   * @param commitsMax how many commits it keeps
   * @param start      the version of the newest commit on disk
   */
  constructor(bytesMax: number, commitsMax: number, start: number) {
    this.#log = new CommitLog({ bytes: bytesMax, commits: commitsMax, ageMs: Infinity })
    this.#start = start
  }

  /** It knows every commit after this version. */
  get start(): number {
    return this.#start
  }

  /** The newest record of a key that one of the commits touched, those under way included. */
  newest(key: string): Newest | undefined {
    return this.#newest.get(key)
  }

  /** The commit with this id, as it was applied. */
  find(id: CommitId): LogRecord | undefined {
    return this.#log.find(id)
  }

  /** Adds a commit, newer than all before. */
  push(record: LogRecord, texts: readonly string[]): void {
    for (const [i, cell] of record.cells.entries()) this.#newest.set(cell.key, { cell, text: texts[i] ?? '' })
    this.#log.push(record)
  }

  /** Drops what is too much. Only where no batch is under way. */
  trim(): void {
    while (this.#log.overdue(0)) {
      const record = this.#log.drop()
      if (record === undefined) return
      this.#start = record.version
      for (const cell of record.cells) {
        Cell.cut(cell)
        if (this.#newest.get(cell.key)?.cell === cell) this.#newest.delete(cell.key)
      }
    }
  }

  /** What a key was at a version; undefined: only the disk knows. */
  at(key: string, version: number): Found | undefined {
    let cell = this.#newest.get(key)?.cell
    if (cell === undefined) return undefined
    let next: number | undefined
    for (; cell !== undefined && cell.version > version; cell = Cell.before(cell)) next = cell.version
    // Where the chain ends after the version, nothing was there, or the tail has forgotten it.
    return cell === undefined && version < this.#start ? undefined : { cell, next }
  }

  /** The keys in the spans that changed after a version that it knows, those under way included. */
  changedAfter(version: number, spans: Spans): string[] {
    const changed = new Set<string>()
    for (let i = this.#log.indexAfter(version); ; i++) {
      const record = this.#log.at(i)
      if (record === undefined) return [...changed]
      for (const { key } of record.cells) if (spansHave(spans, key)) changed.add(key)
    }
  }

  /** What differs between two versions that it knows, without regard to limits. */
  difference(spans: Spans, since: number, until: number): Difference {
    return this.#log.difference(spans, since, this.#log.indexAfter(since), this.#log.indexAfter(until))
  }
}
