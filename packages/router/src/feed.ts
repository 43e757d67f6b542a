import { type Entry, type Feed, FanlightError, type FeedState, isFanlightError, type Query, type SourceId, type Update, type Versions, type WatchOptions } from '@fanlight/core'
import { applyUpdate, closed, diffEntries, iterateFeed, mergeSpans, rangeOf, reaches, readQuery, type Span, type Spans, spansOf, subtractSpans } from '@fanlight/core/kit'
import { assemble } from './assemble.ts'
import { type RouterHost, tableAt } from './host.ts'
import { inOrder, type Lifted, liftUpdate } from './lift.ts'
import { type Part, planOf } from './plan.ts'
import { agreedPoint, commonPoint, frozenWith, leadingPoint, raiseKnown } from './points.ts'
import { mergeStates, pointOf } from './scope.ts'
import { Sub } from './sub.ts'
import { changedSpans, type Table } from './table.ts'

/** What a feed of a router needs of it. */
export interface FeedHost extends RouterHost {
  /** The feed is over. */
  forget(feed: RouterFeed): void
}

/** What a `take` gives. */
type Taken = Update | undefined | Promise<Update | undefined>

/** How often a step is tried at a newer point, while stores forget faster than others catch up. */
const triesMax = 16

/**
 * A feed over several mounts. It steps only to points at which all of them agree (L5), and holds a point of each store,
 * not its changes (L8).
 */
export class RouterFeed implements Feed {
  readonly #host: FeedHost
  readonly #ended = new AbortController()
  readonly #min: Versions
  #spans: Spans
  /** The table of mounts under which the stores were chosen. */
  #table: Table
  /** Whether other mounts have come to these keys since. */
  #moved = false
  #subs: Sub[] = []
  /** The answer held, where limits reach over several stores: it has to be put together, and compared. */
  #answer: readonly Entry[] | undefined
  #assembled = false
  /** The keys that the next update replaces; undefined: none, and there may be no next update. */
  #replacing: readonly Span[] | undefined
  /** Finds out what the holder has, where it resumed with limits that reach over several stores. */
  #recall: (() => Promise<void>) | undefined
  #generation = 0
  #asked: Query | undefined
  #held: Versions = {}
  #armed = true
  #taking = false
  #ring: (() => void) | undefined
  #failure: FanlightError | undefined

  constructor(host: FeedHost, spans: Spans, { since, min, signal }: WatchOptions) {
    this.#host = host
    this.#spans = spans
    this.#table = host.tables.current
    this.#min = min === undefined ? {} : host.resolve(min, 'min')
    const point = since === undefined ? undefined : this.#resumable(since)
    if (point === undefined || !this.#resume(point)) this.#begin([])
    if (signal !== undefined) this.#heed(signal)
  }

  get versions(): Versions {
    return this.#quiet() ?? this.#held
  }

  get reached(): Versions {
    const point = agreedPoint(this.#subs, frozenWith(this.#subs))
    raiseKnown(point, this.#held)
    return { ...point, [this.#host.tables.source]: this.#tableVersion() }
  }

  get state(): FeedState {
    return mergeStates([...this.#subs.map(({ state }) => state), { [this.#host.tables.source]: { status: 'live' } }])
  }

  wake(callback: () => void): () => void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#ring !== undefined) {
      throw new FanlightError('BAD_QUERY', 'a feed has one holder: end its wake first, or watch the query once more')
    }
    this.#ring = callback
    if (this.#quiet() === undefined) {
      this.#armed = false
      queueMicrotask(() => this.#ring === callback && callback())
    }
    return () => {
      if (this.#ring === callback) this.#ring = undefined
    }
  }

  take(to?: Versions): Taken {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#taking) throw new FanlightError('BAD_QUERY', 'the take before has not ended: await it first')
    const wanted = to === undefined ? undefined : this.#host.resolve(to, 'to')
    if (wanted !== undefined) refuseBack(this.#held, wanted)
    this.#armed = true
    const taken = this.#recall === undefined ? this.#take(wanted) : this.#recall().then(() => this.#take(wanted))
    return taken instanceof Promise ? this.#busy(taken) : taken
  }

  setQuery(query: Query): number {
    if (this.#failure !== undefined) throw this.#failure
    const before = this.#spans
    this.#spans = readQuery(query, this.#host.limits.ranges)
    this.#table = this.#host.tables.current
    this.#moved = false
    this.#asked = query
    this.#begin([...before.list, ...(this.#replacing ?? [])])
    this.#generation++
    this.ring()
    return this.#generation
  }

  close(): Promise<void> {
    this.end(closed('the feed'))
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [Symbol.asyncIterator](): AsyncIterator<Update, void, undefined> {
    return iterateFeed(this, () => this.#failure !== undefined && this.#failure.store === undefined)
  }

  /** Tells the holder, once until it takes. */
  readonly ring = (): void => {
    if (!this.#armed || this.#ring === undefined) return
    this.#armed = false
    this.#ring()
  }

  /** Another table of mounts is the current one. */
  retabled(): void {
    this.#moved = this.#movedTo(this.#host.tables.current) !== undefined
    if (this.#moved) this.ring()
  }

  /** Ends the feed for good: by its holder, by its signal, or because the router closed. */
  end(why: FanlightError): void {
    if (this.#failure !== undefined) return
    this.#failure = why
    this.#host.forget(this)
    for (const sub of this.#subs) sub.close()
    this.#armed = true
    this.ring()
    this.#ended.abort(why)
    this.#ring = undefined
  }

  #heed(signal: AbortSignal): void {
    const end = (): void => this.end(closed('the feed'))
    if (signal.aborted) return end()
    signal.addEventListener('abort', end, { once: true })
    this.#ended.signal.addEventListener('abort', () => signal.removeEventListener('abort', end), { once: true })
  }

  /** Starts with the whole answer, in place of whatever is held. */
  #begin(held: readonly Span[]): void {
    for (const sub of this.#subs) sub.close()
    const { parts, assembled } = planOf(this.#table, this.#spans)
    this.#assembled = assembled
    this.#answer = undefined
    this.#recall = undefined
    this.#replacing = mergeSpans([...held, ...this.#spans.list])
    this.#subs = parts.map((part) => this.#sub(part))
  }
}
