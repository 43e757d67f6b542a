import {
  type Feed,
  FanlightError,
  type FeedState,
  type Query,
  type Update,
  type Versions,
  type WatchOptions,
} from '@fanlight/core'
import { closed, iterateFeed, readQuery, type Spans, onAbort } from '@fanlight/core/kit'
import { Following } from './following.ts'
import type { RouterHost } from './host.ts'

/** What a feed of a router needs of it. */
export interface FeedHost extends RouterHost {
  /** The feed is over. */
  forget(feed: RouterFeed): void
}

/**
 * A feed over several mounts. It steps only to points at which all of them agree (L5), and holds a point of each store,
 * not its changes (L8).
 */
export class RouterFeed implements Feed {
  readonly #host: FeedHost
  readonly #following: Following
  #armed = true
  #taking = false
  #callback: (() => void) | undefined
  #failure: FanlightError | undefined
  /** Forgets the signal that would close it. */
  #unheed: (() => unknown) | undefined

  constructor(host: FeedHost, spans: Spans, { since, min, stall, signal }: WatchOptions) {
    this.#host = host
    this.#following = new Following(host, spans, { since, min, stall }, () => this.#ring())
    if (signal !== undefined) this.#heed(signal)
  }

  get versions(): Versions {
    const { held } = this.#following
    return this.#taking ? held : (this.#following.quiet() ?? held)
  }

  get reached(): Versions {
    return this.#following.reached
  }

  get state(): FeedState {
    return this.#following.state
  }

  wake(callback: () => void): () => void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#callback !== undefined) {
      throw new FanlightError('BAD_QUERY', 'a feed has one holder: end its wake first, or watch the query once more')
    }
    this.#callback = callback
    if (this.#following.quiet() === undefined) {
      this.#armed = false
      queueMicrotask(() => this.#callback === callback && callback())
    }
    return () => {
      if (this.#callback === callback) this.#callback = undefined
    }
  }

  take(to?: Versions): Update | undefined | Promise<Update | undefined> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#taking) throw new FanlightError('BAD_QUERY', 'the take before has not ended: await it first')
    const wanted = to === undefined ? undefined : this.#host.resolve(to, 'to', to)
    if (wanted !== undefined) refuseBack(this.#following.held, wanted)
    this.#armed = true
    const step = this.#following.take(wanted)
    return step instanceof Promise ? this.#busy(step) : step
  }

  setQuery(query: Query): number {
    if (this.#failure !== undefined) throw this.#failure
    const generation = this.#following.ask(readQuery(query, this.#host.limits.ranges))
    this.#ring()
    return generation
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

  /** Another table of mounts is the current one. */
  retabled(): void {
    if (this.#following.retabled()) this.#ring()
  }

  /** Ends the feed for good: by its holder, by its signal, or because the router closed. */
  end(why: FanlightError): void {
    if (this.#failure !== undefined) return
    this.#failure = why
    this.#host.forget(this)
    this.#following.close()
    this.#armed = true
    this.#ring()
    this.#unheed?.()
    this.#callback = undefined
  }

  /** Tells the holder, once until it takes. */
  #ring(): void {
    if (!this.#armed || this.#callback === undefined) return
    this.#armed = false
    try {
      this.#callback()
    } catch (error) {
      // The holder's mistake must not break what woke it: it is thrown where nobody else stands.
      queueMicrotask(() => {
        throw error
      })
    }
  }

  #heed(signal: AbortSignal): void {
    const end = (): void => this.end(closed('the feed'))
    if (signal.aborted) return end()
    this.#unheed = onAbort(signal, end)
  }

  /** Marks that a take is under way, until it ends. */
  #busy(step: Promise<Update | undefined>): Promise<Update | undefined> {
    this.#taking = true
    return step
      .finally(() => (this.#taking = false))
      .then(
        (done) => {
          if (this.#failure !== undefined) throw this.#failure
          return done
        },
        (error: unknown) => {
          throw this.#failure ?? error
        },
      )
  }
}

/** @throws BAD_QUERY where a point is before the one held */
function refuseBack(held: Versions, wanted: Versions): void {
  for (const source in wanted) {
    if ((held[source] ?? 0) <= (wanted[source] ?? 0)) continue
    throw new FanlightError('BAD_QUERY', 'a feed only goes forward: take a point that is not before the one held', {
      source,
      wanted,
      reached: held,
    })
  }
}
