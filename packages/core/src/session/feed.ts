import { FanlightError, closed, isFanlightError } from '../errors.ts'
import { iterateFeed } from '../feeds/iterate.ts'
import { restrict } from '../feeds/points.ts'
import { tell } from '../feeds/tell.ts'
import type { Feed, FeedState, Query, Update, Versions } from '../store.ts'
import { reaches } from '../versions.ts'
import type { SessionSteps } from './steps.ts'

/** What a feed needs of its session. */
export interface FeedHome {
  /** What the asker has seen from now on. */
  saw(point: Versions): void
  /** Resolves when the stores that a query touches have reached a point. */
  whenReached(query: Query, point: Versions, signal: AbortSignal): Promise<unknown>
}

/** A feed that steps together with the others of its session. */
export class SessionFeed implements Feed {
  /** The first answer is not before this. */
  readonly least: Versions
  readonly #feed: Feed
  readonly #steps: SessionSteps
  readonly #home: FeedHome
  readonly #ended = new AbortController()
  #query: Query
  #holder: (() => void) | undefined
  #armed = true
  #rung = true
  #asked = 0
  #answered = -1
  #hasFailed = false
  #isCatchingUp = false
  #mayCatchUp = true
  #failure: FanlightError | undefined
  #onEnd: (() => void) | undefined

  constructor(feed: Feed, query: Query, least: Versions, steps: SessionSteps, home: FeedHome) {
    this.#feed = feed
    this.#query = query
    this.least = least
    this.#steps = steps
    this.#home = home
    feed.wake(() => {
      this.#mayCatchUp = true
      this.ring()
    })
  }

  get versions(): Versions {
    return this.#feed.versions
  }

  /** The newest point to which it can step; `take` without a point goes there when the others of the session can. */
  get reached(): Versions {
    return this.#feed.reached
  }

  get state(): FeedState {
    return this.#feed.state
  }

  /** Whether it waits for the answer to a query that was set, and that nothing is compared with. */
  get isUnanswered(): boolean {
    return this.#asked > this.#answered
  }

  /** Whether the others wait for it to take what it has. */
  get holdsOthers(): boolean {
    return this.#holder !== undefined && !this.#hasFailed && !this.isUnanswered
  }

