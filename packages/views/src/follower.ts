import {
  FanlightError,
  type Feed,
  type FeedState,
  type Query,
  type Random,
  type Store,
  type Update,
  type Versions,
  isFanlightError,
} from '@fanlight/core'
import { type Spans, backOffMs, readQuery, replacement, type Soon, soon } from '@fanlight/core/kit'
import { type GoalHost, Goals } from './goals.ts'
import { MapFailure } from './mapping.ts'
import { Probe } from './probe.ts'

/** What a follower needs of its view. */
export interface FollowerHost extends GoalHost {
  readonly random: Random
  /** Applies an update. What the view keeps is its state at `at` when this ends. */
  apply(update: Taken, at: Versions): Soon<void>
  /** What the view keeps is its state at `at` too. */
  settle(at: Versions): void
  /** How the upstream stands may have changed. */
  stateMoved(): void
  /** The view cannot follow; undefined: it can again. */
  troubled(status: 'stale' | 'failed' | undefined, why?: FanlightError): void
  /** Finds out anew where the view stands, then starts the follower again. */
  reopen(): void
}

/** What an update brings. */
export type Taken = Pick<Update, 'replace' | 'changes' | 'folded'>

/** So often in a row the horizon may pass a goal before that counts as a failure. */
const lostMax = 16

const backOff = { firstMs: 200, mostMs: 10_000 }

/** Follows the upstream of a view: decides to which points it steps, and goes on after what went wrong. */
export class Follower {
  readonly #upstream: Store
  readonly #spans: Spans
  readonly #host: FollowerHost
  readonly #goals: Goals
  readonly #probe: Probe
  #feed: Feed | undefined
  /** Whether what the view keeps is what its feed holds. */
  #clean = false
  #first = true
  /** Whether the feed rang, which it does once until something is taken. */
  #woken = false
  #running = false
  #ran: Promise<void> = Promise.resolve()
  #stopped = false
  /** Whether the last take took its time. */
  #slow = false
  #failures = 0
  /** How often in a row a goal was lost. */
  #lost = 0
  /** Where a function of the view threw. */
  #stuck: MapFailure | undefined
  #stopTimer: (() => void) | undefined

  constructor(upstream: Store, query: Query, host: FollowerHost, delayMs: number) {
    this.#upstream = upstream
    this.#spans = readQuery(query, Infinity)
    this.#host = host
    this.#goals = new Goals(upstream, host, delayMs, () => this.#run())
    this.#probe = new Probe(upstream, this.#spans, () => this.#progressed())
  }

  /** The point at which what the view keeps is its state, where no step is under way: it moves on by itself. */
  get clean(): Versions | undefined {
    return this.#clean ? this.#feed?.versions : undefined
  }

  get state(): FeedState {
    return this.#feed?.state ?? this.#upstream.state ?? {}
  }

  /**
   * Starts from a point.
   *
   * @returns the point that the feed goes on from; undefined: it is lost, and the first update replaces everything
   */
  start(since: Versions | undefined): Versions | undefined {
    // A view must not hold other feeds of a session, nor they it.
    const feed = this.#upstream.watch(this.#spans.query, { since, alone: true })
    this.#feed = feed
    this.#first = true
    this.#clean = false
    this.#stuck = undefined
    const { versions } = feed
    feed.wake(() => {
      this.#woken = true
      this.#probe.heard()
      this.#host.stateMoved()
      this.#run()
    })
    return Object.keys(versions).length === 0 ? undefined : versions
  }

