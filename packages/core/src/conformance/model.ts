import type { Change, Query, SourceId, Versions, Windows } from '../store.ts'
import { mergeVersions } from '../versions.ts'
import { ensure, show } from './check.ts'
import { type State, answer } from './evaluate.ts'

/** What a commit did, and at which version of which sources. */
export interface ModelCommit {
  /** The sources that the commit moved, each with the version that it got. */
  readonly at: Versions
  readonly changes: readonly Change[]
}

/** How a model starts, and what its store makes of what is written. */
export interface ModelOptions {
  /** The state at the start. Default empty. */
  readonly state?: State | undefined
  /** What the store shows where this was written: for views. Default the same. */
  readonly expected?: ((state: State) => State) | undefined
}

/**
 * What a store must show, as a list of whole states: one for each commit. It knows the state at every point of one source;
 * of several sources at every point, as long as each commit moved one source, and else at those between which no commit is
 * cut in two.
 */
export class Model {
  /** The first point that it knows. */
  readonly start: Versions
  readonly #first: State
  readonly #expected: (state: State) => State
  readonly #commits: ModelCommit[] = []
  readonly #names = new Map<SourceId, SourceId>()
  readonly #states = new Map<string, State | undefined>()
  #latest: Versions

  constructor(start: Versions, options: ModelOptions = {}) {
    this.start = this.#latest = start
    this.#first = options.state ?? new Map()
    this.#expected = options.expected ?? ((state) => state)
  }

  /** Every commit, in the order of its versions. */
  get commits(): readonly ModelCommit[] {
    return this.#commits
  }

  /** The newest point: that of all commits together. */
  get latest(): Versions {
    return this.#latest
  }

  /**
   * A commit was made, perhaps not the newest: commits that were under way at once come in any order.
   *
   * @param versions what the commit returned
   * @param changes  what it changed
   */
  commit(versions: Versions, changes: readonly Change[]): void {
    const at = this.canonical(versions)
    const twin = this.#commits.find((commit) =>
      shared(commit.at, at).some((source) => commit.at[source] === at[source]),
    )
    ensure(twin === undefined, () => `two commits got one version: ${show(twin)} and ${show({ at, changes })}`)
    const later = this.#commits.findIndex((commit) =>
      shared(commit.at, at).some((source) => (commit.at[source] ?? 0) > (at[source] ?? 0)),
    )
    this.#commits.splice(later < 0 ? this.#commits.length : later, 0, { at, changes })
    this.#latest = mergeVersions(this.#latest, at)
    this.#states.clear()
  }

  /** The source `before` goes on as `now`: points of both are read as points of one. */
  continue(before: SourceId, now: SourceId): void {
    const name = this.#names.get(before) ?? before
    if (now !== name) this.#names.set(now, name)
  }

  /** A point in the names under which the model keeps it, with the sources that it knows. */
  canonical(point: Versions): Versions {
    const own: Record<SourceId, number> = {}
    for (const [source, version] of Object.entries(point)) {
      const name = this.#names.get(source) ?? source
      if (name in this.start) own[name] = version
    }
    return own
  }

  /** What the store shows at a point; sources that are absent are at the start. undefined: the model does not know. */
  stateAt(point: Versions): State | undefined {
    const at = { ...this.start, ...this.canonical(point) }
    const id = JSON.stringify(Object.keys(this.start).map((source) => at[source]))
    if (!this.#states.has(id)) this.#states.set(id, this.#evaluate(at))
    return this.#states.get(id)
  }

  /** The points in a box at which the model knows the state, each time that it may differ from the one before. */
  pointsIn(windows: Windows): Versions[] {
    const box: Record<SourceId, { from: number; to: number }> = {}
    for (const [source, window] of Object.entries(windows)) {
      const name = this.#names.get(source) ?? source
      if (name in this.start) box[name] = window
    }
    let points: Versions[] = [{}]
    for (const [source, { from, to }] of Object.entries(box)) {
      const first = Math.max(from, this.start[source] ?? 0)
      if (to < first) return []
      const marks = this.#commits
        .map(({ at }) => at[source] ?? -1)
        .filter((version) => version > first && version <= to)
      const versions = thinned([...new Set([first, ...marks, to])], points.length)
      points = points.flatMap((point) => versions.map((version) => ({ ...point, [source]: version })))
    }
    return points.filter((point) => this.stateAt(point) !== undefined)
  }

  /** Everything that was written, at the newest point: what a view makes its state of. */
  written(): Map<string, unknown> {
    const state = new Map(this.#first)
    for (const { changes } of this.#commits) applyChanges(state, changes)
    return state
  }

  /** The answer at a point; undefined: the model does not know. */
  answerAt(query: Query, point: Versions): ReturnType<typeof answer> | undefined {
    const state = this.stateAt(point)
    return state === undefined ? undefined : answer(query, state)
  }

  #evaluate(point: Versions): State | undefined {
    const state = new Map(this.#first)
    for (const source of Object.keys(this.start)) {
      if ((point[source] ?? 0) < (this.start[source] ?? 0)) return undefined
    }
    for (const { at, changes } of this.#commits) {
      const made = Object.keys(at).map((source) => (at[source] ?? 0) <= (point[source] ?? 0))
      if (made.every((one) => !one)) continue
      if (made.some((one) => !one)) return undefined
      applyChanges(state, changes)
    }
    return this.#expected(state)
  }
}

/**
 * Makes a model of a fresh store: tell it of every commit, and check what the store says against it.
 *
 * @param start   the point at which the store stood: its `reached`
 * @param options what it held there, and what it makes of what is written
 *
 * @example
 * ```ts
 * import { createMemoryStore, put } from '@fanlight/core'
 * import { checkSnapshot, createModel } from '@fanlight/core/conformance'
 *
 * const store = createMemoryStore()
 * const model = createModel(store.reached)
 * const change = put('a', 1)
 * model.commit(await store.commit([change]), [change])
 * console.log(checkSnapshot(model, {}, await store.fetch({}))) // 1
 * await store.close()
 * ```
 */
export function createModel(start: Versions, options: ModelOptions = {}): Model {
  return new Model(start, options)
}

/** Applies changes to a state, each in its turn. */
export function applyChanges(state: Map<string, unknown>, changes: readonly Change[]): void {
  for (const change of changes) {
    if (change.gone === true) state.delete(change.key)
    else state.set(change.key, change.value)
  }
}

function shared(a: Versions, b: Versions): SourceId[] {
  return Object.keys(a).filter((source) => source in b)
}

/** Of the versions of one source so many, ends included, that a box of several sources has a few hundred points at most. */
function thinned(versions: readonly number[], times: number): readonly number[] {
  const most = Math.max(2, Math.floor(400 / times))
  if (versions.length <= most) return versions
  return versions.filter((_, i) => i === versions.length - 1 || i % Math.ceil(versions.length / (most - 1)) === 0)
}
