import { key as keyOf, type Entry } from '@fanlight/core'
import { valuesEqual } from '@fanlight/core/kit'
import type { Aggregate } from './aggregates.ts'
import type { Ranked } from './front.ts'

/** To which groups an entry belongs, and what it gives each aggregate; null: nothing. */
export type Share = readonly [groups: readonly string[], gives: readonly unknown[]]

/** What left an aggregate of a group, and what joined it: numbers, or members in an order. */
interface Moves {
  readonly left: unknown[]
  readonly joined: unknown[]
}

/** What became of a group. */
interface Join {
  /** By how many members it grew. */
  grown: number
  /** For each aggregate. */
  readonly moves: readonly Moves[]
}

/** What left and joined which groups: an entry that gives what it gave is neither. */
export class Joins {
  readonly #aggregates: readonly Aggregate['~made'][]
  readonly #joins = new Map<string, Join>()

  constructor(aggregates: readonly Aggregate['~made'][]) {
    this.#aggregates = aggregates
  }

  /** The groups that something left or joined. */
  get groups(): Iterable<string> {
    return this.#joins.keys()
  }

  /** By how many members a group grew. */
  grown(group: string): number {
    return this.#of(group).grown
  }

  /** What left and joined one aggregate of a group. */
  at(group: string, aggregate: number): Moves {
    return this.#of(group).moves[aggregate] ?? { left: [], joined: [] }
  }

  /** An entry gives something else now. */
  note(input: Entry['key'], was: Share | undefined, is: Share | undefined): void {
    const [before, gave] = was ?? nowhere
    const [now, gives] = is ?? nowhere
    for (const group of before) this.#move(group, input, gave, now.includes(group) ? gives : undefined)
    for (const group of now) if (!before.includes(group)) this.#move(group, input, undefined, gives)
  }

  #move(
    group: string,
    input: string,
    gave: readonly unknown[] | undefined,
    gives: readonly unknown[] | undefined,
  ): void {
    const join = this.#of(group)
    join.grown += (gives === undefined ? 0 : 1) - (gave === undefined ? 0 : 1)
    this.#aggregates.forEach(({ kind }, i) => {
      const was = gave?.[i] ?? null
      const is = gives?.[i] ?? null
      if (valuesEqual(was, is)) return
      const { left, joined } = join.moves[i] as Moves
      if (was !== null) left.push(kind === 'tally' ? was : placed(was as Ranked, input))
      if (is !== null) joined.push(kind === 'tally' ? is : placed(is as Ranked, input))
    })
  }

  #of(group: string): Join {
    let join = this.#joins.get(group)
    if (join === undefined) {
      join = { grown: 0, moves: this.#aggregates.map(() => ({ left: [], joined: [] })) }
      this.#joins.set(group, join)
    }
    return join
  }
}

const nowhere: Share = [[], []]

/** Where a member stands: those of one rank in the order of their keys. */
export function placed([rank, value]: readonly [rank: string, value: unknown], input: string): Ranked {
  return [rank === '' ? keyOf(input) : `${rank}/${keyOf(input)}`, value]
}
