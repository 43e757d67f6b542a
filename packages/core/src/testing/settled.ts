import type { Feed, Update } from '../store.ts'

/**
 * Takes from a feed until there is nothing more to take: what was taken then is true at the feed's `reached`.
 *
 * @returns the updates that were taken, in order
 *
 * @example
 * ```ts
 * import { createMemoryStore, put } from '@fanlight/core'
 * import { settled } from '@fanlight/core/testing'
 *
 * const store = createMemoryStore()
 * const feed = store.watch({})
 * await store.commit([put('a', 1)])
 * const updates = await settled(feed)
 * console.log(updates.length) // 1
 * await store.close()
 * ```
 */
export async function settled<V>(feed: Feed<V>): Promise<Update<V>[]> {
  const taken: Update<V>[] = []
  for (;;) {
    const update = await feed.take()
    if (update !== undefined) taken.push(update)
    else if (isAt(feed)) return taken
  }
}

/** Whether the point that the feed holds is the newest to which it could step. */
function isAt(feed: Feed): boolean {
  const { versions, reached } = feed
  return Object.keys(reached).every((source) => (versions[source] ?? -1) >= (reached[source] ?? 0))
}
