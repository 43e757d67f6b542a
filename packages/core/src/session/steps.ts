import { leastOf, restrict } from '../feeds/points.ts'
import type { SourceId, Versions } from '../store.ts'
import { mergeVersions, reaches } from '../versions.ts'
import type { SessionFeed } from './feed.ts'

/**
 * Keeps the feeds of a session together (L5). There is one point T. A feed that takes goes to T; where it is there, it moves
 * T on to the newest point that all feeds have reached. T stays where it is while another feed that somebody holds has
 * something to take up to T: so nobody sees the second step of one feed before the first of another.
 *
 * A feed counts from its first take on. It does not hold the others back where it has no holder, where its last take failed,
 * and where nothing in its ranges changed up to T. A first take is never held back: it goes to T, or moves T where it must
 * not be before a newer point, or where no other feed is there. The answer to a query that was set is at T as well, or where
 * its feed was already.
 */
export class SessionSteps {
  #point: Versions = {}
  readonly #members = new Set<SessionFeed>()
  /** Those that have something to take up to T. */
  readonly #behind = new Set<SessionFeed>()
  /** Those that could not go on, to be woken when they can. */
  readonly #waiting = new Set<SessionFeed>()
  #telling = false

  /** Whether a feed goes on by itself: there is no other, it is at T or beyond, and waits for no answer to another query. */
  isAlone(feed: SessionFeed): boolean {
    // T stays where it is, until there is somebody to share it with.
    const isOnly = this.#members.size === 1 && this.#members.has(feed)
    return isOnly && !feed.isUnanswered && !this.#behind.has(feed)
  }

  /** Where a feed goes when it takes now; undefined: it has to wait for the others. */
  target(feed: SessionFeed): Versions | undefined {
    if (!this.#members.has(feed)) return this.#first(feed)
    const here = restrict(this.#point, feed.reached)
    // A quiet feed has moved on by itself, and the answer to its next query must not lead it back.
    const shown = feed.isUnanswered ? restrict(feed.versions, feed.reached) : undefined
    if (shown === undefined ? this.#behind.has(feed) : reaches(here, shown)) return here
    if (this.#isHeld(feed)) return undefined
    const newest = this.newestFor(feed)
    if (shown === undefined || reaches(newest, shown)) return newest
    this.#follow(shown)
    return undefined
  }

  /** A feed is about to take at a point: T moves there, as far as the feed has reached it. */
  begin(feed: SessionFeed, target: Versions): void {
    if (!this.#members.has(feed)) {
      this.#joinTheOnly()
      this.#members.add(feed)
    }
    if (reaches(feed.reached, target)) this.#moveTo(target)
  }

  /**
   * A feed took at a point.
   *
   * @param gave whether it got something there
   */
  arrived(feed: SessionFeed, target: Versions, gave: boolean): void {
    if (!this.#members.has(feed)) return
    this.#moveTo(target)
    const reachedIt = !feed.misses(restrict(this.#point, feed.reached)) && this.#behind.delete(feed)
    if (feed.hasMore) {
      this.#waiting.add(feed)
      this.#followLaggards(feed)
    }
    // While a promise was awaited, somebody may have caught up for whom nothing changed, and who tells nobody.
    if (gave || reachedIt || !reaches(this.#point, this.newestFor(feed))) this.#tell()
  }

  /** A feed has something that it may not take yet: it is woken when it may. */
  wait(feed: SessionFeed): void {
    this.#waiting.add(feed)
  }

  /** A feed caught up, or holds the others back no longer. */
  changed(): void {
    this.#tell()
  }

  /** A feed failed, and does not hold the others back any more. */
  failed(feed: SessionFeed): void {
    if (this.#behind.delete(feed)) this.#tell()
  }

  /** A feed ended. */
  leave(feed: SessionFeed): void {
    this.#members.delete(feed)
    this.#waiting.delete(feed)
    this.#behind.delete(feed)
    this.#tell()
  }

  /** The newest point that all have reached, and this feed; never before T. */
  newestFor(feed: SessionFeed): Versions {
    return restrict(this.#newest(feed), feed.reached)
  }

  /** The members that have not reached a point, in the sources that they have. */
  laggards(point: Versions): readonly SessionFeed[] {
    return [...this.#members].filter(({ reached }) => !reaches(reached, restrict(point, reached)))
  }

  /** Where a feed has something that others have not reached, these are told to say when they have. Nobody polls. */
  #followLaggards(feed: SessionFeed): void {
    const newest = this.#newest(feed)
    const wanted: Record<SourceId, number> = {}
    const { versions, reached } = feed
    for (const source in reached) {
      const from = Math.max(versions[source] ?? -1, newest[source] ?? -1)
      if (from < (reached[source] ?? 0)) wanted[source] = from + 1
    }
    this.#follow(wanted)
  }

  /** Those that have not reached a point say when they have. */
  #follow(wanted: Versions): void {
    for (const other of this.laggards(wanted)) other.catchUp(restrict(wanted, other.reached))
  }

  /** Who was alone went on without T. */
  #joinTheOnly(): void {
    if (this.#members.size !== 1) return
    for (const { versions, reached } of this.#members) this.#moveTo(restrict(versions, reached))
  }

  #first(feed: SessionFeed): Versions {
    this.#joinTheOnly()
    // Where nobody is at T, the newest point is as good, and what is there need not be taken twice.
    const agreed = this.#members.size === 0 ? this.newestFor(feed) : this.#agreed(feed)
    const point = this.#members.size === 0 ? agreed : this.#point
    const target: Record<SourceId, number> = {}
    for (const source in feed.reached) {
      const newest = agreed[source] ?? 0
      const here = point[source] ?? newest
      const least = feed.least[source] ?? 0
      target[source] = here >= least ? here : Math.max(newest, least)
    }
    return target
  }

  #newest(feed: SessionFeed): Versions {
    return mergeVersions(this.#point, this.#agreed(feed))
  }

  /** What all have reached, and this feed: mostly they are of one store, and that is one object. */
  #agreed({ reached }: SessionFeed): Versions {
    for (const member of this.#members) {
      if (member.reached !== reached) return leastOf([reached, ...Array.from(this.#members, (one) => one.reached)])
    }
    return reached
  }

  #isHeld(feed: SessionFeed): boolean {
    for (const other of this.#behind) if (other !== feed && other.holdsOthers) return true
    return false
  }

  #moveTo(target: Versions): void {
    const next = mergeVersions(this.#point, target)
    if (reaches(this.#point, next)) return
    this.#point = next
    this.#behind.clear()
    for (const feed of this.#members) if (feed.misses(restrict(next, feed.reached))) this.#behind.add(feed)
    this.#tell()
  }

  /** Wakes those who waited, in a microtask, where nobody holds them any more. */
  #tell(): void {
    if (this.#telling || this.#waiting.size === 0) return
    this.#telling = true
    queueMicrotask(() => {
      this.#telling = false
      for (const feed of Array.from(this.#waiting)) {
        if (!this.#behind.has(feed) && this.#isHeld(feed)) continue
        this.#waiting.delete(feed)
        feed.ring()
      }
    })
  }
}
