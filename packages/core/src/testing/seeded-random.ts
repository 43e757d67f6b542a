import type { Random } from '../ambient.ts'

/**
 * Makes chance that is the same in every run with the same seed (mulberry32). For tests only: it can be guessed.
 *
 * @param seed any integer
 *
 * @example
 * ```ts
 * import { seededRandom } from '@fanlight/core/testing'
 *
 * console.log(seededRandom(7)() === seededRandom(7)()) // true
 * ```
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
