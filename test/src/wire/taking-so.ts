import type { Feed, Query, Store, WatchOptions } from '@fanlight/core'
import { altered } from '@fanlight/core/testing'

/** A store whose feeds take otherwise: `take` gets the query, and what the feed would do. */
export function takingSo<S extends Store>(
  store: S,
  take: (query: Query, go: Feed['take']) => ReturnType<Feed['take']>,
): S {
  return altered(store, {
    watch: (query: Query, options?: WatchOptions) => {
      const feed: Feed = store.watch(query, options)
      return altered(feed, { take: (to?: Feed['versions']) => take(query, () => feed.take(to)) })
    },
  })
}
