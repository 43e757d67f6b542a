import { type KeyPart, key as keyOf } from '@fanlight/core'
import type { Yield } from './mapping.ts'

/**
 * An entry under other keys: for the `map` of a view that is an index. It stands under parts of your choice, and its own key
 * behind them, so that no two entries meet: all that have the same parts are found by `prefix(key(...parts) + '/')`.
 *
 * @param entry what `map` is given
 * @param parts one or several, as `key(...)` takes them; `desc(part)` turns the order around
 * @throws BAD_KEY where a part is none
 *
 * @example
 * ```ts
 * import { createMemoryStore, desc, prefix, put } from '@fanlight/core'
 * import { createView, indexed } from '@fanlight/views'
 *
 * const players = createMemoryStore<{ '': { team: string; score: number } }>()
 * const byTeam = createView(players, { map: (entry) => indexed(entry, entry.value.team, desc(entry.value.score)) })
 * const min = await players.commit([put('ann', { team: 'blue', score: 3 }), put('bob', { team: 'blue', score: 9 })])
 * const { entries } = await byTeam.fetch({ ...prefix('blue/'), limit: 1 }, { min })
 * console.log(entries[0]?.value) // { team: 'blue', score: 9 }
 * await byTeam.close()
 * ```
 *
 * @example
 * An entry may stand at several places, or at none:
 *
 * ```ts
 * import { createMemoryStore, prefix, put } from '@fanlight/core'
 * import { createView, indexed } from '@fanlight/views'
 *
 * const posts = createMemoryStore<{ '': { tags: string[] } }>()
 * const byTag = createView(posts, { map: (entry) => entry.value.tags.map((tag) => indexed(entry, tag)) })
 * const min = await posts.commit([put('1', { tags: ['a', 'b'] }), put('2', { tags: ['b'] })])
 * console.log((await byTag.fetch(prefix('b/'), { min })).entries.length) // 2
 * await byTag.close()
 * ```
 */
export function indexed<V>(entry: Yield<V>, ...parts: readonly [KeyPart, ...KeyPart[]]): Yield<V> {
  return { key: keyOf(...parts, entry.key), value: entry.value }
}
