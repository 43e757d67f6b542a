import type { Change, Query, SourceId, Store, Versions } from '@fanlight/core'
import { applyUpdate, diffEntries } from '@fanlight/core/kit'
import type { Taken } from '../follower.ts'

/** What a commit to the upstream changed. */
export interface Commit {
  readonly version: number
  readonly changes: readonly Change[]
}

/** Finds the single commits to a store, where several of its versions were passed at once. */
export class Commits {
  readonly #upstream: Store
  readonly #query: Query
  readonly #source: SourceId
  readonly #rest: Versions

  /**
   * @param source the one that moves
   * @param at     a point that names the others, which stand still
   */
  constructor(upstream: Store, query: Query, source: SourceId, at: Versions) {
    this.#upstream = upstream
    this.#query = query
    this.#source = source
    this.#rest = at
  }

  /**
   * The commits after one version, up to another, in their order. It asks about ever smaller steps, until each is of one commit.
   *
   * @param known what changed between the two, where that is known
   * @throws LOST_IN_FOG where the upstream does not know any more
   */
  async *between(since: number, until: number, known?: Taken): AsyncGenerator<Commit, void, undefined> {
    if (since >= until) return
    const found = known ?? (await this.#changes(since, until))
    const { replace, changes, folded } = found
    if (replace === undefined && (folded === 0 || (folded === 1 && changes.length === 0))) return
    if (until - since === 1) {
      yield { version: until, changes: replace === undefined ? changes : await this.#changesBy(found, since) }
    } else if (replace === undefined && folded === 1) {
      yield { version: await this.#versionOf(changes, since, until), changes }
    } else {
      const middle = since + Math.floor((until - since) / 2)
      yield* this.between(since, middle)
      yield* this.between(middle, until)
    }
  }

  /** The one version in a step at which the upstream changed. */
  async #versionOf([change]: readonly Change[], since: number, until: number): Promise<number> {
    const point = this.#at(until)
    const { windows } = await this.#upstream.fetch(change?.key ?? [], { min: point, max: point })
    // Since when the value is what it is the answer says, and seldom too late a version.
    const { from = until } = windows[this.#source] ?? {}
    let [low, high] = [since, from > since && from <= until ? from : until]
    if (high - low > 1 && (await this.#isQuiet(since, high - 1))) return high
    while (high - low > 1) {
      const middle = low + Math.floor((high - low) / 2)
      if (await this.#isQuiet(since, middle)) low = middle
      else high = middle
    }
    return high
  }

  async #isQuiet(since: number, until: number): Promise<boolean> {
    const { replace, folded } = await this.#changes(since, until)
    return replace === undefined && folded === 0
  }

  /** What differs, where the upstream told all that is there instead. */
  async #changesBy(update: Taken, since: number): Promise<readonly Change[]> {
    const point = this.#at(since)
    const { entries } = await this.#upstream.fetch(this.#query, { min: point, max: point })
    return diffEntries(entries, applyUpdate(entries, update))
  }

  #changes(since: number, until: number): Promise<Taken> {
    return this.#upstream.changes(this.#query, { since: this.#at(since), until: this.#at(until) })
  }

  #at(version: number): Versions {
    return { ...this.#rest, [this.#source]: version }
  }
}
