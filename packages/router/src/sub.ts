import {
  compareVersions,
  type Entry,
  type Feed,
  type FeedState,
  type SourceId,
  type Update,
  type Versions,
  type WatchOptions,
} from '@fanlight/core'
import { composeUpdates, reaches, type Span, subtractSpans, firstBehind } from '@fanlight/core/kit'
import { Leash } from './leash.ts'
import { liftPlaces } from './lift.ts'
import { spanInRouter, spanInStore } from './mount.ts'
import { type Part, type Place, probeOf } from './plan.ts'
import { pointOf } from './scope.ts'

/** One store under a feed of a router: its own feed, and what was taken from it and not handed on yet. */
export class Sub {
  /** What of the store is followed; places shrink when other mounts are put over them. */
  part: Part
  /** What the store answers at `held`: only where answers have to be put together. */
  entries: readonly Entry[] = []
  /** Taken, but not handed on: some other store has not come to the same point. */
  kept: Update | undefined
  /** What the last take ended with. */
  error: unknown
  /** The point up to which it was taken. */
  point: Versions
  /** The point up to which it was handed on. */
  held: Versions
  /** Whether nothing was handed on yet, and the holder has nothing of it. */
  isNew: boolean
  #options: WatchOptions
  readonly #ring: () => void
  readonly #leash = new Leash()
  #feed: Feed | undefined
  /**
   * Whether its feed has answered. Until then that its point is the one reached says nothing: a view that has not read its
   * upstream yet has reached nothing, and holds nothing.
   */
  #answered = false
  /** Whether its feed told of something since it was last taken from: it tells of nothing more until it is. */
  #isTold = false
  #waiting = false

  /**
   * @param start the point from which it goes on; absent: it starts with the whole answer
   * @param ring  it may have something to take
   */
  constructor(part: Part, start: Pick<WatchOptions, 'since' | 'min' | 'stall'>, ring: () => void) {
    this.part = part
    this.point = this.held = start.since ?? {}
    this.isNew = start.since === undefined
    this.#options = start
    this.#ring = ring
    // A store that is closed fails when it is taken from, as it does when it closes later.
    this.#attempt(() => this.#open())
  }

  /** How far its store is, in what it follows; while there is none, where it was left. */
  get reached(): Versions {
    return this.#feed?.reached ?? this.point
  }

