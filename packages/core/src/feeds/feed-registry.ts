import type { Random } from '../ambient.ts'
import { FanlightError } from '../errors.ts'
import type { Spans } from '../ranges.ts'
import type { Versions } from '../store.ts'
import type { StoreFeed } from './feed.ts'
import { Followed, signatureOf } from './followed.ts'
import { IntervalIndex } from './interval-index.ts'

const none: readonly Followed[] = []

/** Hears which queries are followed: of the first feed of each, and of the last that leaves. */
export interface FollowListener {
  began(followed: Followed): void
  ended(followed: Followed): void
}

/** The feeds of a store, found by the keys that a commit touches. */
export class FeedRegistry {
  readonly #bySignature = new Map<string, Followed>()
  readonly #index: IntervalIndex<Followed>
  readonly #feedsMax: number
  readonly #listener: FollowListener | undefined
  #size = 0

  constructor(random: Random, feedsMax: number, listener?: FollowListener) {
    this.#index = new IntervalIndex(random)
    this.#feedsMax = feedsMax
    this.#listener = listener
  }

  /** Adds a feed under what it follows. */
  follow(feed: StoreFeed, spans: Spans): Followed {
    if (this.#size >= this.#feedsMax) {
      throw new FanlightError('TOO_MANY', `there are ${this.#size} feeds already: close some, or raise limits.feeds`)
    }
    this.#size++
    const signature = signatureOf(spans)
    let followed = this.#bySignature.get(signature)
    if (followed === undefined) {
      followed = new Followed(spans, signature)
      this.#bySignature.set(signature, followed)
      for (const span of spans.list) this.#index.add(span, followed)
      this.#listener?.began(followed)
    }
    followed.add(feed)
    return followed
  }

  /** Takes a feed away from what it followed. */
  unfollow(feed: StoreFeed, followed: Followed): void {
    this.#size--
    followed.remove(feed)
    if (followed.feeds.length > 0) return
    this.#bySignature.delete(followed.signature)
    for (const span of followed.spans.list) this.#index.remove(span, followed)
    this.#listener?.ended(followed)
  }

  /**
   * Marks the feeds that a commit touches; to be told by `ring` when everything else has seen the commit.
   *
   * @param keys absent: all feeds are touched
   */
  mark(keys: Iterable<string> | undefined, before: Versions, after: Versions): readonly Followed[] {
    return this.#touch(before, after, (hit) => {
      if (keys === undefined) this.#bySignature.forEach(hit)
      else for (const key of keys) this.#index.stab(key, hit)
    })
  }

  /** The same, where it is known which queries are touched. */
  markQueries(signatures: Iterable<string>, before: Versions, after: Versions): readonly Followed[] {
    return this.#touch(before, after, (hit) => {
      for (const signature of signatures) {
        const followed = this.#bySignature.get(signature)
        if (followed !== undefined) hit(followed)
      }
    })
  }

  /** Wakes the feeds that were marked. */
  ring(hits: readonly Followed[]): void {
    for (const { feeds } of hits) for (const feed of feeds) feed.ring()
  }

  /** The feeds of one query. */
  of(signature: string): readonly StoreFeed[] {
    return this.#bySignature.get(signature)?.feeds ?? []
  }

  /** All feeds there are. */
  all(): StoreFeed[] {
    return [...this.#bySignature.values()].flatMap((followed) => followed.feeds)
  }

  #touch(before: Versions, after: Versions, find: (hit: (followed: Followed) => void) => void): readonly Followed[] {
    if (this.#size === 0) return none
    const hits: Followed[] = []
    find((followed) => {
      if (followed.touched) return
      followed.touched = true
      followed.touches++
      followed.before = before
      followed.after = after
      hits.push(followed)
    })
    // Before anyone is told: a holder may commit while it is told, and that commit has to find the feeds once more.
    for (const followed of hits) followed.touched = false
    return hits
  }
}
