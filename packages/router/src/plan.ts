import type { Query, Range, Store } from '@fanlight/core'
import { compareKeys, isEmptySpan, mergeSpans, rangeOf, type Span, type Spans } from '@fanlight/core/kit'
import { type Mount, spanInStore } from './mount.ts'
import type { Piece, Table } from './table.ts'

/** The keys of one mount that a part asks for. */
export interface Place {
  readonly mount: Mount
  /** Plain spans in the keys of the store: ascending, apart from each other. */
  readonly spans: readonly Span[]
}

/** What one store is asked. A store that is mounted at several places is asked once. */
export interface Part {
  readonly store: Store
  readonly query: Query
  readonly places: readonly Place[]
  /** Whether every key that the store answers with belongs at its one place. */
  readonly direct: boolean
  /** Whether the store is asked with limits. */
  readonly limited: boolean
  /** Whether the store answers in descending order. */
  readonly reverse: boolean
  /** Where the store is asked range by range: which range of the whole query each of its ranges is a piece of. */
  readonly origins: readonly number[]
}

/** A query, split by mount, under one table. */
export interface Plan {
  readonly table: Table
  readonly spans: Spans
  readonly parts: readonly Part[]
  /** The version of the table since which these keys belong to the same mounts. */
  readonly since: number
  /**
   * Whether limits reach over several parts or places, so that the answers of the parts hold more than the answer, and it
   * has to be put together range by range.
   */
  readonly assembled: boolean
  /**
   * The parts as they lie behind one another, where each keeps to its own stretch of keys, so that their answers need not
   * be compared to be put in order; undefined: they interleave.
   */
  readonly order: readonly number[] | undefined
}

/** How many ranges a store is asked for at once: what stores take by default. */
const rangesMax = 64

/** A piece of a range, in the keys of the store that it belongs to. */
interface Share {
  readonly mount: Mount
  /** Which range of the query it is a piece of. */
  readonly origin: number
  readonly span: Span
  /** The same piece in the keys of the router. */
  readonly piece: Piece
}

/** Splits a query along the mounts: every key of every range into exactly one piece. */
export function planOf(table: Table, spans: Spans): Plan {
  const shares = new Map<Store, Share[]>()
  let since = 0
  let assembled = false
  for (const [origin, span] of spans.list.entries()) {
    let pieces = 0
    // An empty range touches no mount: it answers nothing, whatever is mounted.
    for (const piece of isEmptySpan(span) ? [] : table.pieces(span.lo, span.hi)) {
      const { mount } = piece
      since = Math.max(since, mount?.since ?? table.bareSince)
      if (mount === undefined) continue
      pieces++
      const { lo, hi } = spanInStore(mount, piece.lo, piece.hi)
      const own = { lo, hi, limit: span.limit, reverse: span.reverse }
      sharesOf(shares, mount.store).push({ mount, origin, span: own, piece })
    }
    if (pieces > 1 && span.limit !== Infinity) assembled = true
  }
  if (spans.list.length === 0) {
    // The answer to nothing is nothing whatever is mounted, but it says how far all the mounts are.
    since = table.version
    for (const store of table.stores) sharesOf(shares, store)
  }
  const parts: Part[] = []
  for (const [store, own] of shares) {
    const part = partOf(store, own, spans.reverse)
    const limited = own.some(({ span }) => span.limit !== Infinity)
    if (limited && !(part.direct && part.limited)) assembled = true
    parts.push(part)
  }
  return { table, spans, parts, since, assembled, order: orderOf(parts, [...shares.values()]) }
}

function orderOf(parts: readonly Part[], shares: readonly (readonly Share[])[]): readonly number[] | undefined {
  if (!parts.every(({ direct }) => direct)) return undefined
  if (parts.length < 2) return parts.map((_, i) => i)
  const hulls = shares.map((own, i) => ({ i, ...hullOf(own) })).sort((a, b) => compareKeys(a.lo, b.lo))
  for (let n = 1; n < hulls.length; n++) {
    const end = hulls[n - 1]?.hi
    if (end === undefined || compareKeys(end, hulls[n]?.lo ?? '') > 0) return undefined
  }
  return hulls.map(({ i }) => i)
}

/** The stretch from the first key of some pieces to their last. */
function hullOf(shares: readonly Share[]): { lo: string; hi: string | undefined } {
  const [first] = shares
  let { lo = '', hi } = first?.piece ?? {}
  for (const { piece } of shares) {
    if (compareKeys(piece.lo, lo) < 0) lo = piece.lo
    if (hi !== undefined && (piece.hi === undefined || compareKeys(piece.hi, hi) > 0)) hi = piece.hi
  }
  return { lo, hi }
}

function sharesOf(shares: Map<Store, Share[]>, store: Store): Share[] {
  let own = shares.get(store)
  if (own === undefined) shares.set(store, (own = []))
  return own
}

function partOf(store: Store, shares: readonly Share[], reverse: boolean): Part {
  const places = placesOf(shares)
  const limited = shares.length <= rangesMax && shares.some(({ span }) => span.limit !== Infinity)
  if (limited) {
    const list = shares.map(({ span }) => span)
    const origins = shares.map(({ origin }) => origin)
    return {
      store,
      query: queryOf(list),
      places,
      direct: places.length <= 1,
      limited,
      reverse: isReverse(list),
      origins,
    }
  }
  const merged = mergeSpans(shares.map(({ span }) => span))
  const asked = hulls(merged)
  const list = asked.map(({ lo, hi }) => ({ lo, hi, limit: Infinity, reverse }))
  const direct = places.length <= 1 && asked.length >= merged.length
  return { store, query: queryOf(list), places, direct, limited, reverse: isReverse(list), origins: [] }
}

function placesOf(shares: readonly Share[]): readonly Place[] {
  const [first] = shares
  if (first === undefined) return []
  if (shares.every(({ mount }) => mount === first.mount)) {
    return [{ mount: first.mount, spans: mergeSpans(shares.map(({ span }) => span)) }]
  }
  const byMount = new Map<Mount, Span[]>()
  for (const { mount, span } of shares) {
    const spans = byMount.get(mount)
    if (spans === undefined) byMount.set(mount, [span])
    else spans.push(span)
  }
  return [...byMount].map(([mount, spans]) => ({ mount, spans: mergeSpans(spans) }))
}

/** As few spans as a store takes: neighbours together with the gap between them, whose entries are then left out. */
function hulls(spans: readonly Span[]): readonly Span[] {
  if (spans.length <= rangesMax) return spans
  const each = Math.ceil(spans.length / rangesMax)
  const wide: Span[] = []
  for (let i = 0; i < spans.length; i += each) {
    const { lo } = spans[i] as Span
    const { hi } = spans[Math.min(i + each, spans.length) - 1] as Span
    wide.push({ lo, hi, limit: Infinity, reverse: false })
  }
  return wide
}

/** The query for these spans; one key alone is asked for as a key. */
function queryOf(list: readonly Span[]): Query {
  const [only] = list
  if (list.length !== 1 || only === undefined) return list.map(rangeOf)
  return only.hi === `${only.lo}\0` && only.limit === Infinity ? only.lo : rangeOf(only)
}

function isReverse(list: readonly Span[]): boolean {
  return list.length > 0 && list.every(({ reverse }) => reverse)
}

/** The same query without an answer: to ask how far a store is with just these keys. */
export function probeOf(query: Query): Query {
  if (typeof query === 'string') return { gte: query, lte: query, limit: 0 }
  if (!Array.isArray(query)) return { ...(query as Range), limit: 0 }
  return (query as readonly (string | Range)[]).map((range) => probeOf(range) as Range)
}
