import type { Clock } from '@fanlight/core'
import type { Later, Stopwatch } from './ambient.ts'

/** What a pace goes by. */
export interface PaceSeams {
  readonly clock: Clock
  readonly stopwatch: Stopwatch
  readonly later: Later
}

/**
 * Does work when it is asked for, at most half of the time: after work that took d milliseconds the next begins no sooner than
 * d milliseconds later. So what is asked for once is done at once, in this turn of the loop, and what is asked for all the
 * time is gathered: the busier the sockets, the more goes into one frame, and no delay is longer than the work itself.
 */
export class Pace {
  readonly #seams: PaceSeams
  readonly #work: () => void
  #asked = false
  #opensAt = -Infinity

  constructor(seams: PaceSeams, work: () => void) {
    this.#seams = seams
    this.#work = work
  }

  /** There is work to do. */
  ask(): void {
    if (this.#asked) return
    this.#asked = true
    const { clock, stopwatch, later } = this.#seams
    const waitMs = this.#opensAt - stopwatch()
    if (waitMs > 0) clock.after(waitMs, () => this.#run())
    else later(() => this.#run())
  }

  #run(): void {
    this.#asked = false
    const { stopwatch } = this.#seams
    const beganMs = stopwatch()
    this.#work()
    const endMs = stopwatch()
    this.#opensAt = endMs + (endMs - beganMs)
  }
}
