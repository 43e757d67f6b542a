import type { Versions } from '@fanlight/core'
import { type Clock, reaches } from '@fanlight/core/kit'

/** What the upstream had reached at a time. */
interface Sample {
  readonly atMs: number
  readonly reached: Versions
}

/** How many samples are taken in the time of the delay: so exact is it. */
const samplesPerDelay = 16

/** More than this are not kept, however many askers come. */
const samplesMax = 128

/**
 * A delay line: it remembers what the upstream had reached when, so that a view can stay behind by a constant time. Nothing
 * runs while there is nothing to come.
 */
export class Lag {
  readonly #clock: Clock
  readonly #delayMs: number
  readonly #due: () => void
  #samples: Sample[] = []
  #stopTimer: (() => void) | undefined

  /** @param due is called when there may be something old enough, or a sample is to be taken */
  constructor(clock: Clock, delayMs: number, due: () => void) {
    this.#clock = clock
    this.#delayMs = delayMs
    this.#due = due
  }

  /** The upstream has reached this point by now. */
  note(reached: Versions): void {
    const last = this.#samples.at(-1)
    if ((last !== undefined && reaches(last.reached, reached)) || this.#samples.length >= samplesMax) return
    this.#samples.push({ atMs: this.#clock.now(), reached })
  }

  /**
   * The newest point that is old enough; undefined: none is. While there is something to come, it sets a timer.
   *
   * @param held what is behind already
   */
  target(held: Versions): Versions | undefined {
    const nowMs = this.#clock.now()
    let due: Versions | undefined
    let next: Sample | undefined
    for (const sample of this.#samples) {
      if (sample.atMs + this.#delayMs > nowMs) {
        next = sample
        break
      }
      due = sample.reached
    }
    this.#samples = this.#samples.filter(({ reached }) => !reaches(held, reached) && (due === undefined || reached === due || !reaches(due, reached)))
    if (due !== undefined && !reaches(held, due)) return due
    this.#wait(nowMs, next)
    return undefined
  }

  stop(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    this.#samples = []
  }

  #wait(nowMs: number, next: Sample | undefined): void {
    if (this.#stopTimer !== undefined || next === undefined) return
    const untilDueMs = next.atMs + this.#delayMs - nowMs
    this.#stopTimer = this.#clock.after(Math.min(untilDueMs, this.#delayMs / samplesPerDelay), () => {
      this.#stopTimer = undefined
      this.#due()
    })
  }
}
