/**
 * Ranges of keys as ranges of `_id`. MongoDB compares an `_id` only with bounds of its own type, so a range of keys becomes
 * one filter for each kind of `_id` that lies in it, and the index of `_id` serves each.
 *
 * @module
 */
import { key } from '@fanlight/core'
import { compareKeys } from '@fanlight/core/kit'
import { ObjectId, UUID } from 'mongodb'
import { type Cut, after, before, cutNumbers, cutObjectIds, cutStrings, cutUuids } from './cuts.ts'
import type { DocumentId } from './id-text.ts'

/** The kinds of `_id`, in the order of their keys. */
export type IdKind = 'number' | 'objectId' | 'uuid' | 'string'

/** Bounds of an `_id`, all of one type. */
export interface IdBounds {
  readonly $gt?: DocumentId
  readonly $gte?: DocumentId
  readonly $lt?: DocumentId
  readonly $lte?: DocumentId
}

/** A filter of MongoDB that asks for one `_id`, or for those between bounds. */
export interface IdFilter {
  readonly _id: DocumentId | IdBounds
}

/** The documents of one kind of `_id` in a range of keys. */
export interface IdRange {
  readonly kind: IdKind
  readonly filter: IdFilter
}

/** A kind of `_id`. */
interface Kind {
  readonly kind: IdKind
  /** Its texts lie in [from, to). */
  readonly from: string
  /** undefined: nothing comes behind. */
  readonly to: string | undefined
  readonly first: Cut
  /** undefined: there is no last one. */
  readonly last: Cut | undefined
  readonly cut: (text: string) => Cut
}

const kinds: readonly Kind[] = [
  {
    kind: 'number',
    from: '#',
    to: '$',
    // So infinite numbers and NaN, which have no keys, stay out.
    first: before(-Number.MAX_VALUE),
    last: after(Number.MAX_VALUE),
    cut: cutNumbers,
  },
  {
    kind: 'objectId',
    from: '$',
    to: '%',
    first: before(new ObjectId('0'.repeat(24))),
    last: after(new ObjectId('f'.repeat(24))),
    cut: cutObjectIds,
  },
  {
    kind: 'uuid',
    from: '&',
    to: "'",
    // Of binary data MongoDB compares first the length, then the subtype: so bounds that are UUIDs hold UUIDs alone.
    first: before(new UUID('0'.repeat(32))),
    last: after(new UUID('f'.repeat(32))),
    cut: cutUuids,
  },
  { kind: 'string', from: '.', to: undefined, first: before(''), last: undefined, cut: cutStrings },
]

/**
 * The keys of the documents of a collection: from `lo` (inclusive) to `hi` (exclusive).
 *
 * @param collection the name of the collection
 * @throws BAD_KEY where it holds half of a surrogate pair
 */
export function collectionSpan(collection: string): { lo: string; hi: string } {
  const start = key(collection)
  // `0` comes right behind `/`.
  return { lo: `${start}/`, hi: `${start}0` }
}

/**
 * Whether keys of a collection can lie in the span [lo, hi).
 *
 * @param hi undefined: no end
 * @throws BAD_KEY where the name of the collection holds half of a surrogate pair
 */
export function mayHold(collection: string, lo: string, hi: string | undefined): boolean {
  const span = collectionSpan(collection)
  if (compareKeys(lo, span.hi) >= 0) return false
  return hi === undefined || (compareKeys(span.lo, hi) < 0 && compareKeys(lo, hi) < 0)
}

/**
 * The documents of a collection whose keys lie in the span [lo, hi), as filters on `_id`: one for each kind of `_id`, none
 * for a kind that has no place in the span. Who sorts the answer of each by `_id` and puts one behind the other has all in
 * the order of keys.
 *
 * The filters are exact, whatever the bounds: they find every document of the span and none beside it. But MongoDB counts
 * Decimal128 among the numbers: it finds those that lie between the bounds too, and `documentKey` refuses them.
 *
 * @param collection the name of the collection
 * @param lo         the first key: any well-formed text
 * @param hi         the first key behind the span; undefined: no end
 * @throws BAD_KEY where the name of the collection holds half of a surrogate pair
 */
export function idRanges(collection: string, lo: string, hi: string | undefined): readonly IdRange[] {
  if (!mayHold(collection, lo, hi)) return []
  const span = collectionSpan(collection)
  // What lies between the bounds of the collection begins with the first of them.
  const from = compareKeys(lo, span.lo) <= 0 ? '' : lo.slice(span.lo.length)
  const to = hi === undefined || compareKeys(hi, span.hi) >= 0 ? undefined : hi.slice(span.lo.length)
  return kinds.flatMap((kind) => rangeOf(kind, from, to))
}

/** The part of [from, to) that is of a kind. What kinds begin with is ASCII: so plain `<` is the order of keys. */
function rangeOf(kind: Kind, from: string, to: string | undefined): IdRange[] {
  if ((to !== undefined && to <= kind.from) || (kind.to !== undefined && from >= kind.to)) return []
  const low = from <= kind.from ? kind.first : kind.cut(from)
  const high = to === undefined || (kind.to !== undefined && to >= kind.to) ? kind.last : kind.cut(to)
  if (high === undefined || !isSame(low.id, high.id)) return [{ kind: kind.kind, filter: between(low, high) }]
  return high.after && !low.after ? [{ kind: kind.kind, filter: { _id: low.id } }] : []
}

/** Whether two ids of one kind are the same. A double and a Long never are, although their decimals may be. */
function isSame(a: DocumentId, b: DocumentId): boolean {
  return typeof a === typeof b && a.toString() === b.toString()
}

function between(low: Cut, high: Cut | undefined): IdFilter {
  const lower = low.after ? { $gt: low.id } : { $gte: low.id }
  if (high === undefined) return { _id: lower }
  return { _id: high.after ? { ...lower, $lte: high.id } : { ...lower, $lt: high.id } }
}
