import {
  type Entry,
  FanlightError,
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
  noneOf,
  pointWindows,
  rangeOf,
  readQuery,
  replacement,
  rescued,
  soon,
} from '@fanlight/core/kit'
import { type AnswerCache, nameOf } from './answer-cache.ts'
import type { Answers, Found } from './answers.ts'
import type { Taken } from './follower.ts'
import { MapFailure } from './mapping.ts'
import type { Operator } from './operators/operator.ts'
import { isAt } from './path.ts'
import { nothing } from './shelf.ts'
import { anchors } from './upstream.ts'

/**
 * Says what of its upstream a view reads for a range of its own keys: at least all entries that yield a key of the range, with
 * all others that these are made of: the members of their groups, and whom they meet in a join. It must be pure.
 */
export type Reads = (range: Range) => Query

/** The `reads` of a view whose entries stand under the keys of those that yield them. */
export const sameKeys: Reads = (range) => range

/** How a view passes questions through. */
export interface PassingOptions {
  readonly upstream: Store
  readonly query: Query
  readonly operator: Operator
  /** Absent: any key may come from anywhere. */
  readonly reads: Reads | undefined
  /** Holds answers until something changes that they were made of; absent: each is worked out when it is asked for. */
  readonly cache: AnswerCache | undefined
}

/** What a view makes of what it read. */
interface Made extends Pick<Reading, 'entries' | 'more'> {
  /** About how many bytes the entries take. */
  readonly bytes: number
}

/**
 * Keeps no state: what is asked of the view is worked out of what its upstream says, at that very point. Answers at the newest
 * point may be held until something changes that they were made of.
 */
export class Passing implements Answers {
  readonly instant = true
  readonly #options: PassingOptions
  readonly #query: Spans
  #newest: Versions | undefined
  /** The last point of which it is known what was changed by each commit since. */
  #unbroken: Versions | undefined

  constructor(options: PassingOptions) {
    this.#options = options
    this.#query = readQuery(options.query, Infinity)
  }

  get newest(): Versions | undefined {
    return this.#newest
  }

