import type { HistoryBounds } from '@fanlight/core/kit'

/** A version, and the bytes of all commits up to it, ever. */
export interface Mark {
  readonly version: number
  readonly sum: number
}

/** Compaction waits until the history is larger than its bounds by this part of them, so that it works in large steps. */
const slackPart = 16

/** How much of the past is on disk, and how much of it may still be asked for. */
export class History {
  readonly bounds: HistoryBounds
  /** What is on disk begins here: the state at this version, and every commit since. */
  #start: Mark
  #newest: Mark

  constructor(bounds: HistoryBounds, start: Mark, newest: Mark) {
    this.bounds = bounds
    this.#start = start
    this.#newest = newest
  }

  /** Where what is on disk begins. */
  get start(): Mark {
    return this.#start
  }

  /** The bytes of all commits that are on disk or on their way, ever. */
  get sum(): number {
    return this.#newest.sum
  }

  /** The oldest version at which the store answers. It never waits for the disk, so that a bound of commits is exact. */
  horizon(reached: number): number {
    return Math.max(this.#start.version, reached - this.bounds.commits)
  }

  /** A commit is on its way. */
  grow(newest: Mark): void {
    this.#newest = newest
  }

  /** Compaction is about to drop what lies before. */
  shrink(start: Mark): void {
    this.#start = start
  }

  /** Whether there is so much too much that compaction is worth its while. */
  overdue(): boolean {
    const { commits, bytes } = this.bounds
    return this.#beyond(this.#start, commits + Math.floor(commits / slackPart) + 1, bytes + bytes / slackPart)
  }

  /**
   * Whether what came up to a mark must go: what comes after it is as much as is kept, or it is too old.
   *
   * @param at when it came
   */
  mustGo(mark: Mark, at: number, now: number): boolean {
    const { commits, bytes, ageMs } = this.bounds
    return this.#beyond(mark, commits, bytes) || now - at > ageMs
  }

  #beyond(mark: Mark, commits: number, bytes: number): boolean {
    return this.#newest.version - mark.version >= commits || this.#newest.sum - mark.sum >= bytes
  }
}
