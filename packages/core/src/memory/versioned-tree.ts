import type { Clock } from '../ambient.ts'
import { nothingKnown } from '../commit-checks.ts'
import type { CommitRequest } from '../commit-request.ts'
import type { HistoryBounds } from '../limits.ts'
import { compareKeys } from '../keys/order.ts'
import { type Span, type Spans, isEmptySpan, rangeOf, scannedUpTo, spansHave } from '../ranges.ts'
import type { Change, CommitId, Entry, Scanned } from '../store.ts'
import { Cell, deleted } from './cell.ts'
import { CommitLog, type LogRecord, type VersionedDifference, changesOf } from './commit-log.ts'
import { replacement } from '../reading.ts'
import { diffEntries } from '../update.ts'
import { SortedTree, stop } from './sorted-tree.ts'

/** An answer, and the versions between which it is the answer. */
export interface VersionedReading {
  readonly entries: readonly Entry[]
  readonly from: number
  readonly to: number
  readonly more: readonly Scanned[]
}

/** How many records one commit may drop: more than it adds, so that the log shrinks, and few, so that no commit is slow. */
const dropsPerCommit = 4

/** So few changes are told one by one, however small the answer is. */
const changesMin = 100

/**
 * A sorted map with a history: every key's newest cell in a tree, its past in a chain behind it, and the commits in a log.
 * A read in the past costs what it costs now, at any distance.
 */
export class VersionedTree {
  readonly #tree = new SortedTree()
  readonly #log: CommitLog
  readonly #ages: boolean
  readonly #isPastOnly: boolean
  #horizon: number
  #version: number

  /**
   * @param version  where it begins
   * @param isPastOnly whether the state itself is kept elsewhere: what has not changed since the horizon is forgotten
   */
  constructor(bounds: HistoryBounds, version = 0, isPastOnly = false) {
    this.#log = new CommitLog(bounds)
    this.#isPastOnly = isPastOnly
    this.#ages = bounds.ageMs !== Infinity
    this.#horizon = this.#version = version
  }

  /** The version of the newest commit. */
  get version(): number {
    return this.#version
  }

  /** The oldest version whose state, and every change since, is known. */
  get horizon(): number {
    return this.#horizon
  }

  /** Puts an entry that was there before anyone asked: at the horizon, without history; undefined takes it away again. */
  seed(key: string, value: unknown): void {
    if (value === undefined) this.#tree.delete(key)
    else this.#tree.set(key, new Cell(key, value, this.#horizon))
  }