  open(): Soon<Found> {
    const { upstream, query } = this.#options
    const { reached } = upstream
    if (this.#newest !== undefined) return { at: this.#newest }
    if (Object.keys(reached).length > 0) return { at: reached }
    return soon(ask(upstream, noneOf(query)), ({ versions }) => ({ at: versions }))
  }

  resume(at: Versions): void {
    this.#newest ??= at
  }

  quiet(at: Versions): void {
    this.#newest = at
  }

  apply({ replace, changes, folded }: Taken, at: Versions): readonly string[] | undefined {
    this.#newest = at
    const { cache, reads } = this.#options
    const keys = changes.map(({ key }) => key)
    if (replace === undefined) cache?.touch(keys)
    else cache?.clear()
    if (folded > 1) this.#unbroken = at
    // What a changed entry yielded before nobody knows, unless it stands under its own key.
    return reads === sameKeys && replace === undefined && folded <= 1 ? keys : undefined
  }

  mark(): Promise<void> {
    return Promise.resolve()
  }

  oldest(horizon: Versions): Versions {
    return horizon
  }

  read(spans: Spans, at: Versions): Soon<Reading> {
    const { cache } = this.#options
    const newest = this.#newest
    const isHeld = cache !== undefined && newest !== undefined && spans.list.length > 0 && isAt(at, newest)
    if (!isHeld) return this.#pass(spans, at, undefined)
    const name = nameOf(spans)
    const held = cache.get(name)
    if (held === undefined) return this.#pass(spans, at, name)
    const { entries, more, since } = held
    return { entries, more, windows: this.#windowsSince(since, at) }
  }

  difference(spans: Spans, since: Versions, until: Versions): Soon<Difference> {
    const options = { since: this.#ofUpstream(since), until: this.#ofUpstream(until) }
    return this.#options.upstream.changes(this.#readsOf(spans), options).then(async ({ replace, changes, folded }) => {
      if (replace === undefined && changes.length === 0 && folded === 0) return { changes: [], folded: 0 }
      const after = await this.read(spans, until)
      // Of what the upstream tells anew it may not know any more what was there: a store may stand in a router no more, say.
      if (replace !== undefined) {
        return replacement(spans, after.entries, folded)
      }
      const before = await this.read(spans, since)
      return { changes: diffEntries(before.entries, after.entries), folded }
    })
  }

  /** @param name under which the answer is held, where it is to be */
  #pass(spans: Spans, at: Versions, name: string | undefined): Soon<Reading> {
    const point = this.#ofUpstream(at)
    const query = this.#readsOf(spans)
    const expected = name === undefined ? undefined : this.#options.cache?.expect(name, readOf(query))
    const answered = (): Soon<Reading> =>
      soon(ask(this.#options.upstream, query, { min: point, max: point }), ({ entries, windows }) => {
        const own: Record<string, Window> = pointWindows(at)
        // The upstream may be further than the view shows.
        for (const [source, { from, to }] of Object.entries(windows)) {
          own[source] = { from, to: Math.min(to, Math.max(at[source] ?? 0, this.#newest?.[source] ?? 0)) }
        }
        return soon(this.#made(entries, spans), ({ bytes, ...made }) => {
          expected?.hold({ ...made, since: point }, bytes)
          return { ...made, windows: own }
        })
      })
    return rescued(answered, (error) => {
      expected?.giveUp()
      throw error
    })
  }

  /** What the entries yield, as far as it was asked for. */
  #made(read: readonly Entry[], spans: Spans): Soon<Made> {
    // Who asks for nothing has nothing read, the time of a window neither.
    if (spans.list.length === 0) return { entries: [], more: [], bytes: 0 }
    const all: Taken = { replace: { ranges: [{}], entries: read }, changes: [], folded: 1 }
    const planned = rescued(
      () => this.#options.operator.plan(all, nothing),
      (error) => {
        throw error instanceof MapFailure ? error.told() : error
      },
    )
    return soon(planned, ({ changes }) => {
      const tree = new VersionedTree(historyBounds())
      let bytes = 0
      for (const change of changes) {
        if (change.area !== 'out') continue
        tree.seed(change.key, change.value)
        bytes += change.bytes + change.key.length
      }
      const { entries, more } = tree.read(spans, 0)
      return { entries: entries.map(({ key, value }) => ({ key, value })), more, bytes }
    })
  }

  /** The windows of an answer that nothing has touched since a point, where it can be said what lies between. */
  #windowsSince(since: Versions, at: Versions): Record<string, Window> {
    const windows: Record<string, Window> = pointWindows(at)
    const newest = this.#newest ?? {}
    const sources = Object.keys(newest)
    const [source] = sources
    // Between two points of several sources lie others at which nobody looked.
    if (source === undefined || sources.length > 1) return windows
    const from = Math.max(since[source] ?? 0, this.#unbroken?.[source] ?? 0)
    windows[source] = { from, to: at[source] ?? 0 }
    return windows
  }

  /** What is read for spans of the view: in key order, without limits, and of the query of the view only. */
  #readsOf({ list }: Spans): Query {
    const { reads } = this.#options
    const all = this.#query
    if (reads === undefined || all.limited) return all.query
    const wanted = list.flatMap(({ lo, hi }) => spansRead(reads, hi === undefined ? { gte: lo } : { gte: lo, lt: hi }))
    const spans = mergeSpans(wanted.flatMap((span) => all.list.map(({ lo, hi }) => intersectSpan(plain(span), lo, hi))))
    const touched = anchors(all.query, this.#newest ?? {})
    const tooMany = spans.length + touched.length > defaultLimits.ranges
    return tooMany ? all.query : [...touched, ...spans.map(rangeOf)]
  }

  /** The part of a point that the upstream has: a point of the view has one source more. */
  #ofUpstream(at: Versions): Versions {
    return Object.fromEntries(Object.keys(this.#newest ?? {}).map((source) => [source, at[source] ?? 0]))
  }
}

/** What a question reads of the upstream: spans that it only touches are not read. */
function readOf(query: Query): readonly Span[] {
  return readQuery(query, Infinity).list.filter(({ limit }) => limit > 0)
}

/** @throws UNAVAILABLE where the function throws, or gives what is no query: that is no fault of who asks */
function spansRead(reads: Reads, range: Range): readonly Span[] {
  try {
    return readQuery(reads(range), Infinity).list
  } catch (cause) {
    const message = `\`reads\` of a view failed at ${JSON.stringify(range)}: see the cause, and change it`
    throw new FanlightError('UNAVAILABLE', message, { cause })
  }
}

function plain({ lo, hi }: Span): Span {
  return { lo, hi, limit: Infinity, reverse: false }
}
