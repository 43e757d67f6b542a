import type { Aggregate } from './aggregates.ts'
import type { Ranked } from './front.ts'
import { type Moves, type Share, placed } from './moves.ts'

/** A group that many new members joined. */
interface Gathered {
  /** Its key, as it stands in the share of a member that belongs to it alone. */
  readonly alone: readonly string[]
  /** Which of the members belong to it. */
  readonly members: number[]
}

const none: readonly never[] = []

/**
 * The shares of many new members, column by column: a list of numbers takes less than half of what as many lists with a number
 * in each do, and nothing for the garbage collector to look at.
 */
export class Columns implements Moves {
  readonly keys: string[] = []
  readonly #aggregates: readonly Aggregate['~made'][]
  readonly #groupsOf: (readonly string[])[] = []
  readonly #gives: readonly unknown[][]
  readonly #groups = new Map<string, Gathered>()

  constructor(aggregates: readonly Aggregate['~made'][]) {
    this.#aggregates = aggregates
    this.#gives = aggregates.map(() => [])
  }

  push(key: string, groups: string | readonly string[], gives: readonly unknown[]): void {
    const i = this.keys.push(key) - 1
    if (typeof groups === 'string') this.#groupsOf.push(this.#join(groups, i))
    else {
      for (const group of groups) this.#join(group, i)
      this.#groupsOf.push(groups)
    }
    for (let n = 0; n < this.#gives.length; n++) this.#gives[n]?.push(gives[n])
  }

  get groups(): Iterable<string> {
    return this.#groups.keys()
  }

  grown(group: string): number {
    return this.#groups.get(group)?.members.length ?? 0
  }

  left(): readonly never[] {
    return none
  }

  joined(group: string, aggregate: number): readonly unknown[] {
    const column = this.#gives[aggregate] ?? none
    const members = this.#groups.get(group)?.members ?? none
    if (this.#aggregates[aggregate]?.kind === 'tally') {
      const given = members.map((i) => column[i])
      return given.includes(null) ? given.filter((one) => one !== null) : given
    }
    return members.flatMap((i) => (column[i] === null ? [] : [placed(column[i] as Ranked, this.keys[i] as string)]))
  }

  /** The share of a member. */
  shareAt(i: number): Share {
    return [this.#groupsOf[i] ?? none, ...this.#gives.map((column) => column[i])]
  }

  /** @returns the groups of a member that belongs to this one only */
  #join(group: string, member: number): readonly string[] {
    const gathered = this.#groups.get(group)
    if (gathered === undefined) {
      const alone = [group]
      this.#groups.set(group, { alone, members: [member] })
      return alone
    }
    gathered.members.push(member)
    return gathered.alone
  }
}
