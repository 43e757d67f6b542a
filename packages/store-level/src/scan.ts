import type { Entry, Range, Scanned } from '@fanlight/core'
import { type Span, deleted, rangeOf, scannedUpTo } from '@fanlight/core/kit'
import type { Bounds } from './bounds.ts'
import { type Stored, decodeAll } from './codec.ts'
import { dataEnd, dataKey } from './keys.ts'
import type { Ledger } from './ledger.ts'
import { readPast } from './past.ts'

/** What was read of one range, and the window in which it is true. */
export interface Scan {
  readonly entries: readonly Entry[]
  readonly bounds: Bounds
  readonly scanned: Scanned
}

/** So many records come at once at most, so that the event loop is not held for long. */
const pageMax = 1000

/**
 * Reads a range at a version, from one moment of the disk. What changed after the version is looked up in memory, and what
 * memory has forgotten among the records that were replaced.
 */
export async function scanSpan(ledger: Ledger, span: Span, at: number, bounds: Bounds): Promise<Scan> {
  const { disk, pins } = ledger
  const { lo, hi, limit, reverse } = span
  const entries: Entry[] = []
  const pages = disk.pages({ gte: dataKey(lo), lt: hi === undefined ? dataEnd : dataKey(hi), reverse })
  const pin = pins.hold(at)
  try {
    for (;;) {
      // One more than is asked for tells whether more follow.
      const page = await pages.next(Math.min(limit - entries.length + 1, pageMax))
      if (page.length === 0) {
        return { entries, bounds, scanned: { more: false, range: limit === 0 ? nothing(lo) : rangeOf(span) } }
      }
      const rows = readPage(ledger, page, at, bounds)
      for (const row of rows instanceof Promise ? await rows : rows) {
        if (row === undefined) continue
        bounds.since(row.version)
        if (row.value === deleted) continue
        if (entries.length === limit) {
          return { entries, bounds, scanned: { more: true, range: scannedUpTo(span, entries.at(-1)?.key) } }
        }
        entries.push(row)
      }
    }
  } finally {
    pages.close()
    pins.release(pin)
  }
}

/** What the keys of a page were at the version; undefined: nothing was there. */
type Rows = readonly (Stored | undefined)[]

function readPage(
  ledger: Ledger,
  page: readonly (readonly [string, string])[],
  at: number,
  bounds: Bounds,
): Rows | Promise<Rows> {
  let forgotten: Map<string, number> | undefined
  const rows = decodeAll(page).map((stored, i): Stored | undefined => {
    if (stored.version <= at) return stored
    const found = ledger.tail.at(stored.key, at)
    if (found === undefined) (forgotten ??= new Map()).set(stored.key, i)
    bounds.until(found?.next ?? stored.version)
    return found?.cell
  })
  return forgotten === undefined ? rows : withPast(ledger, rows, forgotten, at, bounds)
}

/**
 * Fills in what memory has forgotten.
 *
 * @param forgotten which keys, and which rows they are
 */
async function withPast(
  { disk }: Ledger,
  rows: (Stored | undefined)[],
  forgotten: ReadonlyMap<string, number>,
  at: number,
  bounds: Bounds,
): Promise<Rows> {
  const past = await readPast(disk, forgotten.keys(), at)
  for (const [key, i] of forgotten) {
    const replaced = past.get(key)
    // Where it was not there, nothing tells when it came.
    bounds.until(replaced?.until ?? at + 1)
    rows[i] = replaced?.stored
  }
  return rows
}

/** The range of no key. */
function nothing(lo: string): Range {
  return { gte: lo, lt: lo }
}
