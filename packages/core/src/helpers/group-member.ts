import { isFanlightError } from '../errors.ts'
import { restrict } from '../feeds/points.ts'
import type { Feed, SourceId, Update, Versions } from '../store.ts'
import { composeUpdates } from '../update.ts'

/** One feed of a group: what was taken from it stays here until all of the group are at one point. */
export class GroupMember {
  readonly feed: Feed
  /** The point to which the feed was brought; undefined before its first answer. */
  held: Versions | undefined
  /** Ends, and never fails, when the feed has caught up: until then nothing else can be taken from it. */
  waiting: Promise<void> | undefined
  /** What was taken on the way to `held`, and not handed out. */
  #kept: Update | undefined
  /** A wait failed: the next one starts when the feed has something to say. */
  #gaveUp = false

  constructor(feed: Feed) {
    this.feed = feed
    // A feed that resumes holds something already.
    const { versions } = feed
    if (Object.keys(versions).length > 0) this.held = versions
  }

  /** Whether it cannot step to a point: it waits, or was brought beyond it, or the point says nothing of one of its sources. */
  isStuckAt(point: Versions): boolean {
    if (this.waiting !== undefined) return true
    const { reached } = this.feed
    for (const source in reached) {
      const version = point[source]
      if (version === undefined || (this.held?.[source] ?? 0) > version) return true
    }
    return false
  }

  /** Takes what there is up to a point, and keeps it. */
  bring(to: Versions): void | Promise<void> {
    const target = restrict(to, this.feed.reached)
    const taken = this.feed.take(target)
    if (!(taken instanceof Promise)) return this.#accept(taken, target)
    return taken.then((update) => this.#accept(update, target))
  }

  /**
   * Waits for a point that the feed has not reached, and takes there.
   *
   * @param told is called when it is there, or ended
   */
  catchUp(to: Versions, told: () => void): void {
    if (this.waiting !== undefined || this.#gaveUp) return
    const end = (error?: unknown): void => {
      this.waiting = undefined
      this.#gaveUp = error !== undefined
      // An asker who does not want to wait is left alone; whatever else happened, the next take finds it.
      if (!isFanlightError(error, 'STALLED')) told()
    }
    try {
      this.waiting = Promise.resolve(this.bring(to)).then(() => end(), end)
    } catch (error) {
      end(error)
    }
  }

  /** The feed has something to say. */
  rang(): void {
    this.#gaveUp = false
  }

  /** Hands out what was kept. */
  release(): Update | undefined {
    const kept = this.#kept
    this.#kept = undefined
    return kept
  }

  #accept(update: Update | undefined, target: Versions): void {
    this.held = update?.versions ?? target
    const kept = this.#kept
    if (kept === undefined) this.#kept = update
    // What was kept is true here as well, where nothing changed on the way.
    else this.#kept = update === undefined ? { ...kept, versions: this.held } : composeUpdates(kept, update)
  }
}

/** For each source the version at which somebody has something that others have not reached; they are waited for. */
export function wantedBeyond(members: readonly GroupMember[], point: Versions): Versions {
  const wanted: Record<SourceId, number> = {}
  const passed: Record<SourceId, number> = {}
  for (const { feed, held } of members) {
    if (held === undefined) continue
    const { versions, reached } = feed
    for (const source in reached) {
      const at = point[source] ?? -1
      const own = held[source] ?? -1
      const newest = reached[source] ?? 0
      if (own > at) passed[source] = Math.max(own, passed[source] ?? 0)
      const from = Math.max(versions[source] ?? -1, at)
      if (from < newest) wanted[source] = Math.min(from + 1, wanted[source] ?? newest)
    }
  }
  return { ...wanted, ...passed }
}

/** The point to which a member has to catch up; undefined where it has reached all that is wanted. */
export function lagBehind({ feed, held = {} }: GroupMember, wanted: Versions, point: Versions): Versions | undefined {
  const { reached } = feed
  const target: Record<SourceId, number> = {}
  let lags = false
  for (const source in reached) {
    const version = wanted[source] ?? -1
    const isBehind = version > (reached[source] ?? 0)
    lags ||= isBehind
    const here = Math.max(held[source] ?? -1, point[source] ?? -1)
    if (isBehind) target[source] = version
    else target[source] = here < 0 ? (reached[source] ?? 0) : here
  }
  return lags ? target : undefined
}
