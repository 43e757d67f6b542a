import { FanlightError } from '../errors.ts'
import { type Hold, isClosedByHolder, pull } from '../feeds/pull.ts'
import { compareKeys } from '../keys/order.ts'
import { type Span, type Spans, readQuery } from '../ranges.ts'
import type { Entry, Feed, FeedState, Query, Range, Store, Update, ValueAt, Versions } from '../store.ts'
import type { Types } from '../types.ts'
import type { LiveOptions } from './live.ts'
import { Listeners } from './listeners.ts'
import { type Start, queryOf } from './page-query.ts'
import { indexFrom, reconcile } from './reconcile.ts'

/** Whether entries lie before and behind the page. */
export interface PageMore {
  readonly before: boolean
  readonly after: boolean
}

/** A step that has not been answered yet. */
interface Turn {
  readonly generation: number
  readonly start: Start
  /** The last key of the page, where it is known before the answer. */
  readonly end: string | undefined
  readonly done: () => void
}

const nothing: PageMore = Object.freeze({ before: false, after: false })

/** One page of a range, kept up to date: `page` makes one. */
export class Page<V = unknown> implements AsyncDisposable {
  /**
   * Calls back after the page, or the state of a source, changed, and when it is over. Bound.
   *
   * @returns ends it
   */
  readonly onChange: (callback: () => void) => () => void
  readonly #feed: Feed<V>
  readonly #span: Span
  readonly #size: number
  readonly #listeners = new Listeners()
  readonly #hold: Hold
  /** The page, what follows it, and what lies before it: ascending, as the feed answers. */
  #held: readonly Entry<V>[] = []
  #start: Start
  #end: string | undefined
  #entries: readonly Entry<V>[] | undefined
  #more: PageMore = nothing
  #versions: Versions = {}
  #turn: Turn | undefined
  #answered: () => void = () => undefined
  /** The turn before the next one: the first waits for the first answer. */
  #turning: Promise<void> = new Promise((resolve) => (this.#answered = resolve))
  /** How many other queries the feed was asked to follow. */
  #asked = 0
  #over: { readonly error?: unknown } | undefined

  /** @internal */
  constructor(feed: (query: Query) => Feed<V>, span: Span, size: number) {
    this.#span = span
    this.#size = size
    this.#feed = feed(queryOf(span, undefined, size))
    this.onChange = (callback) => this.#listeners.add(callback)
    const puller = {
      next: (update: Update<V>) => this.#apply(update),
      idle: () => this.#listeners.tell(),
      failed: (error: unknown) => this.#finish(isClosedByHolder(error) ? {} : { error }),
    }
    this.#hold = pull(this.#feed, puller, true)
  }

  /** The entries of the page, in the order of the range, frozen; undefined before the first answer. */
  get entries(): readonly Entry<V>[] | undefined {
    return this.#entries
  }

  /** Whether entries lie before and behind the page. The same object while that does not change. */
  get more(): PageMore {
    return this.#more
  }

  /** The point at which `entries` and `more` are true. */
  get versions(): Versions {
    const isQuiet = this.#over === undefined && this.#entries !== undefined && !this.#hold.isBusy
    return isQuiet ? this.#feed.versions : this.#versions
  }

  /** For each source how it stands. */
  get state(): FeedState {
    return this.#feed.state
  }

  /** What ended it, where that was an error. */
  get error(): unknown {
    return this.#over?.error
  }

  /**
   * Turns to the page that starts behind the last entry of this one; where nothing follows, it stays.
   *
   * @returns when the page shows it
   * @throws CLOSED; whatever ended the page
   */
  next(): Promise<void> {
    return this.#go(() => {
      if (this.#more.after && this.#end !== undefined)
        return { start: { key: this.#end, behind: true }, end: undefined }
    })
  }

  /**
   * Turns to the page that ends before this one; where nothing lies before, it stays. Where less than a page lies before,
   * it shows the first page.
   *
   * @returns when the page shows it
   * @throws CLOSED; whatever ended the page
   */
  previous(): Promise<void> {
    return this.#go(() => {
      if (!this.#more.before) return undefined
      const before = this.#inOrder(this.#held).slice(0, this.#lengthBefore())
      const first = before.at(-this.#size)
      if (first === undefined) return { start: undefined, end: undefined }
      return { start: { key: first.key, behind: false }, end: before.at(-1)?.key }
    })
  }

  /**
   * Turns to where the range starts.
   *
   * @returns when the page shows it
   * @throws CLOSED; whatever ended the page
   */
  first(): Promise<void> {
    return this.#go(() => ({ start: undefined, end: undefined }))
  }

  /** Ends it; `entries` stay. */
  close(): Promise<void> {
    this.#versions = this.versions
    this.#hold.stop()
    this.#finish({})
    return this.#feed.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Turns one by one, each from the page that the one before it shows. */
  #go(where: () => Pick<Turn, 'start' | 'end'> | undefined): Promise<void> {
    const turned = this.#turning.then(() => {
      this.#assertOpen()
      const to = where()
      if (to === undefined) return undefined
      return new Promise<void>((done) => {
        // The answer may come at once, before the feed says which generation that is.
        this.#turn = { ...to, generation: ++this.#asked, done }
        this.#feed.setQuery(queryOf(this.#span, to.start, this.#size))
      })
    })
    this.#turning = turned.catch(() => undefined)
    return turned.then(() => this.#assertOpen())
  }

