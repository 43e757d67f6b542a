import { FanlightError } from './errors.ts'
import type { CommitId } from './store.ts'

/** Commits with an id of which it is not known whether they were applied. A retry of one must not be applied again. */
export class DoubtfulIds {
  /** The version of the store when the outcome was lost, by id. */
  readonly #at = new Map<string, number>()

  add(id: CommitId, version: number): void {
    this.#at.set(nameOf(id), version)
  }

  /**
   * @param tree where its horizon has passed the version, ids as old as that are refused without a list
   * @throws LOST_IN_FOG, with `applied: 'unknown'`
   */
  refuse(id: CommitId, store: string, tree: { readonly horizon: number; find(id: CommitId): unknown }): void {
    for (const [name, version] of this.#at) {
      if (version >= tree.horizon) break
      this.#at.delete(name)
    }
    if (!this.#at.has(nameOf(id)) || tree.find(id) !== undefined) return
    const message = `nobody knows whether commit ${id.number} was applied when ${store} failed under it: read, and decide`
    throw new FanlightError('LOST_IN_FOG', message, { store, wanted: id.born, applied: 'unknown' })
  }
}

function nameOf(id: CommitId): string {
  return `${id.number}/${id.session}`
}
