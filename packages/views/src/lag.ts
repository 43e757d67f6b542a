import type { Clock, Versions } from '@fanlight/core'
import { reaches } from '@fanlight/core/kit'

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
    const samples = this.#samples
    const nowMs = this.#clock.now()
    const isDue = (sample: Sample | undefined): boolean => sample !== undefined && sample.atMs + this.#delayMs <= nowMs
    while (samples[0] !== undefined && (isDue(samples[1]) || reaches(held, samples[0].reached))) samples.shift()
    const [first] = samples
    if (first === undefined) return undefined
    if (isDue(first)) return first.reached
    this.#wait(first.atMs + this.#delayMs - nowMs)
    return undefined
  }

  stop(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    this.#samples = []
  }

  #wait(untilDueMs: number): void {
    this.#stopTimer ??= this.#clock.after(Math.min(untilDueMs, this.#delayMs / samplesPerDelay), () => {
      this.#stopTimer = undefined
      this.#due()
    })
  }
}
