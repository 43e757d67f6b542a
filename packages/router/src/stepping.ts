import {
  FanlightError,
  type FeedState,
  isFanlightError,
  type SourceId,
  type Stall,
  type Versions,
  type WatchOptions,
} from '@fanlight/core'
import { firstBehind, greatestOf, leastOf, mergeVersions, sameItems, type Soon } from '@fanlight/core/kit'
import { forgottenIn } from './blame.ts'
import type { RouterHost } from './host.ts'
import type { Part } from './plan.ts'
import { agreedPoint, commonPoint, frozenWith, leadingPoint, raiseKnown } from './points.ts'
import type { Handed } from './put-together.ts'
import { mergeStates, pointOf, raise } from './scope.ts'
import { Sub } from './sub.ts'

/** What a step is to come to. */
export interface Goal {
  /** Exactly there; absent: the newest point at which all agree. */
  readonly wanted: Versions | undefined
  /** Of the table of mounts. */
  readonly version: number
  /** Whether nobody may be missing. */
  readonly whole: boolean
}

/** How often one step is tried at a newer point, while stores forget faster than others catch up. */
const triesMax = 16

/** When a store is asked again whose feed has not come as far as it says itself. In milliseconds. */
const againMs = 100

/** The stores under a feed, taken together to points at which all of them agree (L5). */
export class Stepping {
  subs: readonly Sub[] = []
  /** The point that was handed on last. */
  held: Versions = {}
  readonly #host: RouterHost
  readonly #min: Versions
  readonly #stall: Stall | undefined
  readonly #ring: () => void
  /** What each store said its sources are, and whether two of them, or one and the table of mounts, share one. */
  #lists: readonly (readonly SourceId[])[] = []
  #sharing = false
  /** When the step began that is under way. */
  #beganMs = 0
  #stopTimer: (() => void) | undefined

  /**
   * @param patience `min`: no step leads behind it; `stall`: what a take does where a store is not there yet
   * @param ring     there may be something to take
   */
  constructor(host: RouterHost, { min, stall }: Pick<WatchOptions, 'min' | 'stall'>, ring: () => void) {
    this.#host = host
    this.#stall = stall
    this.#min = min === undefined ? {} : host.resolve(min, 'min')
    this.#ring = ring
  }

