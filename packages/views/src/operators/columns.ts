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
  readonly #keys: string[]
  #size = 0
  readonly #aggregates: readonly Aggregate['~made'][]
  readonly #groupsOf: (readonly string[])[]
  readonly #gives: readonly unknown[][]
  readonly #groups = new Map<string, Gathered>()

  /** @param most how many members there may be: lists that grow are copied again and again */
  constructor(aggregates: readonly Aggregate['~made'][], most: number) {
    this.#aggregates = aggregates
    this.#keys = listOf(most)
    this.#groupsOf = listOf(most)
    this.#gives = aggregates.map(() => listOf(most))
  }

  /** The keys of the members: no more come. */
  get keys(): readonly string[] {
    for (const list of [this.#keys, this.#groupsOf, ...this.#gives]) list.length = this.#size
    return this.#keys
  }

  push(key: string, groups: string | readonly string[], gives: readonly unknown[]): void {
    const i = this.#size++
    this.#keys[i] = key
    if (typeof groups === 'string') this.#groupsOf[i] = this.#join(groups, i)
    else {
      for (const group of groups) this.#join(group, i)
      this.#groupsOf[i] = groups
    }
    for (let n = 0; n < this.#gives.length; n++) (this.#gives[n] as unknown[])[i] = gives[n]
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
    return members.flatMap((i) => (column[i] === null ? [] : [placed(column[i] as Ranked, this.#keys[i] as string)]))
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

/** A list with room for so many. */
function listOf<T>(size: number): T[] {
  const list: T[] = []
  list.length = size
  return list
}
