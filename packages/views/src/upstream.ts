import type { FeedState, Query, Range, Store, Versions } from '@fanlight/core'
import { noneOf } from '@fanlight/core/kit'

/** The store of just what a query touches, where the upstream can tell: so that a view of a router may be mounted in it. */
export function partOf(upstream: Store, query: Query): Store {
  const { part } = upstream as { readonly part?: (query: Query) => Store }
  return part === undefined ? upstream : part.call(upstream, query)
}

/**
 * Put before a question about a part of what a view is made of, where that has several sources: a router asks of a point whoever
 * has its sources, the view itself among them, unless the question touches all that the view is made of.
 *
 * @param query what the view is made of
 * @param at    a point of it
 */
export function anchors(query: Query, at: Versions): readonly Range[] {
  return Object.keys(at).length > 1 ? noneOf(query) : []
}

/** Whether all sources stand as they did. */
export function sameState(a: FeedState, b: FeedState): boolean {
  const sources = Object.keys(a)
  return (
    sources.length === Object.keys(b).length &&
    sources.every((source) => a[source]?.status === b[source]?.status && a[source]?.why === b[source]?.why)
  )
}
