import type { Query, Store } from '@fanlight/core'
import type { Part } from './plan.ts'

/** A store of which parts can be had that know only what lies under a query: a router. */
interface Divisible extends Store {
  part(query: Query): Store
}

/**
 * The store of a part, as far as the part concerns it: a router that is mounted in another one speaks for all its mounts,
 * and a mount that nobody asks must hold up nobody.
 */
export function scopedTo({ store, query }: Pick<Part, 'store' | 'query'>): Store {
  return isDivisible(store) ? store.part(query) : store
}

function isDivisible(store: Store): store is Divisible {
  return 'part' in store && typeof store.part === 'function'
}
