import { onAbort } from '../on-abort.ts'
import { FanlightError, closed, isFanlightError } from '../errors.ts'
import { mergeSpans, rangeOf, readQuery, type Spans } from '../ranges.ts'
import type { Feed, FeedState, Query, Stall, Update, Versions, WaitOptions, WatchOptions } from '../store.ts'
import { compareVersions, mergeVersions, reaches, withoutReset } from '../versions.ts'
import type { Followed } from './followed.ts'
import { iterateFeed } from './iterate.ts'
import type { Difference, Reading } from '../reading.ts'

/** What a feed needs of its store. */
export interface FeedHost {
  readonly reached: Versions
  readonly oldest: Versions
  readonly state: FeedState
  readonly rangesMax: number
  resolve(point: Versions, what: string): Versions
  readAt(spans: Spans, at: Versions): Reading | Promise<Reading>
  differenceOf(spans: Spans, since: Versions, until: Versions): Difference | Promise<Difference>
  behind(at: Versions): Versions
  whenReached<T>(
    point: Versions,
    options: WaitOptions & { stall?: Stall | undefined },
    go: () => T | Promise<T>,
  ): Promise<T>
  follow(feed: StoreFeed, spans: Spans): Followed
  unfollow(feed: StoreFeed, followed: Followed): void
  /**
   * Something that is worth an event.
   *
   * @param from where it began: the event names the first source that has moved on since
   */
  noted(type: 'fold' | 'reset', count: number, from: Versions, to: Versions): void
}

/** How often a take goes on to a newer point, where a history is too short for the one before. */
const roundsMax = 4

/** A feed of one store: it holds a point, and evaluates an update when it is taken (L8). */
export class StoreFeed implements Feed {
  readonly #host: FeedHost
  readonly #stall: Stall | undefined
  readonly #ended = new AbortController()
  #spans: Spans
  #followed: Followed
  /** The spans of which the holder has entries: those of the query last answered. */
  #held: Spans | undefined
  #generation = 0
  /** The generation of the last update that was taken. */
  #answered = 0
  #min: Versions | undefined
  /** The point up to which nothing is missing. It is `reached` while nothing touched the ranges. */
  #at: Versions | undefined
  /** The point last taken, where it is before `#at`: `take(to)` may go back to here, since nothing changed in between. */
  #floor: Versions | undefined
  /** How many touches of what it follows it has noticed. */
  #seen: number
  /** Whether it may take what others of the same query took: it has answered, and its query never changed. */
  #sharing = false
  /** Whether something may have touched the ranges after `#at`. */
  #pending = true
  /** Whether the holder is to be told of the next touch. */
  #armed = true
  /** How many promises a take under way is made of: a wait, and what is evaluated after it. */
  #taking = 0
  /** The point held while an update is evaluated: the holder does not have it yet. */
  #before: Versions | undefined
  #ring: (() => void) | undefined
  #failure: FanlightError | undefined

  constructor(host: FeedHost, spans: Spans, options: WatchOptions) {
    this.#host = host
    this.#spans = spans
    this.#stall = options.stall
    if (options.since !== undefined) {
      this.#at = resumable(host, options.since)
      this.#held = spans
    }
    if (options.min !== undefined) this.#min = host.resolve(options.min, 'min')
    this.#followed = host.follow(this, spans)
    this.#seen = this.#followed.touches
    if (options.signal !== undefined) this.#heed(options.signal)
  }

  get versions(): Versions {
    this.#notice()
    return this.#before ?? (this.#pending ? (this.#at ?? {}) : this.#host.reached)
  }

  get reached(): Versions {
    return this.#host.reached
  }

  get state(): FeedState {
    return this.#host.state
  }

