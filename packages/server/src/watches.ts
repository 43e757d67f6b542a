import {
  type Clock,
  compareVersions,
  createSession,
  FanlightError,
  isFanlightError,
  type Query,
  type Random,
  type Store,
  type Update,
  type Versions,
} from '@fanlight/core'
import { backOffMs, reaches } from '@fanlight/core/kit'
import { encode, type Id, Kind, type Watch } from '@fanlight/protocol'
import type { PieceSize } from './bodies.ts'
import type { FanOut, Listener, SharedStep } from './fan-out.ts'
import type { Report } from './report.ts'
import type { Shared } from './shared.ts'
import { type Told, told } from './step-messages.ts'
import { toldPoint } from './told-point.ts'
import { entriesOf, joined, longMs, overdue, type Watched } from './watched.ts'

/** What the queries of a connection need of it. */
export interface WatchesHome {
  readonly clock: Clock
  readonly random: Random
  readonly report: Report
  readonly shared: Shared
  readonly store: Store<object>
  /** How long messages may be. */
  readonly size: PieceSize
  /** How long a query may take to answer, and how long it may fail. */
  readonly timeoutMs: number
  /** Whether the client reads as fast as it is told. */
  hasRoom(): boolean
  /** There may be something to take. */
  wake(): void
  /** Finds a feed that is shared with others who follow the same query, and were told of the same point. */
  fanOut(query: Query, told: Versions, listener: Listener): FanOut | undefined
  /** Gets all that there is to tell of a step, which goes out at once; and what can still be answered, where that says so. */
  sendFrame(frame: Uint8Array, oldest: Versions | undefined): void
  /** Gets the messages of a step; it is over when they have been handed to the connection. */
  send(messages: Iterator<Uint8Array, void>): void
  /** Runs what was waited for. */
  safely(work: () => void): void
}

/** What was taken of one query. */
type Taken = readonly [watched: Watched, update: Update | undefined]

/** What the steps of one turn came to. */
interface Step {
  readonly isTurn: boolean
  readonly taken: Taken[]
  readonly failed: (readonly [Watched, unknown])[]
  readonly waits: Promise<void>[]
}

/** First answers are taken in one step until they have so many entries, so that a slow reader is not owed all of them. */
const firstEntries = 4_096

/** First answers that do not come at once: so many are waited for together, but for those that take long. */
const answeringMax = 16

/** How long what failed waits before it is tried again. */
const backOff = { firstMs: 100, mostMs: 5_000 }

/** What may pass by itself. */
const passing: ReadonlySet<string> = new Set(['UNAVAILABLE', 'STALLED', 'LOST_IN_FOG'])

/**
 * The queries that one connection follows. They are feeds of one session, so that each step brings all of them to one point
 * (L5); they are taken from when the connection has room, so that a slow reader costs one point (L8). A query goes with the
 * others from its first answer on: one that is not answered holds nobody.
 */
export class Watches implements Listener {
  readonly #home: WatchesHome
  readonly #session: Store<object>
  readonly #watched = new Map<Id, Watched>()
  readonly #dirty = new Set<Watched>()
  /** What its only query is told by, where that is shared with others; there is no feed of its own then. */
  #fanOut: FanOut | undefined
  /** Whether it took its last news in its turn, and did not ask for it before. */
  #isPatient = false
  /** The point that the client was told last. */
  #told: Versions = {}
  /** How far the store was when all queries were looked at. */
  #looked: Versions | undefined
  #stepping = false
  /** First answers that are waited for, and how many entries of them wait for the next step. */
  #answering = 0
  #heldEntries = 0

  constructor(home: WatchesHome) {
    const { store, clock, random } = home
    this.#home = home
    this.#session = createSession(store, { clock, random })
  }

  get size(): number {
    return this.#watched.size
  }

  has(id: Id): boolean {
    return this.#watched.has(id)
  }

