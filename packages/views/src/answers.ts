import type { Range, Versions } from '@fanlight/core'
import type { Difference, Reading, Soon, Spans } from '@fanlight/core/kit'
import type { BootstrapHost } from './bootstrap.ts'
import type { Taken } from './follower.ts'

/** What is there when a view begins. */
export interface Found {
  readonly at: Versions
  /** What of the upstream has not been read; absent: all has been. */
  readonly rest?: readonly Range[] | undefined
}

/** Where a view has its answers from: what it keeps, or its upstream. */
export interface Answers {
  /** Whether steps cost so little that each commit can have its own. */
  readonly instant: boolean
  /** The last point that can be answered; undefined: there is none yet. */
  readonly newest: Versions | undefined
  /**
   * Finds out what is there.
   *
   * @returns the point to follow on from, and what had not been read when it stopped there; undefined: there is nothing to
   *   follow on from
   */
  open(): Soon<Found | undefined>
  /** Takes a part of the first state, which nobody is shown before all of it is there; absent: there is none to be made. */
  readonly load?: BootstrapHost['load']
  /** What was there when it was opened is the state at this point. */
  resume(at: Versions): void
  /** The newest state is the state at this point too. */
  quiet(at: Versions): void
  /**
   * Goes on to a point.
   *
   * @param update what changed since the newest one
   * @returns the keys whose values changed; undefined: any may have, in between too
   */
  apply(update: Taken, at: Versions): Soon<readonly string[] | undefined>
  /** Keeps the point up to which nothing changed, so that the next start goes on from there. */
  mark(): Promise<void>
  /** The oldest point that can be answered, where the upstream can answer from `horizon` on. */
  oldest(horizon: Versions): Versions
  /** The answer at a point. */
  read(spans: Spans, at: Versions): Soon<Reading>
  /** What differs between the answers at two points. */
  difference(spans: Spans, since: Versions, until: Versions): Soon<Difference>
}
