import type { Change, SourceId, Versions } from '@fanlight/core'
import { nothing } from './memo.ts'

/** A whole state, which nobody changes. */
export type State = ReadonlyMap<string, unknown>

/** What a source was at each of its versions: a list of whole states, naive and obviously right. */
export class SourceHistory {
  readonly #states: { version: number; state: State }[]
  /** For each key the versions of the commits that named it. */
  readonly #named = new Map<string, number[]>()

  constructor(version: number, state: State) {
    this.#states = [{ version, state }]
  }

  /** A commit was made. */
  commit(version: number, changes: readonly Change[]): void {
    const state = new Map(this.#states.at(-1)?.state)
    for (const change of changes) {
      this.#named.set(change.key, [...(this.#named.get(change.key) ?? []), version])
      if (change.gone === true) state.delete(change.key)
      else state.set(change.key, change.value)
    }
    if (version <= (this.#states.at(-1)?.version ?? -1)) throw new Error(`version ${version} came after a greater one`)
    this.#states.push({ version, state })
  }

  /** What the source is. */
  get newest(): State {
    return this.#states.at(-1)?.state ?? new Map()
  }

  /** What the source was at a version. */
  at(version: number): State {
    return this.#states.findLast((one) => one.version <= version)?.state ?? nothing
  }

  /** Whether a commit after one version and before another named one of the keys. */
  named(keys: readonly string[], after: number, before: number): boolean {
    return keys.some((key) => this.#named.get(key)?.some((version) => version > after && version < before) ?? false)
  }

  /** Whether one of the keys got another value after one version and before another. */
  changed(keys: readonly string[], after: number, before: number): boolean {
    const between = this.#states.filter(({ version }) => version > after && version < before)
    const values = (key: string): unknown[] =>
      [this.at(after), ...between.map(({ state }) => state)].map((state) => state.get(key))
    return keys.some((key) => values(key).some((value, _, all) => value !== all[0]))
  }

  /** The versions in a window at which it changed. */
  versionsIn(from: number, to: number): number[] {
    return this.#states.map(({ version }) => version).filter((version) => version >= from && version <= to)
  }

  /** The same up to a version: what a backup of then holds. */
  until(version: number): SourceHistory {
    return new SourceHistory(version, this.at(version))
  }
}

/** The histories of all sources of a case, each found by any id that it has had. */
export class Histories {
  readonly #bySource = new Map<SourceId, SourceHistory>()

  set(source: SourceId, history: SourceHistory): void {
    this.#bySource.set(source, history)
  }

  get(source: SourceId): SourceHistory | undefined {
    return this.#bySource.get(source)
  }

  /** What one of the sources was at a point; undefined where the point does not name any of them. */
  stateOf(sources: readonly SourceId[], point: Versions): State | undefined {
    for (const source of sources) {
      const version = point[source]
      const history = this.#bySource.get(source)
      if (version !== undefined && history !== undefined) return history.at(version)
    }
    return undefined
  }
}
