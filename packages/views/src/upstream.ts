import type { FeedState, Query, Store } from '@fanlight/core'

/** The store of just what a query touches, where the upstream can tell: so that a view of a router may be mounted in it. */
export function partOf(upstream: Store, query: Query): Store {
  const { part } = upstream as { readonly part?: (query: Query) => Store }
  return part === undefined ? upstream : part.call(upstream, query)
}

/** Whether all sources stand as they did. */
export function sameState(a: FeedState, b: FeedState): boolean {
  const sources = Object.keys(a)
  return (
    sources.length === Object.keys(b).length &&
    sources.every((source) => a[source]?.status === b[source]?.status && a[source]?.why === b[source]?.why)
  )
}
