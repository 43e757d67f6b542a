import type { Entry, Query, Update, Versions } from '../store.ts'
import { ensure, sameEntries, show } from './check.ts'
import { type State, answer, compareCodePoints, inRange } from './evaluate.ts'
import { type Model, applyChanges } from './model.ts'

/** How a holder starts: with what it held before. */
export interface HolderStart {
  readonly entries: readonly Entry[]
  readonly versions: Versions
}

/**
 * Someone who follows a query: it applies updates to what it holds, blindly, and must then hold the answer (L6).
 *
 * @example
 * ```ts
 * import { createMemoryStore, put } from '@fanlight/core'
 * import { Holder } from '@fanlight/core/conformance'
 *
 * const store = createMemoryStore()
 * const feed = store.watch({})
 * const holder = new Holder({})
 * await store.commit([put('a', 1)])
 * const update = await feed.take()
 * if (update !== undefined) holder.apply(update)
 * console.log(holder.entries.length) // 1
 * await store.close()
 * ```
 */
export class Holder {
  readonly #held = new Map<string, unknown>()
  readonly #asked = new Map<number, Query>()
  #query: Query
  #generation = 0
  #versions: Versions | undefined

  /**
   * @param query what it follows
   * @param start what it held before, where it resumes
   */
  constructor(query: Query, start?: HolderStart) {
    this.#query = query
    if (start === undefined) return
    for (const { key, value } of start.entries) this.#held.set(key, value)
    this.#versions = start.versions
  }

  /** The query that is answered by what it holds. */
  get query(): Query {
    return this.#query
  }

  /** The point at which what it holds is the answer; undefined: it has none yet. */
  get versions(): Versions | undefined {
    return this.#versions
  }

  get state(): State {
    return this.#held
  }

  /** What it holds, in key order. */
  get entries(): readonly Entry[] {
    return answer({}, this.#held)
  }

  /** It asked for another query: `generation` is what `setQuery` returned. */
  ask(query: Query, generation: number): void {
    ensure(generation > this.#generation, () => `setQuery gave ${generation} after ${this.#generation}`)
    this.#asked.set(generation, query)
  }

  /**
   * Applies an update and checks its shape.
   *
   * @throws Error where the update is malformed
   */
  apply(update: Update): void {
    const { generation, replace, changes, versions } = update
    ensure(generation >= this.#generation, () => `the generation fell from ${this.#generation} to ${generation}`)
    if (generation > this.#generation) {
      ensure(update.query !== undefined, () => `generation ${generation} does not say which query it answers`)
      this.#generation = generation
      this.#query = this.#asked.get(generation) ?? update.query
    }
    ensure(
      replace !== undefined || this.#versions !== undefined,
      () => `L7: the first update replaces nothing: ${show(update)}`,
    )
    if (replace !== undefined) {
      const whole = replace.ranges.every(({ limit, reverse }) => limit === undefined && reverse !== true)
      ensure(whole, () => `replace has spans that are not plain: ${show(replace.ranges)}`)
      for (const key of this.#held.keys())
        if (replace.ranges.some((range) => inRange(range, key))) this.#held.delete(key)
      for (const { key, value } of replace.entries) {
        const inside = replace.ranges.some((range) => inRange(range, key))
        ensure(inside && !this.#held.has(key), () => `replace brings ${show(key)} twice, or outside of its spans`)
        this.#held.set(key, value)
      }
    }
    changes.forEach(({ key }, i) => {
      const before = changes[i - 1]?.key
      const ordered = before === undefined || compareCodePoints(before, key) < 0
      ensure(ordered, () => `the changes are not in key order: ${show(key)} after ${show(before)}`)
    })
    applyChanges(this.#held, changes)
    this.#versions = versions
  }

  /** Nothing changed: what it holds is true at this point too. */
  moved(versions: Versions): void {
    this.#versions = versions
  }

  /**
   * Checks that what it holds is the answer at its point (L6).
   *
   * @returns whether the model knows that point
   * @throws Error that names the law and the point
   */
  check(model: Model): boolean {
    const expected = this.#versions === undefined ? undefined : model.answerAt(this.#query, this.#versions)
    if (expected === undefined) return false
    const ordered = [...expected].sort((a, b) => compareCodePoints(a.key, b.key))
    ensure(
      sameEntries(this.entries, ordered),
      () =>
        `L6: at ${show(this.#versions)} the holder of ${show(this.#query)} has ${show(this.entries)}, expected ${show(ordered)}`,
    )
    return true
  }
}
