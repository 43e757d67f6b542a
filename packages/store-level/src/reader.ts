import type { Entry, Scanned } from '@fanlight/core'
import { type Reading, type Span, type Spans, compareKeys, isEmptySpan, rangeOf } from '@fanlight/core/kit'
import { Bounds } from './bounds.ts'
import { type Ledger, horizonOf } from './ledger.ts'
import { PointReader } from './point-reader.ts'
import { type Scan, scanSpan } from './scan.ts'

/** Reads answers at a version: from the newest commits in memory where it can, else from disk. */
export class Reader {
  readonly #ledger: Ledger
  readonly #points: PointReader

  constructor(ledger: Ledger) {
    this.#ledger = ledger
    this.#points = new PointReader(ledger)
  }

  /** The answer at exactly a version between the horizon and `reached`. */
  read(spans: Spans, at: number): Reading | Promise<Reading> {
    const [only] = spans.list
    if (spans.list.length !== 1 || only === undefined) return this.#union(spans, at)
    const made = ({ entries, bounds, scanned }: Scan): Reading => this.#reading(entries, bounds, [scanned])
    return this.#span(only, at, made)
  }

  async #union(spans: Spans, at: number): Promise<Reading> {
    const bounds = this.#bounds()
    const scans = await Promise.all(spans.list.map((span) => Promise.resolve(this.#span(span, at, (scan) => scan))))
    const found = new Map<string, Entry>()
    for (const scan of scans) {
      bounds.meet(scan.bounds)
      for (const entry of scan.entries) found.set(entry.key, entry)
    }
    const sign = spans.reverse ? -1 : 1
    const entries = [...found.values()].sort((a, b) => sign * compareKeys(a.key, b.key))
    return this.#reading(
      entries,
      bounds,
      scans.map(({ scanned }) => scanned),
    )
  }

  /** Reads one range; `made` is called in the same turn as it is known, since a second promise would cost as much again. */
  #span<R>(span: Span, at: number, made: (scan: Scan) => R): R | Promise<R> {
    const bounds = this.#bounds()
    if (isEmptySpan(span)) return made({ entries: [], bounds, scanned: { more: false, range: rangeOf(span) } })
    if (span.hi !== `${span.lo}\0` || span.limit === 0) return scanSpan(this.#ledger, span, at, bounds).then(made)
    return this.#points.read(span.lo, at, bounds, (entry) =>
      made({ entries: entry === undefined ? [] : [entry], bounds, scanned: { more: false, range: rangeOf(span) } }),
    )
  }

  #bounds(): Bounds {
    return new Bounds(horizonOf(this.#ledger), this.#ledger.reached)
  }

  #reading(entries: readonly Entry[], { from, to }: Bounds, more: readonly Scanned[]): Reading {
    return { entries, windows: { [this.#ledger.source]: { from, to } }, more }
  }
}