  /** Whether something may be there behind what was taken. */
  get hasMore(): boolean {
    return this.isUnanswered || !reaches(this.#feed.versions, this.#feed.reached)
  }

  /** Whether something is to be taken up to a point. */
  misses(point: Versions): boolean {
    return this.isUnanswered || !reaches(this.#feed.versions, point)
  }

  wake(callback: () => void): () => void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#holder !== undefined) {
      throw new FanlightError('BAD_QUERY', 'a feed has one holder: end its wake first, or watch the query once more')
    }
    this.#holder = callback
    if (this.#rung) {
      this.#armed = false
      queueMicrotask(() => this.#holder === callback && callback())
    }
    return () => {
      if (this.#holder !== callback) return
      this.#holder = undefined
      this.#steps.changed()
    }
  }

  take(to?: Versions): Update | undefined | Promise<Update | undefined> {
    if (this.#failure !== undefined) throw this.#failure
    this.#armed = true
    this.#rung = false
    if (to === undefined && this.#steps.isAlone(this)) return this.#go(this.#feed.reached, false, true)
    const target = to ?? this.#steps.target(this)
    if (target === undefined) {
      this.#steps.wait(this)
      return undefined
    }
    return this.#go(target, to !== undefined, false)
  }

  setQuery(query: Query): number {
    if (this.#failure !== undefined) throw this.#failure
    const before = this.#query
    this.#query = query
    // The answer may be taken before this returns, by a holder that is woken at once.
    this.#asked++
    try {
      return this.#feed.setQuery(query)
    } catch (error) {
      this.#asked--
      this.#query = before
      throw error
    }
  }

  close(): Promise<void> {
    return this.end(closed('the feed'))
  }

  /** Is called when it ends. */
  onEnd(callback: () => void): void {
    this.#onEnd = callback
  }

  /** Ends it: takes from now on fail with this. */
  end(why: FanlightError): Promise<void> {
    if (this.#failure === undefined) {
      this.#failure = why
      this.#armed = true
      this.ring()
      this.#holder = undefined
      this.#ended.abort(why)
      this.#steps.leave(this)
      this.#onEnd?.()
    }
    return this.#feed.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [Symbol.asyncIterator](): AsyncIterator<Update, void, undefined> {
    return iterateFeed(this, () => this.#failure !== undefined && this.#failure.store === undefined)
  }

  /** Tells the holder, once until it takes. */
  ring(): void {
    this.#rung = true
    if (!this.#armed || this.#holder === undefined) return
    this.#armed = false
    tell(this.#holder)
  }

  /** Tells the session when what it follows has reached a point. */
  catchUp(point: Versions): void {
    if (this.#isCatchingUp || !this.#mayCatchUp) return
    this.#isCatchingUp = true
    const end = (isThere: boolean): void => {
      this.#isCatchingUp = false
      this.#mayCatchUp = isThere
      this.#steps.changed()
    }
    this.#home.whenReached(this.#query, point, this.#ended.signal).then(
      () => end(true),
      () => end(false),
    )
  }

  /** @param isAlone whether there is nobody to step with: then a take that comes at once concerns nobody */
  #go(target: Versions, isExplicit: boolean, isAlone: boolean): Update | undefined | Promise<Update | undefined> {
    if (!isAlone) this.#steps.begin(this, isExplicit ? {} : target)
    let taken: Update | undefined | Promise<Update | undefined>
    try {
      taken = this.#feed.take(target)
    } catch (error) {
      return this.#tellAfter(this.#missed(error, isExplicit), target)
    }
    if (taken instanceof Promise) {
      if (isAlone) this.#steps.begin(this, target)
      const update = taken.then(
        (one) => this.#took(one),
        (error: unknown) => this.#missed(error, isExplicit),
      )
      return this.#tellAfter(update, target)
    }
    this.#took(taken)
    if (!isAlone) this.#arrived(taken, target)
    return taken
  }

  /** The others hear of it after the holder: else they could go on before it has what it took. */
  #tellAfter(update: Promise<Update | undefined>, target: Versions): Promise<Update | undefined> {
    update.then((one) => this.#arrived(one, target)).catch(() => undefined)
    return update
  }

  #took(update: Update | undefined): Update | undefined {
    if (this.#failure !== undefined) throw this.#failure
    this.#hasFailed = false
    // A feed that resumes may find that nothing changed: then it holds the answer.
    this.#answered = Math.max(this.#answered, update?.generation ?? 0)
    if (update !== undefined) this.#home.saw(update.versions)
    return update
  }

  #arrived(update: Update | undefined, target: Versions): void {
    this.#steps.arrived(this, restrict(update?.versions ?? target, this.#feed.reached), update !== undefined)
  }

  #missed(error: unknown, isExplicit: boolean): Promise<Update | undefined> {
    if (!isExplicit && isFanlightError(error, 'LOST_IN_FOG') && this.#failure === undefined) return this.#catchAll()
    this.#hasFailed = true
    this.#steps.failed(this)
    throw this.#failure ?? error
  }

  /**
   * The point of the session has left the history. It goes to the newest one that all have reached; where that is lost as
   * well, to its own newest: it keeps that answer until the others have reached it.
   */
  async #catchAll(): Promise<Update | undefined> {
    try {
      const agreed = this.#steps.newestFor(this)
      this.#steps.begin(this, agreed)
      return this.#took(await this.#feed.take(agreed))
    } catch (error) {
      if (!isFanlightError(error, 'LOST_IN_FOG')) return this.#missed(error, true)
    }
    try {
      const update = await this.#feed.take()
      const point = update?.versions ?? this.#feed.versions
      // Who cannot be waited for fails by itself; what was taken is handed out in any case, since it is not given again.
      await Promise.allSettled(this.#steps.laggards(point).map((feed) => feed.#reach(point)))
      this.#steps.begin(this, point)
      return this.#took(update)
    } catch (error) {
      return this.#missed(error, true)
    }
  }

  #reach(point: Versions): Promise<unknown> {
    return this.#home.whenReached(this.#query, restrict(point, this.#feed.reached), this.#ended.signal)
  }
}