  #apply(update: Update<V>): void {
    this.#held = reconcile(this.#held, update, false)
    this.#versions = update.versions
    this.#answered()
    const turn = this.#turn
    if (turn !== undefined && update.generation >= turn.generation) {
      this.#start = turn.start
      this.#end = turn.end
      this.#turn = undefined
      this.#show()
      turn.done()
    } else this.#show()
  }

  /** Shows what is held between both ends, after it moved the end where the page is too short or too long. */
  #show(): void {
    const ordered = this.#inOrder(this.#held)
    const from = this.#lengthBefore()
    let to = this.#end === undefined ? from : this.#lengthUpTo(ordered, this.#end)
    const length = to - from
    if (length < this.#size || length > 2 * this.#size) {
      to = Math.min(ordered.length, from + this.#size)
      this.#end = ordered[to - 1]?.key
      if (to === from) this.#end = undefined
    }
    const entries = ordered.slice(from, to)
    const same = this.#entries?.length === entries.length && entries.every((entry, i) => entry === this.#entries?.[i])
    const more = { before: from > 0, after: to < ordered.length }
    const sameMore = more.before === this.#more.before && more.after === this.#more.after
    if (!same) this.#entries = Object.freeze(entries)
    if (!sameMore) this.#more = Object.freeze(more)
    if (!same || !sameMore) this.#listeners.tell()
  }

  /** How many of the entries held lie before the page. */
  #lengthBefore(): number {
    const start = this.#start
    if (start === undefined) return 0
    const { reverse } = this.#span
    const at = indexFrom(this.#held, start.key, false)
    const there = this.#held[at]?.key === start.key ? 1 : 0
    if (reverse) return this.#held.length - at - (start.behind ? 0 : there)
    return at + (start.behind ? there : 0)
  }

  /** How many of the entries lie up to a key, in the order of reading. */
  #lengthUpTo(ordered: readonly Entry<V>[], key: string): number {
    const at = indexFrom(ordered, key, this.#span.reverse)
    const entry = ordered[at]
    return entry !== undefined && compareKeys(entry.key, key) === 0 ? at + 1 : at
  }

  #inOrder(entries: readonly Entry<V>[]): readonly Entry<V>[] {
    return this.#span.reverse ? entries.toReversed() : entries
  }

  #assertOpen(): void {
    if (this.#over === undefined) return
    if ('error' in this.#over) throw this.#over.error
    throw new FanlightError('CLOSED', 'the page is closed: make another one')
  }

  #finish(over: { readonly error?: unknown }): void {
    if (this.#over !== undefined) return
    this.#over = over
    this.#answered()
    this.#turn?.done()
    this.#listeners.tell()
  }
}

/**
 * Shows one page of a range and keeps it up to date. Both ends of the page are pinned by keys: entries that come before it
 * do not shift it, and entries that come between its first and its last make it longer, up to twice its size, so that
 * nothing is shown twice or left out while somebody turns pages. Only a page that has grown beyond that, or that deletes made
 * shorter than its size, gets a new end: it is cut to its size, or refilled from what follows.
 *
 * @param store   what is asked
 * @param query   one range, without a limit; `reverse` reads it from its end
 * @param size    how many entries a page has, from 1 up
 * @param options min, stall, signal, alone: as in `watch`
 * @returns the first page; `next`, `previous` and `first` turn it (L6: each page is the answer at its `versions`)
 * @throws BAD_QUERY where the query is no single range, or the size is none; BAD_KEY, CLOSED
 *
 * @example
 * ```ts
 * import { createMemoryStore, everything, page, put } from '@fanlight/core'
 *
 * const store = createMemoryStore()
 * await store.commit(['a', 'b', 'c'].map((key) => put(key, key)))
 * const shown = page(store, everything, 2)
 * await shown.next()
 * console.log(shown.entries?.map(({ key }) => key), shown.more) // [ 'c' ] { before: true, after: false }
 * await shown.close()
 * ```
 */
export function page<T extends Types, const Q extends Range>(
  store: Pick<Store<T>, '~types' | 'watch'>,
  query: Q,
  size: number,
  options: LiveOptions = {},
): Page<ValueAt<T, Q>> {
  if (typeof query === 'string' || Array.isArray(query))
    throw bad('a page shows one range: prefix(...), everything or { gte, lt }')
  const spans: Spans = readQuery(query, Infinity)
  const [span] = spans.list
  if (span === undefined || spans.limited) throw bad('a paged range has no limit: the size of the page is it')
  if (!Number.isSafeInteger(size) || size < 1) throw bad('the size of a page is a whole number from 1 up')
  return new Page((ranges) => store.watch(ranges, options) as Feed as Feed<ValueAt<T, Q>>, span, size)
}

function bad(message: string): FanlightError {
  return new FanlightError('BAD_QUERY', message)
}