  /** The point to which what was handed on is true by itself. */
  get versions(): Versions {
    return this.kept === undefined ? (this.#feed?.versions ?? this.point) : this.held
  }

  /** Whether there may be something to hand on. */
  get isPending(): boolean {
    if (this.kept !== undefined || this.#feed === undefined || !this.#answered) return true
    return !reaches(this.#feed.versions, this.#feed.reached)
  }

  get state(): FeedState {
    if (this.error === undefined || this.#feed === undefined) return this.#feed?.state ?? this.#failed()
    return { ...this.#feed.state, ...this.#failed() }
  }

  /**
   * Takes, and keeps what came; `error` tells what went wrong.
   *
   * @param to absent: the newest
   */
  take(to: Versions | undefined): Promise<void> | undefined {
    return this.#attempt(() => {
      if (to !== undefined && isBefore(to, this.point)) this.#rewind()
      const feed = this.#open()
      const point = to === undefined ? undefined : pointOf({ sources: this.#sources() }, to)
      this.#isTold = false
      const taken = feed.take(point)
      if (!(taken instanceof Promise)) return this.#keep(taken, point)
      return taken.then(
        (update) => this.#keep(update, point),
        (error: unknown) => void (this.error = error),
      )
    })
  }

  /**
   * The source in which its store has not come to a point, or to where its first answer may be from: who takes has to wait.
   *
   * @param to absent: the newest
   */
  behindIn(to: Versions | undefined): SourceId | undefined {
    const { reached } = this
    const source = firstBehind(reached, pointOf(this.part.store, to))
    if (source !== undefined || this.#answered) return source
    // Who is still reading has reached nothing.
    return firstBehind(reached, this.#options.min) ?? this.part.store.sources.find((id) => !(id in reached))
  }

  /** Moves on with its store, where that has nothing to tell. Gives whether it could. */
  moveOn(): boolean {
    if (this.#isTold || this.isPending || this.#feed === undefined || this.error !== undefined) return false
    this.point = this.#feed.versions
    return true
  }

  /** Takes the newest and hands it on, where no other store has a say. */
  takeAlone(): Update | undefined | Promise<Update | undefined> {
    try {
      this.error = undefined
      this.#isTold = false
      const taken = this.#open().take()
      if (!(taken instanceof Promise)) return this.#alone(taken)
      return taken.then(
        (update) => this.#alone(update),
        (error: unknown) => this.#fail(error),
      )
    } catch (error) {
      return this.#fail(error)
    }
  }

  /** Gives what was kept: it counts as handed on. */
  handOn(): Update | undefined {
    const { kept } = this
    this.kept = undefined
    this.held = this.point
    this.isNew = false
    return kept
  }

  /**
   * Tells when its store has come as far as the others.
   *
   * @param came is told in which source it was behind, and whether its feed has come on as well: that of a router does not while
   *   it goes by a former table of mounts, with a store that is behind, and of which nobody asks the router any more
   * @returns whether it is behind them
   */
  await(leads: Versions, came: (source: SourceId, isFurther: boolean) => void): boolean {
    if (this.#waiting) return true
    const { reached } = this
    const min: Record<SourceId, number> = {}
    for (const source in reached) if ((reached[source] ?? 0) < (leads[source] ?? 0)) min[source] = leads[source] ?? 0
    const source = firstBehind(reached, min)
    if (source === undefined) return false
    const { store, query } = this.part
    this.#waiting = true
    const done = (): void => {
      this.#waiting = false
    }
    // What lies in the same keys is asked for, and no entry of it: a router waits for just those of its mounts.
    store.fetch(probeOf(query), { min, timeoutMs: Infinity, signal: this.#leash.signal }).then(() => {
      done()
      if (!this.#leash.signal.aborted) came(source, compareVersions(this.reached, reached) !== 'equal')
    }, done)
    return true
  }

  /**
   * Other mounts were put over some keys.
   *
   * @returns whether anything is left
   */
  cut(spans: readonly Span[]): boolean {
    const places: Place[] = []
    let whole = true
    for (const { mount, spans: own } of this.part.places) {
      const inRouter = own.map((span) => spanInRouter(mount, span))
      const left = subtractSpans(inRouter, spans)
      if (left.length > 0) places.push({ mount, spans: left.map(({ lo, hi }) => spanInStore(mount, lo, hi)) })
      if (!sameSpans(left, inRouter)) whole = false
    }
    if (!whole) this.part = { ...this.part, places, direct: false }
    return whole || places.length > 0
  }

  /** The keys that it follows, in the router. */
  get spans(): Span[] {
    return liftPlaces(this.part.places)
  }

  close(): void {
    this.#leash.end()
    void this.#feed?.close()
  }

  #open(): Feed {
    if (this.#feed === undefined) {
      const { store, query } = this.part
      // Where the store is a session, or a remote, the feeds of the router's askers must not hold each other.
      const feed = store.watch(query, { ...this.#options, alone: true })
      feed.wake(() => {
        this.#isTold = true
        this.#ring()
      })
      this.#feed = feed
    }
    return this.#feed
  }

  /**
   * Goes back to what was handed on: another store has failed where this one went, and now the holder wants a point before.
   */
  #rewind(): void {
    void this.#feed?.close()
    this.#feed = undefined
    this.#answered = false
    this.kept = undefined
    this.point = this.held
    if (Object.keys(this.held).length > 0) this.#options = { ...this.#options, since: this.held }
  }

  #attempt<R>(work: () => R): R | undefined {
    try {
      this.error = undefined
      return work()
    } catch (error) {
      this.error = error
      return undefined
    }
  }

  #keep(update: Update | undefined, to: Versions | undefined): undefined {
    this.#answered = true
    this.point = update?.versions ?? { ...this.#feed?.versions, ...to }
    if (update !== undefined) this.kept = this.kept === undefined ? update : composeUpdates(this.kept, update)
  }

  #alone(update: Update | undefined): Update | undefined {
    this.#answered = true
    this.isNew = false
    this.point = this.held = update?.versions ?? this.#feed?.versions ?? this.point
    return update
  }

  #fail(error: unknown): never {
    this.error = error
    throw error
  }

  #sources(): readonly SourceId[] {
    return Object.keys(this.reached)
  }

  #failed(): FeedState {
    const why = this.error
    return Object.fromEntries(
      this.part.store.sources.map((source) => [source, { status: 'failed', why } as FeedState[string]]),
    )
  }
}

/** Whether a point is before another one in any of its sources. */
function isBefore(point: Versions, other: Versions): boolean {
  for (const source in point) if ((point[source] ?? 0) < (other[source] ?? 0)) return true
  return false
}

function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  return a.length === b.length && a.every(({ lo, hi }, i) => lo === b[i]?.lo && hi === b[i]?.hi)
}
