import {
  type Clock,
  compareVersions,
  type Feed,
  isFanlightError,
  type Query,
  type Store,
  type Update,
  type Versions,
} from '@fanlight/core'
import { reaches } from '@fanlight/core/kit'
import type { Id } from '@fanlight/protocol'
import type { PieceSize } from './bodies.ts'
import type { Report } from './report.ts'
import { stepFrames } from './step-messages.ts'
import { toldPoint } from './told-point.ts'
import { longMs } from './watched.ts'

/** A step that many are told of. */
export interface SharedStep {
  readonly point: Versions
  /** What changed, if anything did. */
  readonly update: Update | undefined
  /** All that there is to tell; undefined: that is long. */
  readonly frame: Uint8Array | undefined
  /** What can still be answered, where the frame tells that too. */
  readonly oldest: Versions | undefined
}

/** A connection that is told what comes of the only query that it follows. */
export interface Listener {
  /** Under which it follows the query. */
  readonly id: Id | undefined
  tell(step: SharedStep): void
  /** Goes on by itself, from the point that it was told last. */
  goAlone(): void
}

/** What all fan-outs of a server go by. */
export interface FanOutSeams {
  readonly clock: Clock
  readonly report: Report
  /** How long messages may be. */
  readonly size: PieceSize
}

interface FanOutHome extends FanOutSeams {
  /** There may be something to take. */
  wake(fanOut: FanOut): void
  /** Nobody listens any more. */
  forget(): void
}

/**
 * One feed for all connections that follow the same query and no other, and that read as fast as they are told: so that what
 * a commit costs the server is one step, and for each of them a frame to send. Whoever falls behind, asks for more, or is to
 * be told before its turn goes on alone, with a feed of its own that begins at the point that it was told last; and so does
 * everyone where the feed fails. Nobody misses a step by that, and nobody waits for another (L8).
 */
export class FanOut {
  readonly #home: FanOutHome
  readonly #store: Store<object>
  readonly #feed: Feed
  readonly #listeners = new Set<Listener>()
  #told: Versions
  #oldest: Versions
  #isRung = true
  #isTaking = false
  #isOver = false

  /** @param since the point that those who will listen were told last */
  constructor(home: FanOutHome, store: Store<object>, query: Query, since: Versions) {
    this.#home = home
    this.#store = store
    this.#told = since
    this.#oldest = store.oldest
    this.#feed = store.watch(query, { since, alone: true })
    this.#feed.wake(() => {
      this.#isRung = true
      if (!this.#isOver) home.wake(this)
    })
  }

  /** Takes a listener in, where the point that it was told last is the one of all others. */
  join(listener: Listener, told: Versions): boolean {
    if (this.#isTaking || compareVersions(told, this.#told) !== 'equal') return false
    this.#listeners.add(listener)
    return true
  }

  /** A listener goes. */
  leave(listener: Listener): void {
    this.#listeners.delete(listener)
    if (this.#listeners.size === 0) this.#end()
  }

  /** The point to which the listeners can be told that nothing changed; undefined: there may be a change that they were not told. */
  get quietPoint(): Versions | undefined {
    const isQuiet = !this.#isRung && !this.#isTaking && reaches(this.#feed.versions, this.#feed.reached)
    return isQuiet ? this.#point : undefined
  }

  /** Whether it is known that something changed that the listeners were not told. */
  get isDue(): boolean {
    return this.#isRung || this.#isTaking
  }

  /** Takes what there is, and tells everyone. */
  step(): void {
    if (this.#isTaking || this.#isOver) return
    this.#isRung = false
    try {
      const update = this.#feed.take()
      if (update instanceof Promise) this.#await(update)
      else this.#tell(update)
    } catch (error) {
      this.#fail(error)
    }
  }

  #await(taken: Promise<Update | undefined>): void {
    this.#isTaking = true
    // What takes long is waited for by each listener itself.
    const stop = this.#home.clock.after(longMs, () => this.#scatter())
    void taken
      .then((update) => {
        this.#isTaking = false
        if (this.#isOver) return
        this.#tell(update)
        if (this.#isRung) this.#home.wake(this)
      })
      .catch((error: unknown) => this.#fail(error))
      .finally(stop)
  }

  #tell(update: Update | undefined): void {
    const point = this.#point
    if (update === undefined && compareVersions(point, this.#told) === 'equal') return
    this.#told = point
    const oldest = this.#movedHorizon()
    const frameOf = stepFrames(update, point, oldest, this.#home.size)
    const steps = new Map<Id | undefined, SharedStep>()
    for (const listener of this.#listeners) {
      const { id } = listener
      let step = steps.get(id)
      if (step === undefined) {
        const frame = frameOf(id ?? 0)
        steps.set(id, (step = { point, update, oldest: frame && oldest, frame }))
      }
      listener.tell(step)
    }
  }

  /** What can still be answered, where that is another than at the last step. */
  #movedHorizon(): Versions | undefined {
    const { oldest } = this.#store
    if (compareVersions(oldest, this.#oldest) === 'equal') return undefined
    this.#oldest = oldest
    return oldest
  }

  get #point(): Versions {
    return toldPoint([this.#feed.versions], this.#store.reached)
  }

  /** Each asks again, and is told what is wrong. */
  #fail(error: unknown): void {
    if (!isFanlightError(error)) this.#home.report.tell(error)
    this.#scatter()
  }

  #scatter(): void {
    for (const listener of this.#listeners) listener.goAlone()
    this.#end()
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    const { report } = this.#home
    this.#home.forget()
    try {
      this.#feed.close().catch((error: unknown) => report.tell(error))
    } catch (error) {
      report.tell(error)
    }
  }
}
