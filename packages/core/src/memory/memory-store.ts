import { failedCommit } from '../base-store.ts'
import type { ChangeOf, CommitOptions, Supports, Types, Versions, WritableStore } from '../store.ts'
import { TreeStore, type TreeStoreOptions } from './tree-store.ts'

/** Options of `createMemoryStore`. */
export interface MemoryStoreOptions extends TreeStoreOptions {}

/** A store in memory: `createMemoryStore` makes one. */
export interface MemoryStore<T extends Types = { '': unknown }> extends WritableStore<T> {}

class InMemory<T extends Types> extends TreeStore<T> {
  readonly supports: Supports = { commit: true, guard: 'ranges', ids: true, single: false, durable: false }

  constructor(options: MemoryStoreOptions = {}) {
    super(options, 'memory')
  }

  /**
   * Changes several keys as one, in memory: all is done when it returns.
   *
   * @throws BAD_KEY, BAD_VALUE, BAD_QUERY, CONFLICT, LOST_IN_FOG, SOURCE_RESET, CLOSED, ABORTED
   */
  commit(changes: readonly ChangeOf<T>[], options?: CommitOptions): Promise<Versions> {
    try {
      const request = this.checked(changes, options)
      return Promise.resolve(this.settled(request) ?? this.apply(request, this.tree.version + 1))
    } catch (error) {
      return Promise.reject(failedCommit(error, 'no'))
    }
  }
}

/**
 * Makes an empty store in memory: a sorted tree with its history.
 *
 * @param options name (default 'memory'), history (default 64 MiB or 100,000 commits), limits, and the clock and chance of a
 *   replayed run
 * @returns a store that takes commits, with range guards, idempotent ids, and reads in the past (L0 to L9)
 *
 * @example
 * ```ts
 * import { createMemoryStore, prefix, put } from '@fanlight/core'
 *
 * const users = createMemoryStore<{ '': { name: string } }>()
 * const versions = await users.commit([put('ann', { name: 'Ann' }), put('bob', { name: 'Bob' })])
 * const { entries, windows } = await users.fetch(prefix('a'), { min: versions })
 * console.log(entries[0]?.value.name) // Ann
 * console.log(Object.values(windows)) // [ { from: 1, to: 1 } ]
 * ```
 */
export function createMemoryStore<T extends Types = { '': unknown }>(options: MemoryStoreOptions = {}): MemoryStore<T> {
  return new InMemory<T>(options)
}
