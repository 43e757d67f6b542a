import type { FetchOptions, Gone, Store } from './store.ts'
import type { PutAt, Types, ValueAt } from './types.ts'

/**
 * A change that gives a key a value. Where the key is known when it is compiled, `commit` checks the value against the
 * type under its prefix.
 *
 * @example
 * ```ts
 * import { createMemoryStore, del, put } from '@fanlight/core'
 *
 * const store = createMemoryStore<{ 'users/': { name: string } }>()
 * await store.commit([put('users/ann', { name: 'Ann' }), del('users/bob')])
 * ```
 */
export function put<const K extends string, V>(key: K, value: V): PutAt<K, V> {
  return { key, value }
}

/** A change that deletes a key. Deleting what is not there is no error. */
export function del(key: string): Gone {
  return { key, gone: true }
}

/**
 * The value at one key, or undefined where there is none. For the versions at which that is true, use
 * `store.fetch(key)`.
 *
 * @throws as `fetch` does
 * @example
 * ```ts
 * import { createMemoryStore, get, put } from '@fanlight/core'
 *
 * const store = createMemoryStore<{ 'users/': { name: string } }>()
 * await store.commit([put('users/ann', { name: 'Ann' })])
 * console.log((await get(store, 'users/ann'))?.name) // Ann
 * ```
 */
export async function get<T extends Types, const K extends string>(
  store: Pick<Store<T>, '~types' | 'fetch'>,
  key: K,
  options?: FetchOptions,
): Promise<ValueAt<T, K> | undefined> {
  const { entries } = await store.fetch(key, options)
  return entries[0]?.value
}
