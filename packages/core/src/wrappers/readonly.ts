import type { Store, Supports, Types } from '../store.ts'
import { Wrapper } from './wrapper.ts'

class ReadonlyStore<T extends Types> extends Wrapper<T> {
  constructor(inner: Store<T>) {
    super(inner, 'readonly')
  }

  override get supports(): Supports {
    return { ...this.inner.supports, commit: false, guard: 'none', ids: false }
  }
}

/**
 * The same store without `commit`: for whoever may look and not touch. Its sources, versions and windows are those of the
 * store, so that answers of both can stand in one router (L3).
 *
 * Closing it ends what was asked through it with CLOSED, and leaves the store open.
 *
 * @param store what is shown
 *
 * @example
 * ```ts
 * import { createMemoryStore, readonly } from '@fanlight/core'
 *
 * const store = createMemoryStore()
 * const shown = readonly(store)
 * console.log(shown.commit, shown.supports.commit) // undefined false
 * ```
 */
export function readonly<T extends Types>(store: Store<T>): Store<T> {
  return new ReadonlyStore(store)
}
