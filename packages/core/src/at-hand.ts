import type { Soon } from './soon.ts'
import type { FetchOptions, Query, Snapshot, Store, Types } from './store.ts'

/**
 * A store that gives an answer which is at hand without a promise, and throws what is wrong. `fetch` answers the same, as a
 * promise. A router that asks several such stores has all their answers in one turn.
 */
export interface AtHand {
  '~atHand'(query: Query, options?: FetchOptions): Soon<Snapshot>
}

/** Asks a store: what it has at hand is there at once. It never throws. */
export function ask(store: Pick<Store<Types>, 'fetch'>, query: Query, options?: FetchOptions): Soon<Snapshot> {
  try {
    return hasAtHand(store) ? store['~atHand'](query, options) : store.fetch(query, options)
  } catch (error) {
    return Promise.reject(error)
  }
}

function hasAtHand(store: object): store is AtHand {
  return '~atHand' in store
}