  /** Somebody waits: for what the upstream has not reached, or has and the view has not. */
  heed(): void {
    const feed = this.#feed
    if (feed === undefined || this.#first) return
    this.#goals.note(feed)
    this.#run()
  }

  /** What the upstream says where it has not reached a point itself. */
  complaint(point: Versions): Promise<unknown> {
    return this.#probe.complaint(point)
  }

  /** Ends it; resolves when no step is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#leave()
    await this.#ran
  }

  /** Something went wrong: tries again in a while, where that may help. */
  fail(error: unknown): void {
    if (this.#stopped) return
    this.#leave()
    const final = isFanlightError(error) && finalCodes.has(error.code)
    this.#host.troubled(final ? 'failed' : 'stale', errorOf(error))
    if (final) return
    const waitMs = backOffMs(++this.#failures, backOff, this.#host.random)
    this.#stopTimer = this.#host.clock.after(waitMs, () => this.#host.reopen())
  }

  #leave(): void {
    this.#stopTimer?.()
    this.#goals.stop()
    this.#probe.stop()
    this.#clean = false
    void this.#feed?.close()
    this.#feed = undefined
  }

  #run(): void {
    if (this.#running || this.#feed === undefined) return
    this.#running = true
    queueMicrotask(() => {
      this.#ran = this.#steps()
    })
  }

  async #steps(): Promise<void> {
    try {
      for (let feed = this.#feed; feed !== undefined; feed = this.#feed) {
        const goal = this.#first ? undefined : this.#goal(feed)
        if (goal === undefined && !this.#first) break
        try {
          const done = this.#step(feed, goal)
          if (done !== undefined) await done
        } catch (error) {
          // The horizon passed the goal while it was looked up: there is a newer one.
          if (!isFanlightError(error, 'LOST_IN_FOG') || ++this.#lost > lostMax) throw error
        }
      }
    } catch (error) {
      this.fail(error)
    }
    this.#running = false
    this.#look()
  }

  #goal(feed: Feed): Versions | undefined {
    const goal =
      this.#stuck === undefined ? this.#goals.next(feed, this.#slow) : this.#goals.newest(feed, feed.versions)
    // A feed that rang says no more until something is taken, be it nothing.
    return goal ?? (this.#woken && this.#goals.isThere(feed) ? feed.reached : undefined)
  }

  #step(feed: Feed, goal: Versions | undefined): void | Promise<void> {
    if (this.#clean) this.#host.settle(feed.versions)
    this.#clean = false
    this.#woken = false
    const update = feed.take(goal)
    this.#slow = update instanceof Promise
    return soon(update, (taken) => {
      if (this.#feed !== feed) return
      this.#first = false
      const at = taken?.versions ?? goal ?? feed.versions
      if (this.#stuck !== undefined) return this.#unstick(feed, taken, at)
      if (taken !== undefined) return this.#apply(feed, taken, at)
      this.#done(feed)
    })
  }

  #apply(feed: Feed, update: Taken, at: Versions): void | Promise<void> {
    try {
      const applied = this.#host.apply(update, at)
      if (!(applied instanceof Promise)) return this.#done(feed)
      return applied.then(
        () => this.#done(feed),
        (error: unknown) => this.#refused(error),
      )
    } catch (error) {
      this.#refused(error)
    }
  }

  #done(feed: Feed): void {
    if (this.#feed !== feed) return
    this.#clean = true
    this.#failures = this.#lost = 0
    this.#stuck = undefined
    this.#host.settle(feed.versions)
    this.#host.troubled(undefined)
  }

  /** The function of the view threw: the view stays where it is, until the input changes at which it did (L0). */
  #refused(error: unknown): void {
    if (!(error instanceof MapFailure)) throw error
    this.#stuck = error
    this.#host.troubled('stale', errorOf(error))
  }

  /** Tries again where the input changed at which the function threw: all that came since the last good point, at once. */
  #unstick(feed: Feed, update: Update | undefined, at: Versions): void | Promise<void> {
    const { replace, changes = [] } = update ?? {}
    const { at: input, isOfInput } = this.#stuck ?? {}
    if (replace === undefined && isOfInput === true && !changes.some(({ key }) => key === input)) return
    return this.#between(this.#host.held, at).then((step) =>
      this.#feed === feed ? this.#apply(feed, step, at) : undefined,
    )
  }

  async #between(since: Versions | undefined, until: Versions): Promise<Taken> {
    const { query } = this.#spans
    try {
      if (since !== undefined) return await this.#upstream.changes(query, { since, until })
    } catch (error) {
      if (!isFanlightError(error, 'LOST_IN_FOG') && !isFanlightError(error, 'SOURCE_RESET')) throw error
    }
    const { entries } = await this.#upstream.fetch(query, { min: until, max: until })
    return replacement(this.#spans, entries, 1)
  }

  #look(): void {
    if (this.#feed !== undefined) this.#probe.look(this.#feed.reached, (source) => this.#host.awaited(source))
  }

  #progressed(): void {
    const { clean } = this
    if (clean !== undefined) this.#host.settle(clean)
    this.#run()
  }
}

/** What trying again does not mend. */
const finalCodes: ReadonlySet<string> = new Set(['CLOSED', 'CONFLICT', 'BAD_QUERY', 'BAD_KEY'])

function errorOf(error: unknown): FanlightError {
  if (isFanlightError(error)) return error
  if (error instanceof MapFailure) return error.told()
  return new FanlightError('UNAVAILABLE', 'the view cannot follow its upstream at the moment: see the cause', {
    cause: error,
  })
}
