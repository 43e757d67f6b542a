import { key as keyOf, type Entry } from '@fanlight/core'
import { valuesEqual } from '@fanlight/core/kit'
import type { Aggregate } from './aggregates.ts'
import type { Ranked } from './front.ts'

/** To which groups an entry belongs, and what it gives each aggregate; null: nothing. */
export type Share = [groups: readonly string[], ...gives: unknown[]]

/** What left and joined which groups. */
export interface Moves {
  /** The groups that something left or joined. */
  readonly groups: Iterable<string>
  /** By how many members a group grew. */
  grown(group: string): number
  /** What left an aggregate of a group: numbers, or members in an order. */
  left(group: string, aggregate: number): readonly unknown[]
  /** What joined an aggregate of a group. */
  joined(group: string, aggregate: number): readonly unknown[]
}

/** What became of a group. */
interface GroupMoves {
  /** By how many members it grew. */
  grown: number
  /** For each aggregate. */
  readonly left: readonly unknown[][]
  readonly joined: readonly unknown[][]
}

/** What left and joined which groups where entries changed: an entry that gives what it gave does neither. */
export class MemberMoves implements Moves {
  readonly #aggregates: readonly Aggregate['~made'][]
  readonly #groups = new Map<string, GroupMoves>()

  constructor(aggregates: readonly Aggregate['~made'][]) {
    this.#aggregates = aggregates
  }

  get groups(): Iterable<string> {
    return this.#groups.keys()
  }

  grown(group: string): number {
    return this.#of(group).grown
  }

  left(group: string, aggregate: number): readonly unknown[] {
    return this.#of(group).left[aggregate] ?? []
  }

  joined(group: string, aggregate: number): readonly unknown[] {
    return this.#of(group).joined[aggregate] ?? []
  }

  /** An entry gives something else now. */
  note(input: Entry['key'], was: Share | undefined, is: Share | undefined): void {
    const [before] = was ?? nowhere
    const [now] = is ?? nowhere
    for (const group of before) this.#move(group, input, was, now.includes(group) ? is : undefined)
    for (const group of now) if (!before.includes(group)) this.#move(group, input, undefined, is)
  }

  #move(group: string, input: string, gave: Share | undefined, gives: Share | undefined): void {
    const join = this.#of(group)
    join.grown += (gives === undefined ? 0 : 1) - (gave === undefined ? 0 : 1)
    for (let i = 0; i < this.#aggregates.length; i++) {
      const was = gave?.[i + 1] ?? null
      const is = gives?.[i + 1] ?? null
      if (valuesEqual(was, is)) continue
      const isTally = this.#aggregates[i]?.kind === 'tally'
      if (was !== null) join.left[i]?.push(isTally ? was : placed(was as Ranked, input))
      if (is !== null) join.joined[i]?.push(isTally ? is : placed(is as Ranked, input))
    }
  }

  #of(group: string): GroupMoves {
    let join = this.#groups.get(group)
    if (join === undefined) {
      join = { grown: 0, left: this.#aggregates.map(() => []), joined: this.#aggregates.map(() => []) }
      this.#groups.set(group, join)
    }
    return join
  }
}

const nowhere: Share = [[]]

/** Where a member stands: those of one rank in the order of their keys. */
export function placed([rank, value]: readonly [rank: string, value: unknown], input: string): Ranked {
  return [rank === '' ? keyOf(input) : `${rank}/${keyOf(input)}`, value]
}