  /** Applies a commit at a version greater than all before. */
  apply(request: Pick<CommitRequest, 'changes' | 'bytes' | 'id' | 'meta'>, version: number, now: number): void {
    const cells: Cell[] = []
    for (const change of request.changes) {
      const before = this.#tree.get(change.key)
      if (change.gone === true && !Cell.isThere(before)) continue
      const cell = Cell.after(before, change.key, change.gone === true ? deleted : change.value, version)
      this.#tree.set(change.key, cell)
      cells.push(cell)
    }
    this.#version = version
    const { bytes, id, meta } = request
    this.#log.push({ version, at: now, bytes, cells, changes: id === undefined ? none : request.changes, id, meta })
    for (let i = 0; i < dropsPerCommit && this.#log.overdue(now); i++) this.#dropOldest()
  }

  /**
   * Forgets what has grown too old: where nobody commits, only whoever asks for the horizon notices that time goes by. That
   * costs a constant time a commit, and nothing where age does not count.
   */
  trim(clock: Clock): void {
    if (!this.#ages) return
    for (const now = clock.now(); this.#log.overdue(now);) this.#dropOldest()
  }

  /** The commit with this id, as it was applied. */
  find(id: CommitId): LogRecord | undefined {
    return this.#log.find(id)
  }

  /** The newest cell of a key, deletes included. */
  cell(key: string): Cell | undefined {
    return this.#tree.get(key)
  }

  /** The keys, of those given and of those in the guarded spans, that changed after a version. */
  changedAfter(version: number, keys: readonly string[], guard: Spans | undefined): string[] {
    const changed = new Set<string>()
    for (const key of keys) if ((this.#tree.get(key)?.version ?? nothingKnown) > version) changed.add(key)
    for (const { lo, hi } of guard?.list ?? []) {
      this.#tree.scan(lo, hi, false, (key, cell) => {
        if (cell.version > version) changed.add(key)
      })
    }
    return [...changed]
  }

  /** The answer at a version between the horizon and the newest. */
  read(spans: Spans, at: number): VersionedReading {
    const [only] = spans.list
    const scan = new Scan(this.#tree, at, this.#horizon, this.#version)
    if (spans.list.length === 1 && only !== undefined) {
      const entries: Entry[] = []
      const more = [scan.span(only, entries)]
      return { entries, from: scan.from, to: scan.to, more }
    }
    const found = new Map<string, Entry>()
    const more = spans.list.map((span) => {
      const entries: Entry[] = []
      const scanned = scan.span(span, entries)
      for (const entry of entries) found.set(entry.key, entry)
      return scanned
    })
    const sign = spans.reverse ? -1 : 1
    const entries = [...found.values()].sort((a, b) => sign * compareKeys(a.key, b.key))
    return { entries, from: scan.from, to: scan.to, more }
  }

  /**
   * What differs between the answers at two versions, neither before the horizon: the changes, or the second answer where
   * that is less (L8).
   */
  difference(spans: Spans, since: number, until: number): VersionedDifference {
    const told = this.#changes(spans, since, until)
    const { length } = told.changes
    if (length <= changesMin || !this.#isSmaller(spans, until, length)) return told
    const { entries } = this.read(spans, until)
    return replacement(spans, entries, told.folded)
  }

  #changes(spans: Spans, since: number, until: number): VersionedDifference {
    const touched = this.touched(spans, since, until)
    if (!spans.limited || touched.folded === 0) return touched
    const changes = diffEntries(ascending(this.read(spans, since), spans), ascending(this.read(spans, until), spans))
    return { changes, folded: touched.folded }
  }

  /** What the commits between two versions changed in the spans, whatever their limits. */
  touched(spans: Spans, since: number, until: number): VersionedDifference {
    const start = this.#log.indexAfter(since)
    const end = this.#log.indexAfter(until)
    if (end - start === 1) return this.#differenceOfOne(spans, this.#log.at(start))
    const byCells = end - start > 64 ? this.#differenceByCells(spans, since, until, end - start) : undefined
    return byCells ?? this.#log.difference(spans, since, start, end)
  }

  /** One commit: its own changes, as far as they lie in the spans. */
  #differenceOfOne(spans: Spans, record: LogRecord | undefined): VersionedDifference {
    if (record === undefined) return untouched
    const [only] = record.cells
    if (record.cells.length === 1 && only !== undefined) {
      return spansHave(spans, only.key) ? { changes: changesOf([only]), folded: 1 } : untouched
    }
    const cells = record.cells.filter((cell) => spansHave(spans, cell.key))
    if (cells.length === 0) return untouched
    return { changes: changesOf(cells), folded: 1 }
  }

  /** Walks the keys: good where they are fewer than the commits; undefined where they are not. */
  #differenceByCells(spans: Spans, since: number, until: number, budget: number): VersionedDifference | undefined {
    const last = new Map<string, Cell>()
    const versions = new Set<number>()
    let left = budget
    for (const { lo, hi } of spans.list) {
      this.#tree.scan(lo, hi, false, (_key, newest) => {
        const cell = Cell.at(newest, until)
        if (cell !== undefined && cell.version > since) {
          let link: Cell | undefined = cell
          for (; link !== undefined && link.version > since; link = Cell.before(link)) versions.add(link.version)
          if (!Cell.isGone(cell) || Cell.isThere(link)) last.set(cell.key, cell)
        }
        return --left < 0 ? stop : undefined
      })
      if (left < 0) return undefined
    }
    return { changes: changesOf([...last.values()]), folded: versions.size }
  }