  /** Follows these parts, from a point, or with the whole answer first. */
  follow(parts: readonly Part[], since?: Versions): Sub[] {
    return parts.map((part) => {
      const min = pointOf(part.store, mergeVersions(this.held, this.#min))
      return new Sub(
        part,
        { since: since === undefined ? undefined : (pointOf(part.store, since) ?? {}), min, stall: this.#stall },
        this.#ring,
      )
    })
  }

  get reached(): Versions {
    const frozen = frozenWith(this.subs, ({ error }) => error !== undefined && !isPassing(error))
    const point = agreedPoint(this.subs, frozen)
    raiseKnown(point, this.held)
    point[this.#host.tables.source] = this.reachedTable
    return point
  }

  /** The version of the table of mounts that everyone here knows. */
  get reachedTable(): number {
    const { source, current } = this.#host.tables
    let version = current.version
    for (const { reached } of this.subs) version = Math.min(version, reached[source] ?? version)
    return version
  }

  get state(): FeedState {
    return mergeStates([...this.subs.map(({ state }) => state), { [this.#host.tables.source]: { status: 'live' } }])
  }

  /** The point to which what is held is true by itself; undefined: there may be something to take. */
  quiet(): Versions | undefined {
    for (const sub of this.subs) if (sub.isPending) return undefined
    const point = agreedPoint(this.subs)
    // Between two points of several sources there may be some at which a store has never been.
    if (this.subs.length > 1 && !this.subs.every(({ versions }) => isPlain(versions, point))) return undefined
    for (const source in point) if ((point[source] ?? 0) < (this.held[source] ?? 0)) return undefined
    point[this.#host.tables.source] = this.reachedTable
    return point
  }

  /**
   * Brings all stores to one point, where nobody changes meanwhile which of them are followed. What they said on the way is
   * kept until it is handed on.
   *
   * @throws STALLED
   */
  step(goal: Goal): Soon<void> {
    // Where no source is shared, there is nothing to agree about: each store goes to its newest point.
    this.#beganMs = this.#host.clock.now()
    const target = goal.wanted === undefined && !this.#isSharing() ? undefined : this.#target(goal)
    return this.#advance(target, goal, this.subs, triesMax)
  }

  /**
   * Hands on what all that came to the point said on the way; who shares nothing with one that failed goes on without it.
   *
   * @throws what a store failed with
   */
  handOn({ wanted, version, whole }: Goal): readonly Handed[] {
    const frozen = this.#goingWithout(wanted, whole)
    const handed: Handed[] = []
    const versions: Record<SourceId, number> = {}
    for (const sub of this.subs) {
      const isFirst = sub.isNew
      const update = frozen.has(sub) ? undefined : sub.handOn()
      if (update !== undefined) handed.push({ sub, update, isFirst })
      Object.assign(versions, sub.held)
    }
    versions[this.#host.tables.source] = version
    this.held = versions
    return handed
  }

  /**
   * What some store has to tell can be taken when the others have come as far: they ring then. Where they have come while
   * the step was made, it rings at once; but not for a holder who says how far to go, and may know why no further.
   *
   * @param table the version of a table of mounts to which it has not stepped yet
   */
  expectLaggards(wanted: Versions | undefined, table: number | undefined): void {
    const frozen = frozenWith(this.subs, isFailed)
    const going = this.subs.filter((sub) => !frozen.has(sub))
    if (table === undefined && (going.length < 2 || !going.some(({ isPending }) => isPending))) return
    const leads = leadingPoint(going)
    if (table !== undefined) leads[this.#host.tables.source] = table
    let waits = false
    const beganMs = this.#host.clock.now()
    const came = (source: SourceId, isFurther: boolean): void => {
      this.#tellStall(source, beganMs)
      if (isFurther) this.#ring()
      else this.#ringLater()
    }
    for (const sub of going) if (sub.await(leads, came)) waits = true
    if (waits || wanted !== undefined) return
    const point = agreedPoint(going)
    const further = Object.keys(point).some((id) => (point[id] ?? 0) > (this.held[id] ?? 0))
    if (further) queueMicrotask(this.#ring)
  }

  close(): void {
    this.#stopTimer?.()
    for (const sub of this.subs) sub.close()
  }

  /** What cannot be waited for is looked at again: at once, nobody would come to do anything else. */
  #ringLater(): void {
    this.#stopTimer?.()
    this.#stopTimer = this.#host.clock.after(againMs, this.#ring)
  }

  /** The point to step to; undefined: the newest of the only store there is. */
  #target({ wanted, version }: Goal): Versions | undefined {
    const { source } = this.#host.tables
    const [only] = this.subs
    if (this.subs.length === 1 && only !== undefined && !(source in only.reached)) return wanted
    const target = agreedPoint(this.subs)
    raiseKnown(target, this.held)
    raiseKnown(target, this.#min)
    for (const { point } of this.subs) raiseKnown(target, point)
    for (const id in wanted) if (id in target) target[id] = wanted[id] ?? 0
    if (source in target) target[source] = version
    return target
  }

  #advance(target: Versions | undefined, goal: Goal, subs: readonly Sub[], triesLeft: number): Soon<void> {
    const waits: Promise<void>[] = []
    for (const sub of subs) {
      if (target === undefined && sub.moveOn()) continue
      const source = this.#host.onEvent === undefined ? undefined : sub.behindIn(target)
      const wait = sub.take(target)
      if (wait !== undefined) waits.push(source === undefined ? wait : this.#timed(wait, source))
    }
    if (waits.length === 0) return this.#arrive(goal, subs, triesLeft)
    return Promise.all(waits).then(() => this.#arrive(goal, subs, triesLeft))
  }

  #arrive(goal: Goal, subs: readonly Sub[], triesLeft: number): Soon<void> {
    if (subs !== this.subs) return
    const further = this.#further(goal.wanted)
    if (further === undefined) return
    if (triesLeft === 0) throw this.#outrun(further)
    this.#tellRestart(goal.wanted, triesMax - triesLeft + 1)
    return this.#advance(further, goal, subs, triesLeft - 1)
  }

  /**
   * Where a store has forgotten the point: the newest that anyone has reached, which nobody can have passed. What the
   * leaders say there is kept while the others catch up, so that lag delays a step, but no lag prevents it. Where a store
   * went to another point than the others, since nobody knew where it is: the newest of those points.
   */
  #further(wanted: Versions | undefined): Versions | undefined {
    if (!this.#isSharing() && !this.subs.some(isFailed)) return undefined
    const lost = this.subs.some(({ error }) => isFanlightError(error, 'LOST_IN_FOG'))
    if (lost && wanted === undefined) return leadingPoint(this.subs)
    const going = this.subs.filter((sub) => !isFailed(sub))
    if (commonPoint(going) !== undefined) return undefined
    const point: Record<SourceId, number> = {}
    for (const sub of going) raise(point, sub.point)
    return point
  }

  /** Tells how long it took, where a take had to wait for a store. */
  #timed(wait: Promise<void>, source: SourceId): Promise<void> {
    const beganMs = this.#host.clock.now()
    return wait.then(() => this.#tellStall(source, beganMs))
  }

  #tellStall(source: SourceId, beganMs: number): void {
    const { onEvent, clock } = this.#host
    onEvent?.({ type: 'stall', source, ms: clock.now() - beganMs })
  }

  /** Tells that the step goes to another point, and for which source: one was forgotten, or stores stand apart in it. */
  #tellRestart(wanted: Versions | undefined, count: number): void {
    const { onEvent, clock } = this.#host
    onEvent?.({ type: 'restart', source: this.#apartIn(wanted), count, ms: clock.now() - this.#beganMs })
  }

  #apartIn(wanted: Versions | undefined): SourceId | undefined {
    const error = this.subs.map((sub) => sub.error).find((one) => isFanlightError(one, 'LOST_IN_FOG'))
    if (error !== undefined) return forgottenIn(error, wanted)
    const points = this.subs.filter((sub) => !isFailed(sub)).map(({ point }) => point)
    return firstBehind(leastOf(points), greatestOf(points))
  }

  /** Whether there is anything to agree about. A store may find out what its sources are when it is taken from. */
  #isSharing(): boolean {
    const lists = this.subs.map(({ part }) => part.store.sources)
    if (sameItems(lists, this.#lists)) return this.#sharing
    const all = lists.flat()
    this.#lists = lists
    this.#sharing = new Set([...all, this.#host.tables.source]).size <= all.length
    return this.#sharing
  }

  #outrun(wanted: Versions): FanlightError {
    const { error } = this.subs.find(isFailed) ?? {}
    const cause = isFanlightError(error) ? error : undefined
    const store = cause?.store ?? this.#host.name
    const message = 'stores forget faster than others catch up: give them a longer history'
    return new FanlightError('STALLED', message, { store, wanted, horizon: cause?.horizon, cause })
  }

  /**
   * Those that stay where they are, since they failed.
   *
   * @throws what they failed with, where nobody goes on, or the step needs them
   */
  #goingWithout(wanted: Versions | undefined, whole: boolean): ReadonlySet<Sub> {
    const frozen = frozenWith(this.subs, isFailed)
    const failed = this.subs.find(isFailed)
    if (failed === undefined) return frozen
    const needed = [...frozen].some(({ held }) => Object.keys(held).some((id) => (held[id] ?? 0) < (wanted?.[id] ?? 0)))
    if (needed || whole || frozen.size === this.subs.length) throw failed.error
    return frozen
  }
}

/** Whether an error is no reason to stay: a lost point, since the next step goes to another; who was not there yet may be now. */
function isPassing(error: unknown): boolean {
  return isFanlightError(error, 'LOST_IN_FOG') || isFanlightError(error, 'STALLED')
}

function isFailed({ error }: Sub): boolean {
  return error !== undefined
}

/** Whether a store that is unchanged up to its versions is so at the point too: it has one source, or they are the same. */
function isPlain(versions: Versions, point: Versions): boolean {
  const sources = Object.keys(versions)
  return sources.length < 2 || sources.every((source) => versions[source] === point[source])
}