  /**
   * Follows a query from a point.
   *
   * @throws BAD_QUERY, BAD_KEY, TOO_MANY
   */
  add([, id, query, since]: Watch): void {
    const feed = this.#session.watch(query, since === null ? {} : { since })
    this.goAlone()
    const watched: Watched = {
      id,
      query,
      feed,
      deafen: () => undefined,
      since: undefined,
      isFresh: since === null,
      isTold: false,
      isMember: false,
      first: undefined,
      failure: undefined,
      isAway: false,
      giveUp: undefined,
      isOverdue: false,
      failures: 0,
      failingSinceMs: 0,
    }
    this.#watched.set(id, watched)
    this.#dirty.add(watched)
    watched.deafen = feed.wake(() => this.#touch(watched))
  }

  remove(id: Id): void {
    const watched = this.#watched.get(id)
    if (watched === undefined) return
    this.#watched.delete(id)
    this.#dirty.delete(watched)
    this.goAlone()
    // Those that are left may be further than all together were.
    this.#looked = undefined
    this.#hold(watched, undefined)
    watched.giveUp?.()
    this.#home.safely(() => this.#leave(watched))
  }

  /**
   * Takes what there is.
   *
   * @param all    also those for which nothing changed: to tell how far they are
   * @param isTurn whether nobody asked for it before its turn
   */
  step(all: boolean, isTurn = false): void {
    if (this.#stepping || this.#isTold(all)) return
    if (all) {
      const { reached } = this.#session
      if (reached === this.#looked && this.#dirty.size === 0) return
      this.#looked = reached
    }
    const due = this.#due(all)
    if (due.length === 0 && !all) return
    const step: Step = { isTurn, taken: [], failed: [], waits: [] }
    for (const watched of due) if (watched.isMember) this.#take(watched, step)
    let room = firstEntries
    for (const watched of due) {
      if (watched.isMember || room <= 0 || this.#isBusy) continue
      room -= entriesOf(this.#take(watched, step))
    }
    if (step.waits.length === 0) return this.#end(step)
    this.#stepping = true
    Promise.all(step.waits)
      .then(() => {
        this.#stepping = false
        this.#home.safely(() => this.#end(step))
      })
      .catch((error: unknown) => this.#home.report.tell(error))
  }

  /** Takes what there is, in its turn; who only does that, and follows one query, is told with others from then on. */
  turn(): void {
    if (this.#fanOut === undefined) this.step(false, true)
  }

  /** Whether its only query is told by what is shared with others. */
  get isShared(): boolean {
    return this.#fanOut !== undefined
  }

  get id(): Id | undefined {
    const [id] = this.#watched.keys()
    return id
  }

  /** Hears what is told to all who follow the same. */
  tell({ point, update, frame, oldest }: SharedStep): void {
    // Who does not read as fast goes on from where it is when it does.
    if (!this.#home.hasRoom()) return this.goAlone()
    this.#told = point
    this.#home.safely(() => {
      if (frame !== undefined) this.#home.sendFrame(frame, oldest)
      else this.#send([], update === undefined || this.id === undefined ? [] : [[this.id, update]], point)
    })
  }

  goAlone(): void {
    const fanOut = this.#fanOut
    if (fanOut === undefined) return
    this.#fanOut = this.#looked = undefined
    for (const watched of this.#watched.values()) {
      watched.since = this.#told
      try {
        this.#reopen(watched, this.#told)
      } catch {
        // It is tried again when it is taken from.
      }
      this.#touch(watched)
    }
    // Not before: with its last feed a store lets go of what it has of a query.
    fanOut.leave(this)
  }

  close(): void {
    for (const id of this.#watched.keys()) this.remove(id)
    this.#session.close().catch((error: unknown) => this.#home.report.tell(error))
  }

  /** Follows it by a feed of its own again. */
  #reopen(watched: Watched, since: Versions): void {
    watched.feed = this.#session.watch(watched.query, { since })
    watched.since = undefined
    watched.deafen = watched.feed.wake(() => this.#touch(watched))
  }

  /** Goes on with others, where it is told of one query in its turns, and of nothing else. */
  #joinIfSteady(): void {
    if (!this.#isPatient || this.#watched.size !== 1) return
    const [watched] = this.#watched.values()
    if (watched !== undefined && this.#isSteady(watched)) this.#join(watched)
  }

  #isSteady(watched: Watched): boolean {
    const { isTold, isMember, first, isAway, failure } = watched
    return (
      isTold &&
      isMember &&
      first === undefined &&
      failure === undefined &&
      !isAway &&
      !this.#stepping &&
      this.#dirty.size === 0 &&
      this.#home.hasRoom()
    )
  }

  /** Goes on with others, where there are any at its point, or will be. */
  #join(watched: Watched): void {
    this.#isPatient = false
    this.#fanOut = this.#home.fanOut(watched.query, this.#told, this)
    if (this.#fanOut === undefined) return
    watched.deafen()
    this.#leave(watched)
  }

  /**
   * Whether there is nothing to take, since all of it is told by what is shared with others. Who is to be told before its
   * turn goes on alone.
   */
  #isTold(all: boolean): boolean {
    const fanOut = this.#fanOut
    if (fanOut === undefined) return false
    const point = all ? fanOut.quietPoint : undefined
    if (all ? point === undefined : fanOut.isDue) {
      this.goAlone()
      return false
    }
    if (point !== undefined && compareVersions(point, this.#told) !== 'equal') {
      this.#told = point
      const { shared } = this.#home
      this.#home.sendFrame(shared.frame([shared.step(point)]), undefined)
    }
    return true
  }

  /** Whether enough first answers are waited for, or wait to be told. */
  get #isBusy(): boolean {
    return this.#answering >= answeringMax || this.#heldEntries > firstEntries
  }

  #leave({ feed }: Watched): void {
    feed.close().catch((error: unknown) => this.#home.report.tell(error))
  }

  /** There may be something to take from a query; after its end there is not. */
  #touch(watched: Watched): void {
    if (this.#watched.get(watched.id) !== watched) return
    this.#dirty.add(watched)
    this.#home.wake()
  }

  /** Those to take from, in the order in which all connections have them: so their frames are the same. */
  #due(all: boolean): Watched[] {
    const some: Watched[] = []
    for (const watched of all ? this.#watched.values() : this.#dirty) {
      if (watched.isAway) continue
      if (this.#dirty.has(watched) || !reaches(watched.feed.versions, watched.feed.reached)) some.push(watched)
    }
    return all ? some : some.sort((a, b) => a.id - b.id)
  }

  /** Takes from one. Gives what is there at once. */
  #take(watched: Watched, { taken, failed, waits }: Step): Update | undefined {
    this.#dirty.delete(watched)
    const { failure } = watched
    watched.failure = undefined
    try {
      if (failure !== undefined) throw failure.error
      if (watched.since !== undefined) this.#reopen(watched, watched.since)
      const update = watched.feed.take()
      if (!(update instanceof Promise)) {
        taken.push([watched, update])
        return update
      }
      if (watched.isMember) {
        waits.push(
          this.#bounded(watched, update).then(
            (one) => void taken.push([watched, one]),
            (error: unknown) => void failed.push([watched, error]),
          ),
        )
      } else this.#await(watched, update)
    } catch (error) {
      failed.push([watched, error])
    }
    return undefined
  }

  /** Waits for a first answer. Then it is taken from once more, with the others, since they have gone on. */
  #await(watched: Watched, work: Promise<Update | undefined>): void {
    watched.isAway = true
    this.#answering++
    let isCounted = true
    const go = (): void => {
      if (isCounted) this.#answering--
      isCounted = false
      this.#home.wake()
    }
    // What takes long must not keep others from being asked.
    const stop = this.#home.clock.after(longMs, go)
    const done = (isMore: boolean): void => {
      stop()
      watched.isAway = false
      if (isMore) this.#touch(watched)
      go()
    }
    this.#bounded(watched, work)
      .then(
        (first) => {
          if (this.#watched.get(watched.id) === watched) this.#hold(watched, first)
          // A first answer that has not come is told of when it comes.
          watched.isMember = first !== undefined || !watched.isFresh
          done(watched.isMember)
        },
        (error: unknown) => {
          watched.failure = { error }
          done(true)
        },
      )
      .catch((error: unknown) => this.#home.report.tell(error))
  }

  /** Keeps a first answer until it is told. */
  #hold(watched: Watched, first: Update | undefined): void {
    this.#heldEntries += entriesOf(first) - entriesOf(watched.first)
    watched.first = first
  }

  /** A take that ends: with STALLED in time, or when the query is left. */
  #bounded<T>(watched: Watched, work: Promise<T>): Promise<T> {
    const { clock, timeoutMs } = this.#home
    return new Promise((resolve, reject) => {
      const stop = clock.after(timeoutMs, () => {
        watched.isOverdue = true
        reject(overdue(watched, timeoutMs))
      })
      watched.giveUp = () => {
        stop()
        reject(new FanlightError('CLOSED', 'the query was left'))
      }
      const settled = (): void => {
        stop()
        watched.giveUp = undefined
      }
      work.finally(settled).then(resolve, reject)
    })
  }

  /** Tells what the step came to. */
  #end({ isTurn, taken, failed }: Step): void {
    const start: Uint8Array[] = []
    for (const [watched, error] of failed) {
      if (this.#watched.get(watched.id) === watched && !this.#restsAfter(watched, error))
        start.push(this.#over(watched, error))
    }
    const updates: Told[] = []
    for (const [watched, update] of taken) {
      if (this.#watched.get(watched.id) !== watched) continue
      const all = joined(watched, update)
      watched.failures = 0
      // A first answer that has not come says nothing yet.
      if (watched.isFresh && !watched.isTold && all === undefined) continue
      if (!watched.isTold) start.push(encode([Kind.watching, watched.id]))
      watched.isTold = watched.isMember = true
      this.#hold(watched, undefined)
      if (all !== undefined) updates.push([watched.id, all])
    }
    const point = this.#point()
    const isNews = start.length > 0 || updates.length > 0 || compareVersions(point, this.#told) !== 'equal'
    this.#told = point
    if (isNews) this.#send(start, updates, point)
    if (updates.length > 0) this.#isPatient = isTurn
    if (isTurn) this.#joinIfSteady()
    // What could not be taken now is when an answer has come, which wakes as well.
    if (this.#dirty.size > 0 && taken.length + failed.length > 0) this.#home.wake()
  }

  #send(start: readonly Uint8Array[], updates: readonly Told[], point: Versions): void {
    const { shared, size } = this.#home
    this.#home.send(
      told({
        start,
        updates,
        point,
        shared,
        size,
        isFollowed: (id) => this.#watched.has(id),
        failed: (id, error) => {
          const watched = this.#watched.get(id)
          return watched === undefined ? undefined : this.#over(watched, error)
        },
      }),
    )
  }

  /** Whether what failed may pass, and is tried again after a while. */
  #restsAfter(watched: Watched, error: unknown): boolean {
    const { clock, random, report, timeoutMs } = this.#home
    if (watched.isOverdue || (isFanlightError(error) && !passing.has(error.code))) return false
    const now = clock.now()
    if (watched.failures++ === 0) watched.failingSinceMs = now
    if (now - watched.failingSinceMs >= timeoutMs) return false
    if (!isFanlightError(error)) report.tell(error)
    watched.isAway = true
    watched.giveUp = clock.after(backOffMs(watched.failures, backOff, random), () => {
      watched.giveUp = undefined
      watched.isAway = false
      this.#home.safely(() => this.#touch(watched))
    })
    return true
  }

  /** A query is followed no longer: the message that says why. */
  #over(watched: Watched, error: unknown): Uint8Array {
    this.remove(watched.id)
    return encode([Kind.ended, watched.id, this.#home.report.packed(error)])
  }

  /** The point to which all that was told of is told. */
  #point(): Versions {
    const points: Versions[] = []
    for (const { isTold, since, feed } of this.#watched.values()) if (isTold) points.push(since ?? feed.versions)
    return toldPoint(points, this.#session.reached)
  }
}
