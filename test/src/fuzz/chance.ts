import type { Random } from '@fanlight/core'

/** Choices that a seed makes. */
export class Chance {
  readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  /** A whole number from 0 to `below - 1`. */
  below(below: number): number {
    return Math.floor(this.random() * below)
  }

  /** Whether something happens that happens with this probability. */
  happens(probability: number): boolean {
    return this.random() < probability
  }

  /** One of several. */
  pick<T>(among: readonly T[]): T {
    const picked = among[this.below(among.length)]
    if (picked === undefined) throw new Error('there is nothing to pick from')
    return picked
  }
}
