import { FanlightError } from '../errors.ts'
import { compareKeys } from '../keys/order.ts'
import { type Span, intersectSpan, isEmptySpan, mergeSpans, rangeOf, readQuery, spanHas } from '../ranges.ts'
import type { Entry, Query, Range, Scanned, Snapshot } from '../store.ts'

/**
 * The part of a snapshot that answers a narrower query, without asking again. It is true where the snapshot is: the windows
 * stay as they are (L1).
 *
 * @param snapshot what was fetched
 * @param query    a key, a range or several. It must lie in the spans that were scanned for the snapshot; of a limited range
 *   so much of it that one entry behind the last one taken is known, since the answer says whether more follow
 * @returns what `fetch` of the query would answer at any point of the windows
 * @throws BAD_QUERY where the snapshot does not tell: part of the query was not scanned; BAD_KEY
 *
 * @example
 * ```ts
 * import { createMemoryStore, everything, pick, prefix, put } from '@fanlight/core'
 *
 * const store = createMemoryStore()
 * await store.commit([put('a/1', 1), put('b/1', 2)])
 * const all = await store.fetch(everything)
 * console.log(pick(all, prefix('b/')).entries.length) // 1
 * ```
 */
export function pick<V>(snapshot: Snapshot<V>, query: Query): Snapshot<V> {
  const spans = readQuery(query, Infinity)
  const held = ascending(snapshot.entries)
  const scanned = mergeSpans(
    readQuery(
      snapshot.more.map(({ range }) => plain(range)),
      Infinity,
    ).list,
  )
  const found = new Map<string, Entry<V>>()
  const more = spans.list.map((span) => {
    const part = pickSpan(held, span, scanned)
    for (const entry of part.entries) found.set(entry.key, entry)
    return part.scanned
  })
  const sign = spans.reverse ? -1 : 1
  const entries = [...found.values()].sort((a, b) => sign * compareKeys(a.key, b.key))
  return { ...snapshot, entries, more }
}

interface Part<V> {
  readonly entries: readonly Entry<V>[]
  readonly scanned: Scanned
}

function pickSpan<V>(held: readonly Entry<V>[], span: Span, scanned: readonly Span[]): Part<V> {
  const { limit, reverse } = span
  const range = rangeOf(span)
  if (isEmptySpan(span)) return { entries: [], scanned: { more: false, range } }
  const { known, isWhole } = knownPart(span, scanned)
  const inside = held.filter(({ key }) => spanHas(known, key))
  if (reverse) inside.reverse()
  const entries = inside.slice(0, limit === Infinity ? undefined : limit)
  const more = inside.length > entries.length
  if (!more && !isWhole) throw notScanned(span)
  return { entries, scanned: { more, range: more || limit === 0 ? upTo(range, entries, span) : range } }
}

/** The part of a span, from where its reading starts, that was scanned without a gap. */
function knownPart(span: Span, scanned: readonly Span[]): { readonly known: Span; readonly isWhole: boolean } {
  const { lo, hi, reverse } = span
  for (const one of scanned) {
    const part = intersectSpan({ ...span }, one.lo, one.hi)
    if (isEmptySpan(part)) continue
    const isStart = reverse ? part.hi === hi : part.lo === lo
    if (isStart) return { known: part, isWhole: part.lo === lo && part.hi === hi }
  }
  return { known: { ...span, lo, hi: lo }, isWhole: false }
}

/** The span from the start of a range to the last key taken. */
function upTo({ gt, gte, lt, lte }: Range, entries: readonly Entry[], span: Span): Range {
  const last = entries.at(-1)?.key
  if (last === undefined) return { gte: span.lo, lt: span.lo }
  if (span.reverse) return { ...(lt !== undefined && { lt }), ...(lte !== undefined && { lte }), gte: last }
  return { ...(gt !== undefined && { gt }), ...(gte !== undefined && { gte }), lte: last }
}

/** A range without its limit and direction: the span of keys alone. */
function plain({ limit: _limit, reverse: _reverse, ...bounds }: Range): Range {
  return bounds
}

function ascending<V>(entries: readonly Entry<V>[]): readonly Entry<V>[] {
  const first = entries[0]
  const last = entries.at(-1)
  return first !== undefined && last !== undefined && compareKeys(first.key, last.key) > 0
    ? entries.toReversed()
    : entries
}

function notScanned(span: Span): FanlightError {
  const range = JSON.stringify(rangeOf(span))
  return new FanlightError('BAD_QUERY', `the snapshot does not tell all of ${range}: fetch it, or a wider range before`)
}