  /** Whether the answer has fewer entries than this; false where it takes long to find out. */
  #isSmaller(spans: Spans, at: number, size: number): boolean {
    let count = 0
    let left = 4 * size
    for (const { lo, hi, limit } of spans.list) {
      let room = limit
      this.#tree.scan(lo, hi, false, (_key, newest) => {
        if (room > 0 && Cell.isThere(Cell.at(newest, at))) {
          room--
          count++
        }
        return room <= 0 || count >= size || --left < 0 ? stop : undefined
      })
    }
    return count < size && left >= 0
  }

  #dropOldest(): void {
    const record = this.#log.drop()
    if (record === undefined) return
    this.#horizon = record.version
    for (const cell of record.cells) {
      Cell.cut(cell)
      const isForgotten = this.#isPastOnly || Cell.isGone(cell)
      if (isForgotten && this.#tree.get(cell.key) === cell) this.#tree.delete(cell.key)
    }
  }
}

/** One read: what it found out about the window goes through all its spans. */
class Scan {
  from: number
  to: number
  readonly #tree: SortedTree
  readonly #at: number
  readonly #newest: number

  constructor(tree: SortedTree, at: number, horizon: number, newest: number) {
    this.#tree = tree
    this.#at = at
    this.#newest = newest
    this.from = horizon
    this.to = newest
  }

  /** Reads one span into `entries`. */
  span(span: Span, entries: Entry[]): Scanned {
    const { lo, hi, limit, reverse } = span
    const range = rangeOf(span)
    if (isEmptySpan(span)) return { more: false, range }
    if (limit === 0) return { more: this.#hasAny(span), range: { gte: lo, lt: lo } }
    if (hi === `${lo}\0`) {
      this.#take(this.#tree.get(lo), entries)
      return { more: false, range }
    }
    if (limit === Infinity && this.#at >= this.#newest) {
      this.#whole(span, entries)
      return { more: false, range }
    }
    let more = false
    this.#tree.scan(lo, hi, reverse, (_key, cell) => {
      if (entries.length < limit) return this.#take(cell, entries)
      // One entry behind the last one taken says that more follow; it is not part of the answer, but the claim is.
      const probe: Entry[] = []
      this.#take(cell, probe)
      more = probe.length > 0
      return more ? stop : undefined
    })
    return { more, range: more ? scannedUpTo(span, entries.at(-1)?.key) : range }
  }

  /** The common case, without a chain to walk or a limit to count: about as fast as the tree itself. */
  #whole({ lo, hi, reverse }: Span, entries: Entry[]): void {
    let { from } = this
    this.#tree.scan(lo, hi, reverse, (_key, cell) => {
      if (cell.version > from) from = cell.version
      if (cell.value !== deleted) entries.push(cell)
    })
    this.from = from
  }

  #hasAny(span: Span): boolean {
    const probe: Entry[] = []
    this.#tree.scan(span.lo, span.hi, span.reverse, (_key, cell) => {
      this.#take(cell, probe)
      return probe.length > 0 ? stop : undefined
    })
    return probe.length > 0
  }

  /** Takes what a key was, and narrows the window to where it was so. */
  #take(newest: Cell | undefined, entries: Entry[]): void {
    let cell = newest
    while (cell !== undefined && cell.version > this.#at) {
      if (cell.version <= this.to) this.to = cell.version - 1
      cell = Cell.before(cell)
    }
    if (cell === undefined) return
    if (cell.version > this.from) this.from = cell.version
    if (!Cell.isGone(cell)) entries.push(cell)
  }
}

const none: readonly Change[] = []

const untouched: VersionedDifference = { changes: [], folded: 0 }

function ascending(reading: VersionedReading, spans: Spans): readonly Entry[] {
  return spans.reverse ? reading.entries.toReversed() : reading.entries
}
