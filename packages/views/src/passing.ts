import {
  type Entry,
  type Query,
  type Range,
  type Store,
  type Versions,
  type Window,
  defaultLimits,
} from '@fanlight/core'
import {
  type Difference,
  type Reading,
  type Soon,
  type Span,
  type Spans,
  VersionedTree,
  ask,
  diffEntries,
  historyBounds,
  intersectSpan,
  mergeSpans,
  pointWindows,
  rangeOf,
  readQuery,
  soon,
} from '@fanlight/core/kit'
import type { Answers } from './answers.ts'
import type { Taken } from './follower.ts'
import { MapFailure, type Mapping } from './mapping.ts'

/**
 * Says what of its upstream a view reads for a range of its own keys: at least all entries that yield a key of the range. It
 * must be pure.
 */
export type Reads = (range: Range) => Query

/** The `reads` of a view whose entries stand under the keys of those that yield them. */
export const sameKeys: Reads = (range) => range

/** How a view passes questions through. */
export interface PassingOptions {
  readonly upstream: Store
  readonly query: Query
  readonly mapping: Mapping
  /** Absent: any key may come from anywhere. */
  readonly reads: Reads | undefined
}

/** Keeps nothing: what is asked of the view is worked out of what its upstream says, at that very point. */
export class Passing implements Answers {
  readonly instant = true
  readonly #options: PassingOptions
  readonly #query: Spans
  #newest: Versions | undefined

  constructor(options: PassingOptions) {
    this.#options = options
    this.#query = readQuery(options.query, Infinity)
  }

  get newest(): Versions | undefined {
    return this.#newest
  }

  open(): Versions | undefined {
    const { reached } = this.#options.upstream
    return this.#newest ?? (Object.keys(reached).length === 0 ? undefined : reached)
  }

  resume(at: Versions): void {
    this.#newest ??= at
  }

  quiet(at: Versions): void {
    this.#newest = at
  }

  apply({ replace, changes, folded }: Taken, at: Versions): readonly string[] | undefined {
    this.#newest = at
    // What a changed entry yielded before nobody knows, unless it stands under its own key.
    const isKnown = this.#options.reads === sameKeys && replace === undefined && folded <= 1
    return isKnown ? changes.map(({ key }) => key) : undefined
  }

  mark(): Promise<void> {
    return Promise.resolve()
  }

  oldest(horizon: Versions): Versions {
    return horizon
  }

  read(spans: Spans, at: Versions): Soon<Reading> {
    const point = this.#ofUpstream(at)
    const found = ask(this.#options.upstream, this.#readsOf(spans), { min: point, max: point })
    return soon(found, ({ entries, windows }) => {
      const own: Record<string, Window> = pointWindows(at)
      // The upstream may be further than the view shows.
      for (const [source, { from, to }] of Object.entries(windows)) {
        own[source] = { from, to: Math.min(to, Math.max(at[source] ?? 0, this.#newest?.[source] ?? 0)) }
      }
      return { ...this.#shown(entries, spans), windows: own }
    })
  }

  difference(spans: Spans, since: Versions, until: Versions): Soon<Difference> {
    const options = { since: this.#ofUpstream(since), until: this.#ofUpstream(until) }
    return this.#options.upstream.changes(this.#readsOf(spans), options).then(async ({ replace, changes, folded }) => {
      if (replace === undefined && changes.length === 0 && folded === 0) return { changes: [], folded: 0 }
      const before = await this.read(spans, since)
      const after = await this.read(spans, until)
      return { changes: diffEntries(before.entries, after.entries), folded }
    })
  }

  /** What the entries yield, as far as it was asked for: of those that yield one key the first wins. */
  #shown(entries: readonly Entry[], spans: Spans): Pick<Reading, 'entries' | 'more'> {
    const tree = new VersionedTree(historyBounds())
    const taken = new Set<string>()
    try {
      for (const entry of this.#query.reverse ? entries.toReversed() : entries) {
        for (const { key, value } of this.#options.mapping.of(entry)) {
          if (taken.has(key)) continue
          taken.add(key)
          tree.seed(key, value)
        }
      }
    } catch (error) {
      throw error instanceof MapFailure ? error.told() : error
    }
    const found = tree.read(spans, 0)
    return { entries: found.entries.map(({ key, value }) => ({ key, value })), more: found.more }
  }

  /** What is read for spans of the view: in key order, without limits, and of the query of the view only. */
  #readsOf({ list }: Spans): Query {
    const { reads } = this.#options
    const all = this.#query
    if (reads === undefined || all.limited) return all.query
    const wanted = list.flatMap(
      ({ lo, hi }) => readQuery(reads(hi === undefined ? { gte: lo } : { gte: lo, lt: hi }), Infinity).list,
    )
    const spans = mergeSpans(wanted.flatMap((span) => all.list.map(({ lo, hi }) => intersectSpan(plain(span), lo, hi))))
    // A router asks of a point whoever has its sources, the view itself among them, unless the query touches all it is made of.
    const several = Object.keys(this.#newest ?? {}).length > 1
    const rest = several ? all.list.map((span): Span => ({ ...span, limit: 0 })) : []
    return spans.length + rest.length > defaultLimits.ranges ? all.query : [...rest, ...spans].map(rangeOf)
  }

  /** The part of a point that the upstream has: a point of the view has one source more. */
  #ofUpstream(at: Versions): Versions {
    return Object.fromEntries(Object.keys(this.#newest ?? {}).map((source) => [source, at[source] ?? 0]))
  }
}

function plain({ lo, hi }: Span): Span {
  return { lo, hi, limit: Infinity, reverse: false }
}
