import type { Entry, Range, Scanned } from '@fanlight/core'
import { rangeOf, readQuery, type Span, spanHas } from '@fanlight/core/kit'
import { inOrder, liftEntries } from './lift.ts'
import { spanInRouter } from './mount.ts'
import type { Part, Plan } from './plan.ts'

/** What a part answered, in the keys of its store. */
export interface PartAnswer {
  readonly part: Part
  readonly entries: readonly Entry[]
  /** One for each range that the part was asked for. */
  readonly more: readonly Scanned[]
}

/** An answer that was put together. */
export interface Assembled {
  readonly entries: readonly Entry[]
  readonly more: readonly Scanned[]
}

/** Puts the answers of the parts together: in key order, and with the limits as they were asked for, over all mounts. */
export function assemble({ spans, assembled, order }: Plan, answers: readonly PartAnswer[]): Assembled {
  const versioned = answers.length === 1
  const lists = answers.map(({ part, entries }) => {
    const lifted = liftEntries(part, entries, versioned)
    return part.reverse === spans.reverse ? lifted : lifted.toReversed()
  })
  const all = order === undefined ? inOrder(lists, spans.reverse) : oneAfterAnother(lists, order, spans.reverse)
  if (!assembled) return { entries: all, more: spans.list.map((span, origin) => scannedAlone(span, origin, answers)) }
  const taken = new Set<Entry>()
  const more = spans.list.map((span, origin) => {
    const { entries, scanned } = firstOf(span, all, spans.reverse, hasMore(origin, answers))
    for (const entry of entries) taken.add(entry)
    return scanned
  })
  return { entries: taken.size === all.length ? all : all.filter((entry) => taken.has(entry)), more }
}

/** Lists that lie one behind the other, as one. */
function oneAfterAnother(
  lists: readonly (readonly Entry[])[],
  order: readonly number[],
  reverse: boolean,
): readonly Entry[] {
  if (lists.length < 2) return lists[0] ?? []
  const all: Entry[] = []
  for (const i of reverse ? order.toReversed() : order) for (const entry of lists[i] ?? []) all.push(entry)
  return all
}

/**
 * The first entries of a range, up to its limit. Each store gave its first entries of each piece at least, so that the
 * first of all that it gave are the first that there are.
 */
function firstOf(
  span: Span,
  all: readonly Entry[],
  reverse: boolean,
  rest: boolean,
): { entries: readonly Entry[]; scanned: Scanned } {
  const inside = all.filter(({ key }) => spanHas(span, key))
  if (span.limit === Infinity) return { entries: inside, scanned: { more: false, range: plainRange(span) } }
  const ordered = span.reverse === reverse ? inside : inside.toReversed()
  const entries = ordered.slice(0, span.limit)
  const more = rest || ordered.length > span.limit
  return { entries, scanned: { more, range: more ? scannedRange(span, entries.at(-1)?.key) : plainRange(span) } }
}

/** Whether any piece of a range has more than its store gave. */
function hasMore(origin: number, answers: readonly PartAnswer[]): boolean {
  return answers.some(({ part, more }) => part.origins.some((one, i) => one === origin && more[i]?.more === true))
}

/** What became of a range whose limit, if it has one, lies within one store. */
function scannedAlone(span: Span, origin: number, answers: readonly PartAnswer[]): Scanned {
  if (span.limit === Infinity) return { more: false, range: plainRange(span) }
  for (const { part, more } of answers) {
    const scanned = more[part.origins.indexOf(origin)]
    const [place] = part.places
    if (scanned?.more !== true || place === undefined) continue
    const [read = span] = readQuery(scanned.range).list
    const { lo, hi } = spanInRouter(place.mount, read)
    return { more: true, range: plainRange(span.reverse ? { ...span, lo } : { ...span, hi }) }
  }
  return { more: false, range: plainRange(span) }
}

function plainRange({ lo, hi }: Span): Range {
  return rangeOf({ lo, hi, limit: Infinity, reverse: false })
}

/** From the start of a range to the last key taken; without one, nothing was scanned. */
function scannedRange(span: Span, last: string | undefined): Range {
  if (last === undefined) return plainRange({ ...span, hi: span.lo })
  return plainRange(span.reverse ? { ...span, lo: last } : { ...span, hi: `${last}\0` })
}
