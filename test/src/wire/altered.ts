import type { Feed, Query, Store, WatchOptions } from '@fanlight/core'

/** Something that behaves as it did, but for some of its members; one that is undefined is not there at all. */
export function altered<T extends object>(one: T, members: Readonly<Record<string, unknown>>): T {
  return new Proxy(one, {
    has: (target, name) => (name in members ? members[String(name)] !== undefined : name in target),
    get(target, name) {
      if (name in members) return members[String(name)]
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

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
