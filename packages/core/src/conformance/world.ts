import { isFanlightError } from '../errors.ts'
import type { Versions } from '../store.ts'
import type { Bench } from './bench.ts'
import type { Kind } from './script.ts'

/** How much was done: a run in which nothing happened proves nothing. */
export type Traffic = Record<Kind | 'points' | 'conflicts' | 'steps' | 'quiet' | 'waited', number>

const kinds: readonly (keyof Traffic)[] = [
  'write',
  'retry',
  'fetch',
  'changes',
  'watch',
  'take',
  'setQuery',
  'resume',
  'leave',
  'await',
  'settle',
  'tick',
  'reopen',
  'points',
  'conflicts',
  'steps',
  'quiet',
  'waited',
]

export function noTraffic(): Traffic {
  return Object.fromEntries(kinds.map((kind) => [kind, 0])) as Traffic
}

/**
 * What those who play on one store share: the points that were seen, and what is to be checked when the model knows all
 * commits. An answer may be given, and a feed may step, before the commit that it shows has returned.
 */
export class World {
  readonly bench: Bench
  readonly traffic: Traffic
  #points: Versions[] = []
  #checks: (() => boolean | void)[] = []
  #era = 0

  constructor(bench: Bench, traffic: Traffic) {
    this.bench = bench
    this.traffic = traffic
    this.#points.push(bench.latest)
  }

  /** How often the store was opened again. */
  get era(): number {
    return this.#era
  }

  /** A point was seen. */
  saw(...points: readonly Versions[]): void {
    this.#points.push(...points)
  }

  /** A point that was seen, counted from the newest. */
  point(index: number): Versions {
    const { model } = this.bench
    return this.bench.present(model.canonical(newest(this.#points, index) ?? {}))
  }

  /** A point that was seen, with every source in it: one that it does not name is at the horizon. */
  whole(index: number): Versions {
    return { ...this.bench.store.oldest, ...this.point(index) }
  }

  /** Checks later; a check that gives false found nothing to hold it against. */
  later(check: () => boolean | void): void {
    this.#checks.push(check)
  }

  verify(): void {
    for (const check of this.#checks) if (check() !== false) this.traffic.points++
    this.#checks = []
    this.traffic.points += this.bench.recheck()
  }

  /**
   * Opens the store again. Gives whether it goes on as what it was.
   *
   * @param leave lets go of what is open; whoever is under way is ended by that
   */
  async reopen(leave: () => Promise<void>): Promise<boolean> {
    const { model } = this.bench
    this.#era++
    await leave()
    await this.bench.reopen(() => this.verify())
    if (this.bench.model === model) return true
    this.#points = [this.bench.latest]
    return false
  }

  /** Does what may find its points lost, where they are; or its store closed, where it was opened again. */
  async unlessLost(points: readonly (Versions | undefined)[], work: () => Promise<void>): Promise<void> {
    const { era } = this
    try {
      await work()
    } catch (error) {
      if (isFanlightError(error, 'CLOSED') && era !== this.era) return
      const lost = points.some((point) => point !== undefined && this.isLost(point))
      if (!isFanlightError(error, 'LOST_IN_FOG') || !lost) throw error
    }
  }

  /** Whether the horizon has passed the point. */
  isLost(point: Versions): boolean {
    const { oldest } = this.bench.store
    return Object.entries(oldest).some(([source, version]) => (point[source] ?? Infinity) < version)
  }

  /** The same of a basis: where it does not name a source, nothing is known of that since its beginning. */
  isLostBasis(basis: Versions): boolean {
    const { oldest } = this.bench.store
    return Object.entries(oldest).some(([source, version]) => (basis[source] ?? 0) < version)
  }
}

/** One of a list, counted from its end; undefined where it is empty. */
export function newest<T>(list: readonly T[], index: number): T | undefined {
  return list[list.length - 1 - (index % Math.max(1, list.length))]
}
