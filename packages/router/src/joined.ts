import type { SourceId, Versions, Window, Windows } from '@fanlight/core'

/** The windows of a store's answer with that of the table of mounts: one source is by far the most common. */
export function joined(windows: Windows, sources: readonly SourceId[], source: SourceId, own: Window): Windows {
  const [only] = sources
  const window = only === undefined || sources.length > 1 ? undefined : windows[only]
  return only === undefined || window === undefined ? { ...windows, [source]: own } : { [only]: window, [source]: own }
}

/**
 * Joins the versions of a store with that of the table of mounts. It gives the last result again where it is asked for
 * again: a store whose versions have not moved hands out one object for all its answers.
 */
export class Joiner {
  #values: Versions | undefined
  #own: number | undefined
  #result: Versions = {}

  join(values: Versions, source: SourceId, own: number): Versions {
    if (values !== this.#values || own !== this.#own) {
      this.#result = { ...values, [source]: own }
      this.#values = values
      this.#own = own
    }
    return this.#result
  }
}

/** The window of the table of mounts: the same object as long as it is the same window. */
export class OwnWindow {
  #last: Window = { from: 0, to: 0 }

  of(from: number, to: number): Window {
    const { from: lastFrom, to: lastTo } = this.#last
    return from === lastFrom && to === lastTo ? this.#last : (this.#last = { from, to })
  }
}
