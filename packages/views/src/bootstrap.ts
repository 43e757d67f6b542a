import { type Entry, type Range, type Snapshot, type Store, type Versions, isFanlightError } from '@fanlight/core'
import {
  type Soon,
  type Span,
  type Spans,
  ask,
  compareKeys,
  mergeSpans,
  rangeOf,
  reaches,
  readQuery,
  subtractSpans,
} from '@fanlight/core/kit'
import type { Taken } from './follower.ts'
import { anchors } from './upstream.ts'

/** How far the first state of a view is. */
export interface Started {
  /** The point at which what has been read is what the upstream holds there. */
  readonly at: Versions
  /** What has not been read yet. */
  readonly rest: readonly Range[]
}

/** What a bootstrap needs of its view. */
export interface BootstrapHost {
  /** How many entries of a range are read at once. */
  readonly pageSize: number
  /**
   * Takes a part of what the upstream holds, and what changed in the parts before it.
   *
   * @param rest    what is left to be read: nothing where this was the last part
   * @param isFirst whether nothing has been read before: what is there goes
   */
  load(update: Taken, at: Versions, rest: readonly Range[], isFirst: boolean): Soon<void>
  /** So many more entries have been read. */
  progressed(entries: number): void
}

/** So often the upstream may forget a point before what came after it was read: then it keeps too little. */
const lostMax = 16

/** So many ranges are read side by side, each from both ends. */
const lanesMax = 16

/** A query of more ranges is read at once: a question would be of too many. */
export const rangesMax = 32

/**
 * Reads all of the upstream part by part, so that no more than a part is in hand at once, and so that what was read stays
 * read where the view stops in between. Each part is read at the newest point, together with what has changed since the last
 * one in the parts before it: a bootstrap that takes its time stays close behind its upstream, and is never lost in fog only
 * because there is much to read.
 *
 * An upstream that takes its time is asked for several parts in one question: for each range of the query one from its
 * beginning and one from its end. The next question is under way while the answer to the last one is written.
 */
export class Bootstrap {
  readonly #upstream: Store
  readonly #spans: Spans
  readonly #host: BootstrapHost
  readonly #ended = new AbortController()
  /** Where it is; undefined: nothing has been read. */
  #at: Versions | undefined
  #rest: readonly Span[]
  /** The question that is under way while what was read is written. */
  #asked: Soon<Snapshot> | undefined
  /** Whether the upstream answers at once: then nothing is gained by asking for several parts. */
  #isAtHand = true
  /** How often all had to be read anew. Parts that were read in between count for nothing: they are to be read again. */
  #lost = 0
  #ran: Promise<void> = Promise.resolve()

  /** @param started where another one stopped */
  constructor(upstream: Store, spans: Spans, host: BootstrapHost, started: Started | undefined) {
    this.#upstream = upstream
    this.#spans = spans
    this.#host = host
    this.#at = started?.at
    this.#rest = started === undefined ? disjoint(spans.list) : readQuery(started.rest, Infinity).list
  }

  /** Ends it; resolves when nothing is written any more. */
  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#ran
  }

  /**
   * Reads what is left.
   *
   * @returns the point at which all of it is what the upstream holds
   * @throws whatever the upstream and the host throw; MapFailure where a function of the view does
   */
  run(): Promise<Versions> {
    const run = this.#parts()
    this.#ran = run.then(ignored, ignored)
    return run
  }

  async #parts(): Promise<Versions> {
    let at = this.#at
    while (at === undefined || this.#rest.length > 0) {
      this.#ended.signal.throwIfAborted()
      try {
        const asked: Soon<Snapshot> = this.#asked ?? this.#ask(this.#rest, at, at !== undefined && !this.#isAtHand)
        this.#asked = undefined
        this.#isAtHand = !(asked instanceof Promise)
        at = await this.#take(asked instanceof Promise ? await asked : asked)
      } catch (error) {
        this.#asked = undefined
        const isLost = isFanlightError(error, 'LOST_IN_FOG') || isFanlightError(error, 'SOURCE_RESET')
        if (!isLost || ++this.#lost > lostMax) throw error
        // What was read before is of a point that nobody knows any more.
        at = this.#at = undefined
        this.#rest = disjoint(this.#spans.list)
      }
    }
    return at
  }

  async #take({ entries, versions, more }: Snapshot): Promise<Versions> {
    const scanned = more.flatMap(({ range }) => readQuery(range).list)
    const rest = this.#rest.flatMap((span) => subtractSpans([span], scanned))
    const { replace, changes } = await this.#changesTo(versions)
    if (rest.length > 0 && !this.#isAtHand) this.#askAhead(rest, versions)
    const ranges = [...mergeSpans(scanned).map(rangeOf), ...(replace?.ranges ?? [])]
    const all = replace === undefined ? entries : [...entries, ...replace.entries].sort(byKey)
    const update: Taken = { replace: { ranges, entries: all }, changes, folded: 2 }
    await this.#host.load(update, versions, rest.map(rangeOf), this.#at === undefined)
    this.#rest = rest
    this.#host.progressed(entries.length)
    return (this.#at = versions)
  }

  /** What changed where all has been read. */
  async #changesTo(until: Versions): Promise<Pick<Taken, 'replace' | 'changes'>> {
    const since = this.#at
    const read = subtractSpans(this.#spans.list, this.#rest)
    if (since === undefined || read.length === 0 || isSame(since, until)) return { changes: [] }
    const query = [...anchors(this.#spans.query, until), ...read.map(rangeOf)]
    return this.#upstream.changes(query, { since, until, signal: this.#ended.signal })
  }

  #askAhead(rest: readonly Span[], min: Versions): void {
    const asked = this.#ask(rest, min, true)
    this.#asked = asked
    // Whoever takes it hears of it.
    if (asked instanceof Promise) asked.catch(() => undefined)
  }

  /** @param bothEnds whether each range is read from both of its ends */
  #ask(rest: readonly Span[], min: Versions | undefined, bothEnds: boolean): Soon<Snapshot> {
    const limit = this.#host.pageSize
    const some = min === undefined ? rest : rest.slice(0, lanesMax)
    const lanes = some.flatMap((span) =>
      (bothEnds ? [false, true] : [false]).map((reverse) => rangeOf({ ...span, limit, reverse })),
    )
    const query = min === undefined ? lanes : [...anchors(this.#spans.query, min), ...lanes]
    return ask(this.#upstream, query, { min, signal: this.#ended.signal, timeoutMs: Infinity })
  }
}

function ignored(): void {}

function byKey(a: Entry, b: Entry): number {
  return compareKeys(a.key, b.key)
}

function isSame(a: Versions, b: Versions): boolean {
  return reaches(a, b) && reaches(b, a)
}

/** The same keys as spans of which no two overlap: neighbours stay apart, so that they are read side by side. */
function disjoint(list: readonly Span[]): readonly Span[] {
  const found: Span[] = []
  for (const span of list) found.push(...subtractSpans([span], found))
  return found
}
