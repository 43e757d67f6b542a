import { Observable } from 'rxjs'
import type { Pulled } from '../feeds/iterate.ts'
import { isClosedByHolder, pull } from '../feeds/pull.ts'

/** Options of `observe`. */
export interface ObserveOptions {
  /** Whether the feed stays open when nobody observes it any more, for another holder. Default false. */
  readonly keepOpen?: boolean | undefined
}

/**
 * Turns a feed, or a group of feeds, into an Observable of its updates. It takes at each wake: at once, inside the commit
 * that woke it, where the feed can. Whoever subscribes is the holder of the feed, so that there is one subscriber at a time;
 * give it `share()` for more.
 *
 * An Observable does not learn that its consumer is slow, so nothing is folded while the consumer works, and the consumer
 * gets an update for each wake. Where it may be slow, iterate over the feed: that folds.
 *
 * Unsubscribing closes the feed. A feed that its holder closes completes the Observable; whatever else ends it is the error.
 *
 * @param feed    has no holder
 * @param options keepOpen (default false)
 * @returns an Observable that errs with BAD_QUERY where the feed has a holder, and with what ends the feed (L6, L7)
 *
 * @example
 * ```ts
 * import { createMemoryStore, observe, put } from '@fanlight/core'
 *
 * const store = createMemoryStore()
 * const feed = store.watch({}, { since: store.reached })
 * const subscription = observe(feed).subscribe(({ changes }) => console.log(changes.length))
 * await store.commit([put('a', 1)]) // 1
 * subscription.unsubscribe()
 * ```
 */
export function observe<U>(feed: Pulled<U>, options: ObserveOptions = {}): Observable<U> {
  return new Observable((subscriber) => {
    const hold = pull(feed, {
      next: (update) => subscriber.next(update),
      failed: (error) => (isClosedByHolder(error) ? subscriber.complete() : subscriber.error(error)),
    })
    return () => {
      hold.stop()
      if (options.keepOpen !== true) void feed.close()
    }
  })
}
