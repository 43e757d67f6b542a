import type { Change, Entry, Range, Update } from '@fanlight/core'
import { compareKeys, intersectSpan, isEmptySpan, readQuery, type Span } from '@fanlight/core/kit'
import { spanInRouter } from './mount.ts'
import type { Part, Place } from './plan.ts'

/** What a part takes part in: its places, and whether each key belongs at the one that there is. */
type Lifting = Pick<Part, 'places' | 'direct'>

/**
 * The entries that a store answered with, at their keys in the router.
 *
 * @param versioned whether they keep their versions: where no other store answers beside this one
 */
export function liftEntries(
  { places, direct }: Lifting,
  entries: readonly Entry[],
  versioned: boolean,
): readonly Entry[] {
  const [first] = places
  if (first === undefined || entries.length === 0) return []
  if (direct) {
    const { prefix } = first.mount
    if (versioned) return prefix === '' ? entries : entries.map((entry) => liftEntry(prefix, entry))
    return entries.map(({ key, value }) => ({ key: prefix + key, value }))
  }
  const lifted: Entry[] = []
  for (const { mount, spans } of places) {
    for (const { key, value } of entries) if (covers(spans, key)) lifted.push({ key: mount.prefix + key, value })
  }
  return lifted
}

/** An entry at its key in the router. */
export function liftEntry(prefix: string, { key, value, version }: Entry): Entry {
  return version === undefined ? { key: prefix + key, value } : { key: prefix + key, value, version }
}

/** What an update of a store says, at the keys of the router. */
export interface Lifted {
  readonly spans: readonly Span[]
  readonly entries: readonly Entry[]
  readonly changes: readonly Change[]
}

/** An update of a store, at the keys of the router. Only what the places have asked for comes through. */
export function liftUpdate(part: Lifting, { replace, changes }: Pick<Update, 'replace' | 'changes'>): Lifted {
  const spans = replace === undefined ? [] : liftRanges(part.places, replace.ranges)
  const entries = replace === undefined ? [] : liftEntries(part, replace.entries, false)
  return { spans, entries, changes: liftChanges(part, changes) }
}

function liftChanges({ places, direct }: Lifting, changes: readonly Change[]): readonly Change[] {
  const [first] = places
  if (first === undefined || changes.length === 0) return []
  if (direct) {
    const { prefix } = first.mount
    return prefix === '' ? changes : changes.map((change) => liftChange(prefix, change))
  }
  const lifted: Change[] = []
  for (const { mount, spans } of places) {
    for (const change of changes) if (covers(spans, change.key)) lifted.push(liftChange(mount.prefix, change))
  }
  return lifted
}

function liftChange(prefix: string, change: Change): Change {
  const key = prefix + change.key
  return change.gone === true ? { key, gone: true } : { key, value: change.value }
}

/** Ranges of a store that were replaced, as far as they lie in the places. */
function liftRanges(places: readonly Place[], ranges: readonly Range[]): Span[] {
  const lifted: Span[] = []
  for (const { lo, hi } of readQuery(ranges, Infinity).list) {
    for (const { mount, spans } of places) {
      for (const span of spans) {
        const both = intersectSpan(span, lo, hi)
        if (!isEmptySpan(both)) lifted.push(spanInRouter(mount, both))
      }
    }
  }
  return lifted
}

/** The spans of the places of a part, in the keys of the router. */
export function liftPlaces(places: readonly Place[]): Span[] {
  return places.flatMap(({ mount, spans }) => spans.map((span) => spanInRouter(mount, span)))
}

/** Whether a key lies in one of the spans, which are ascending and apart from each other. */
function covers(spans: readonly Span[], key: string): boolean {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareKeys((spans[middle] as Span).lo, key) <= 0) low = middle + 1
    else high = middle
  }
  const span = spans[low - 1]
  return span !== undefined && (span.hi === undefined || compareKeys(key, span.hi) < 0)
}

/** Several lists in one, in key order; cheap where each is in order and they lie one behind the other. */
export function inOrder<I extends { readonly key: string }>(
  lists: readonly (readonly I[])[],
  reverse: boolean,
): readonly I[] {
  const filled = lists.filter((list) => list.length > 0)
  const [first] = filled
  if (first === undefined) return []
  const sign = reverse ? -1 : 1
  const compare = (a: I | undefined, b: I | undefined): number => sign * compareKeys(a?.key ?? '', b?.key ?? '')
  const all = filled.length === 1 ? first : filled.sort((a, b) => compare(a[0], b[0])).flat()
  for (let i = 1; i < all.length; i++) if (compare(all[i - 1], all[i]) > 0) return all.toSorted(compare)
  return all
}