  wake(callback: () => void): () => void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#ring !== undefined) {
      throw new FanlightError('BAD_QUERY', 'a feed has one holder: end its wake first, or watch the query once more')
    }
    this.#ring = callback
    if (this.#pending) {
      this.#armed = false
      queueMicrotask(() => this.#ring === callback && callback())
    }
    return () => {
      if (this.#ring === callback) this.#ring = undefined
    }
  }

  take(to?: Versions): Update | undefined | Promise<Update | undefined> {
    this.#notice()
    if (this.#sharing && this.#pending) {
      // The same step as another feed of this query took: nothing is left to evaluate, or to make.
      const { since, until, update, after } = this.#followed
      if (until === after && since === this.#at && (to === undefined || to === until)) {
        this.#armed = true
        this.#pending = false
        this.#at = until
        if (this.#floor !== undefined) this.#floor = undefined
        return update
      }
    }
    if (this.#failure !== undefined) throw this.#failure
    if (this.#taking > 0) throw new FanlightError('BAD_QUERY', 'the take before has not ended: await it first')
    const { reached } = this.#host
    const wanted = to === undefined || to === reached ? to : this.#host.resolve(to, 'to')
    const target = this.#target(reached, wanted)
    if (target === reached || reaches(reached, target)) {
      return this.#stepOn(target, wanted)
    }
    const wait = { signal: this.#ended.signal, timeoutMs: Infinity, stall: this.#stall }
    // While it waited, the other sources went on, and some may have joined: they are taken at the newest.
    const go = (): Update | undefined | Promise<Update | undefined> => {
      const now = this.#host.reached
      return this.#step(this.#target(now, present(this.#host, wanted, now)))
    }
    return this.#busy(this.#host.whenReached(target, wait, go))
  }

  setQuery(query: Query): number {
    if (this.#failure !== undefined) throw this.#failure
    this.#notice()
    const spans = readQuery(query, this.#host.rangesMax)
    const before = this.#followed
    this.#followed = this.#host.follow(this, spans)
    this.#host.unfollow(this, before)
    this.#seen = this.#followed.touches
    this.#spans = spans
    this.#generation++
    this.#sharing = false
    if (!this.#pending) {
      this.#pending = true
      this.#floor ??= this.#at
      this.#at = this.#host.reached
    }
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

  /** Something may have touched the ranges: tells the holder, once until it takes. */
  ring(): void {
    this.#notice()
    const ring = this.#ring
    if (!this.#armed || ring === undefined) return
    this.#armed = false
    try {
      ring()
    } catch (error) {
      // The holder's mistake must not break the commit that woke it: it is thrown where nobody else stands.
      queueMicrotask(() => {
        throw error
      })
    }
  }

  /** Ends the feed for good: by its holder, by its signal, or because its store closed. */
  end(why: FanlightError): void {
    if (this.#failure !== undefined) return
    this.#failure = why
    this.#sharing = false
    this.#host.unfollow(this, this.#followed)
    this.#armed = true
    this.ring()
    this.#ended.abort(why)
    this.#ring = undefined
  }

  /**
   * Finds out whether a commit touched the ranges: what was missing nothing up to before it misses something now. Nobody
   * tells each feed, since a commit may touch thousands.
   */
  #notice(): void {
    const { touches, before } = this.#followed
    if (touches === this.#seen) return
    if (!this.#pending) {
      this.#pending = true
      // Of several touches only the last is known; nothing touched the ranges between `#at` and the first.
      if (touches === this.#seen + 1 && this.#at !== before) {
        this.#floor ??= this.#at
        this.#at = before
      }
    }
    this.#seen = touches
  }

  #heed(signal: AbortSignal): void {
    const end = (): void => this.end(closed('the feed'))
    if (signal.aborted) return end()
    onAbort(this.#ended.signal, onAbort(signal, end))
  }

  /** The point to step to: the one that is wanted, and the newest of whatever it does not name. */
  #target(reached: Versions, wanted: Versions | undefined): Versions {
    if (wanted === undefined) return this.#newest(reached)
    // The same object, by which feeds of one query know that they take the same step.
    return compareVersions(wanted, reached) === 'equal' ? reached : { ...reached, ...wanted }
  }

  /** The newest point, which a first answer may have to wait for. */
  #newest(reached: Versions): Versions {
    const least =
      this.#min === undefined || this.#at === undefined ? (this.#min ?? this.#at) : mergeVersions(this.#at, this.#min)
    if (least === undefined || least === reached || reaches(reached, least)) return reached
    return this.#forgetGone(reached) ? this.#newest(reached) : mergeVersions(reached, least)
  }

  /** Forgets the sources that there are no more: those of a router go with its mounts. Whether there were any. */
  #forgetGone(reached: Versions): boolean {
    const [at, min] = [this.#at, this.#min]
    this.#at = present(this.#host, at, reached)
    this.#floor = present(this.#host, this.#floor, reached)
    if (min !== undefined) this.#min = withoutReset(min, (point) => this.#host.resolve(point, 'min'))
    return this.#at !== at || this.#min !== min
  }

  /** Steps to a point; where that was lost while it was evaluated, to what is the newest then of whatever is not named. */
  #stepOn(target: Versions, wanted: Versions | undefined, round = 1): Update | undefined | Promise<Update | undefined> {
    const update = this.#step(target)
    if (!(update instanceof Promise)) return update
    return this.#busy(
      update.catch((error: unknown) => {
        const { reached } = this.#host
        const isLost = isFanlightError(error, 'LOST_IN_FOG') && !reaches(target, reached)
        if (this.#failure !== undefined || !isLost || round === roundsMax) throw error
        const next = this.#target(reached, wanted)
        // What is named is lost, or of a source that is gone.
        if (wanted !== undefined && (reaches(target, next) || !reaches(reached, next))) throw error
        // Where the sources are others, no history was too short: the rounds begin anew.
        const isReset = Object.keys(reached).some((source) => target[source] === undefined)
        return this.#stepOn(next, wanted, isReset ? 1 : round + 1)
      }),
    )
  }

  #step(target: Versions): Update | undefined | Promise<Update | undefined> {
    this.#notice()
    const host = this.#host
    const newest = target === host.reached || reaches(target, host.reached)
    let since = this.#at
    if (since !== undefined && this.#held === this.#spans) {
      if (!this.#pending || since === target || reaches(since, target)) return this.#stay(target, newest)
      if (!reaches(target, since)) {
        // Of several sources some are gone, or went on by themselves: what is held is true at the point last taken as well.
        this.#refuseBack(target)
        since = this.#floor ?? this.#at ?? since
      }
      this.#armed = true
      if (newest) this.#pending = false
      const shared = this.#shared(since, target)
      if (shared !== undefined) return this.#moved(shared, target)
      if (reaches(since, host.oldest)) return this.#patch(since, target, newest)
      host.noted('reset', 1, since, host.oldest)
    } else this.#refuseBack(target)
    this.#armed = true
    if (newest) this.#pending = false
    return this.#replace(target)
  }

  /** Nothing changed between the point last taken and the target. */
  #stay(target: Versions, newest: boolean): undefined {
    this.#refuseBack(target)
    this.#armed = true
    const forward = this.#at === undefined || reaches(target, this.#at)
    if (forward) this.#at = target
    this.#floor = forward ? undefined : target
    if (newest) this.#pending = false
    return undefined
  }

  /** What is held of sources that there are no more is nothing to go back behind. */
  #refuseBack(target: Versions): void {
    if (this.#at === undefined || reaches(target, this.#at)) return
    this.#forgetGone(this.#host.reached)
    const held = this.#floor ?? this.#at
    if (!reaches(target, held)) throw behindHeld(held, target)
  }

  #patch(since: Versions, target: Versions, newest: boolean): Update | undefined | Promise<Update | undefined> {
    // The query may be changed while this is evaluated: the update still answers the one before.
    const [spans, generation] = [this.#spans, this.#generation]
    const made = (found: Difference): Update | undefined =>
      this.#moved(this.#updateOf(found, since, target, generation), target)
    const failed = (error: unknown): Update | Promise<Update> => {
      this.#at = since
      // While it was evaluated, the horizon passed the point held.
      if (isFanlightError(error, 'LOST_IN_FOG') && reaches(target, this.#host.oldest)) {
        this.#host.noted('reset', 1, since, this.#host.oldest)
        return this.#replace(target)
      }
      this.#pending ||= newest
      throw error
    }
    let difference: Difference | Promise<Difference>
    try {
      difference = this.#host.differenceOf(spans, since, target)
    } catch (error) {
      return failed(error)
    }
    return difference instanceof Promise ? this.#busy(difference.then(made, failed), since) : made(difference)
  }

  #replace(target: Versions): Update | Promise<Update> {
    const [before, spans, generation] = [this.#held, this.#spans, this.#generation]
    const [at, floor] = [this.#at, this.#floor]
    const made = (reading: Reading): Update => {
      const ranges = mergeSpans([...(before?.list ?? []), ...spans.list]).map(rangeOf)
      const replace = { ranges, entries: reading.entries }
      const update: Update = {
        generation,
        ...(generation === this.#answered ? {} : { query: spans.query }),
        replace,
        changes: [],
        versions: target,
        behind: this.#host.behind(target),
        folded: 1,
      }
      this.#held = spans
      this.#answered = generation
      this.#sharing = generation === 0
      this.#min = undefined
      this.#moved(update, target)
      return update
    }
    const reading = this.#evaluate(() => this.#host.readAt(spans, target))
    if (!(reading instanceof Promise)) return made(reading)
    return this.#busy(
      reading.then(made, (error: unknown) => {
        // What came while it was evaluated was noticed as if the target were held already.
        this.#at = at
        this.#floor = floor
        this.#pending = true
        throw error
      }),
      this.#at ?? {},
    )
  }

  /** The update that another feed of the same query took for the same step. */
  #shared(since: Versions, target: Versions): Update | undefined {
    const followed = this.#followed
    if (this.#generation !== 0 || followed.since !== since || followed.until !== target) return undefined
    return followed.update
  }

  #updateOf(difference: Difference, since: Versions, target: Versions, generation: number): Update {
    const { replace, changes, folded } = difference
    const behind = this.#host.behind(target)
    const update: Update =
      replace === undefined
        ? { generation, changes, versions: target, behind, folded }
        : { generation, replace, changes, versions: target, behind, folded }
    if (folded > 1) this.#host.noted('fold', folded, since, target)
    if (generation === 0 && this.#generation === 0) {
      this.#followed.since = since
      this.#followed.until = target
      this.#followed.update = update
    }
    return update
  }

  #moved(update: Update, target: Versions): Update | undefined {
    this.#at = target
    this.#floor = undefined
    return update.folded === 0 && update.replace === undefined ? undefined : update
  }

  /** Evaluates an answer; where that throws at once, what was missing is missing still. */
  #evaluate<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      this.#pending = true
      throw error
    }
  }

  /** Marks that a take is under way, until it ends; where it evaluates already, from the point held. */
  #busy<T>(work: Promise<T>, held?: Versions): Promise<T> {
    this.#taking++
    this.#sharing = false
    if (held !== undefined) this.#before = held
    const done = (): void => {
      if (--this.#taking > 0) return
      this.#sharing = this.#generation === 0 && this.#held !== undefined && this.#failure === undefined
      this.#before = undefined
    }
    work.then(done, done)
    // Whoever closes the feed ends the take with that, whatever becomes of the wait under it, be it that it never ends.
    return new Promise((resolve, reject) => {
      const deaf = onAbort(this.#ended.signal, () => reject(this.#failure))
      const settle = (go: () => void): void => {
        deaf()
        if (this.#failure !== undefined) reject(this.#failure)
        else go()
      }
      work.then(
        (result) => settle(() => resolve(result)),
        (error: unknown) => settle(() => reject(error)),
      )
    })
  }
}

/** The point held, in the present sources; undefined where it is lost, so that the first update replaces (L7). */
function resumable(host: FeedHost, since: Versions): Versions | undefined {
  try {
    const point = host.resolve(since, 'since')
    // A source that the point does not name is one of which the asker holds nothing.
    for (const source of Object.keys(host.oldest)) if (point[source] === undefined) return undefined
    return point
  } catch (error) {
    if (isFanlightError(error, 'SOURCE_RESET')) return undefined
    throw error
  }
}

/**
 * A point, without the sources that are gone; those that others continue go on as these (L7). A store that has reached
 * nothing yet may have them later.
 */
function present(host: FeedHost, held: Versions | undefined, reached: Versions): Versions | undefined {
  if (Object.keys(held ?? {}).every((source) => source in reached) || Object.keys(reached).length === 0) return held
  const point = resumable(host, held ?? {}) ?? held
  const sources = Object.keys(point ?? {})
  return Object.fromEntries(sources.flatMap((source) => (source in reached ? [[source, point?.[source] ?? 0]] : [])))
}

function behindHeld(held: Versions, wanted: Versions): FanlightError {
  return new FanlightError('BAD_QUERY', 'a feed only goes forward: take a point that is not before the one held', {
    wanted,
    reached: held,
  })
}
