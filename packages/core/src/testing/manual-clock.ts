import type { Clock } from '../ambient.ts'
import { turns } from './turns.ts'

/** A clock that stands still until it is told to move. */
export interface ManualClock extends Clock {
  /**
   * Moves on by `ms` milliseconds and fires the timers that fall due, in order of time and then of making. Promises go
   * on between two timers, so that a timer which is set by what waited for another fires in its turn. Calls queue up.
   */
  advance(ms: number): Promise<void>
  /** How many timers are set. */
  readonly pending: number
}

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

/**
 * Makes a clock for tests: time moves by `advance` only, so a test of a wait of thirty seconds takes no time and is the
 * same in every run.
 *
 * @param startMs where it stands at first, in milliseconds. Default 0
 *
 * @example
 * ```ts
 * import { manualClock } from '@fanlight/core/testing'
 *
 * const clock = manualClock()
 * let rang = 0
 * clock.after(30_000, () => rang++)
 * await clock.advance(30_000)
 * console.log(rang, clock.now()) // 1 30000
 * ```
 */
export function manualClock(startMs = 0): ManualClock {
  let nowMs = startMs
  let last: Promise<void> = Promise.resolve()
  const timers = new Set<Timer>()

  const nextDue = (untilMs: number): Timer | undefined => {
    let next: Timer | undefined
    for (const timer of timers) {
      if (timer.atMs <= untilMs && (next === undefined || timer.atMs < next.atMs)) next = timer
    }
    return next
  }

  const move = async (ms: number): Promise<void> => {
    const untilMs = nowMs + ms
    await turns()
    for (let timer = nextDue(untilMs); timer !== undefined; timer = nextDue(untilMs)) {
      timers.delete(timer)
      nowMs = Math.max(nowMs, timer.atMs)
      timer.callback()
      await turns()
    }
    nowMs = untilMs
  }

  return {
    now: () => nowMs,
    after(ms, callback) {
      const timer = { atMs: nowMs + Math.max(0, ms), callback }
      timers.add(timer)
      return () => {
        timers.delete(timer)
      }
    },
    advance(ms) {
      const moved = last.then(() => move(ms))
      last = moved.catch(() => undefined)
      return moved
    },
    get pending() {
      return timers.size
    },
  }
}
