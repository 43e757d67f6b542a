import { type Change, type Entry, type Range, type Scanned } from '@fanlight/core'
import {
  type Reading,
  type Span,
  type Spans,
  applyUpdate,
  compareKeys,
  rangeOf,
  spanHas,
  spansOf,
} from '@fanlight/core/kit'
import type { Plan } from './plan.ts'
import { type Shelf, changeOf } from './shelf.ts'

/** An answer without its windows. */
export type Answer = Pick<Reading, 'entries' | 'more'>

/**
 * Reads a state of the shelf as it would be with a plan applied: for a point at which the view never stood. The plan is not
 * written.
 */
export async function readOver(shelf: Shelf, spans: Spans, n: number, { changes }: Plan): Promise<Answer> {
  const outs = changes
    .filter(({ area }) => area === 'out')
    .map(changeOf)
    .sort((a, b) => compareKeys(a.key, b.key))
  const found = new Map<string, Entry>()
  const more: Scanned[] = []
  for (const span of spans.list) {
    const { entries, scanned } = await readSpan(shelf, span, n, outs)
    for (const entry of entries) found.set(entry.key, entry)
    more.push(scanned)
  }
  const sign = spans.reverse ? -1 : 1
  return { entries: [...found.values()].sort((a, b) => sign * compareKeys(a.key, b.key)), more }
}

async function readSpan(
  shelf: Shelf,
  span: Span,
  n: number,
  outs: readonly Change[],
): Promise<{ readonly entries: readonly Entry[]; readonly scanned: Scanned }> {
  const { limit, reverse } = span
  const changes = outs.filter(({ key }) => spanHas(span, key))
  // So many may be gone, and one more says whether more follow: whatever is behind those cannot matter.
  const enough = spansOf([{ ...span, limit: limit + changes.length + 1 }])
  const { entries } = await shelf.read(enough, n)
  const patched = applyUpdate(entries, { changes }, reverse)
  if (patched.length <= limit) return { entries: patched, scanned: { more: false, range: rangeOf(span) } }
  const taken = patched.slice(0, limit)
  return { entries: taken, scanned: { more: true, range: upTo(span, taken.at(-1)?.key) } }
}

/** The span from the start of a range to the last key taken. */
function upTo({ lo, hi, reverse }: Span, last: string | undefined): Range {
  if (last === undefined) return { gte: lo, lt: lo }
  if (!reverse) return { gte: lo, lte: last }
  return hi === undefined ? { gte: last } : { gte: last, lt: hi }
}
