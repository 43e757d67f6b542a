import type { FetchOptions, Query, Snapshot, Versions } from '../store.ts'
import { reaches } from '../versions.ts'
import { ensure, show } from './check.ts'
import { checkSnapshot } from './check-snapshot.ts'
import type { Model } from './model.ts'

/** Keeps the answers that were given, and holds them against the model as it grows. */
export class Witness {
  #kept: { readonly query: Query; readonly snapshot: Snapshot }[] = []

  /** Keeps an answer; checks at once that it lies in its bounds (L2), and not ahead of what was reached (L9). */
  keep(model: Model, reached: Versions, query: Query, snapshot: Snapshot, { min = {}, max = {} }: FetchOptions): void {
    const { windows, versions } = snapshot
    const what = `the answer to ${show(query)} with windows ${show(windows)}`
    ensure(reaches(reached, versions), () => `L9: ${what} is ahead of what the store has reached: ${show(reached)}`)
    const [least, most] = [model.canonical(min), model.canonical(max)]
    for (const [source, { from, to }] of Object.entries(windows)) {
      const [name = source] = Object.keys(model.canonical({ [source]: 0 }))
      ensure(to >= (least[name] ?? 0), () => `L2: ${what} lies before its min ${show(min)}`)
      ensure(from <= (most[name] ?? Infinity), () => `L2: ${what} lies after its max ${show(max)}`)
    }
    this.#kept.push({ query, snapshot })
  }

  /** Checks every answer once more. Gives at how many points. */
  recheck(model: Model): number {
    let points = 0
    for (const { query, snapshot } of this.#kept) points += checkSnapshot(model, query, snapshot)
    return points
  }

  /** Drops what it kept. */
  forget(): void {
    this.#kept = []
  }
}
