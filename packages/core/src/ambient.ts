/**
 * The only file that touches the clock, timers and chance of the machine. All else gets them as parameters, so that a
 * seeded run can be replayed.
 *
 * @module
 */

/** Time, as a parameter. */
export interface Clock {
  /** Milliseconds since 1970; never backwards is not promised. */
  now(): number
  /**
   * Calls back once, `ms` milliseconds from now.
   *
   * @returns ends it
   */
  after(ms: number, callback: () => void): () => void
}

/** A number from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number

/** What the world outside gives, each with the machine's own as its default. */
export interface Seams {
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** The longest that a timer of the platform can be set to, in milliseconds. */
const timerMsMax = 2 ** 31 - 1

/** The machine's own clock. A timer longer than the platform allows is cut to 24 days. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, timerMsMax))
    return () => clearTimeout(timer)
  },
}

/** The machine's own chance: of cryptographic quality, since incarnations must never meet. */
export const systemRandom: Random = () => {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2))
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
}

const letters = '0123456789abcdefghijklmnopqrstuvwxyz'

/** A random word of 16 letters and digits: 82 bits. */
export function randomWord(random: Random): string {
  let word = ''
  for (let i = 0; i < 16; i++) word += letters[Math.floor(random() * letters.length)]
  return word
}
