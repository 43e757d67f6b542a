/** One side of a pair: what is measured, as often as it takes turns. */
export interface Side {
  /** Measures once: operations a second, bytes, or milliseconds. */
  measure(): Promise<number>
  /** What else the last measurement found, by name: printed beside the row, and not compared. */
  notes?(): Notes
  close?(): Promise<void>
}

/** Numbers by what they are, with the unit: `latency ms`. */
export type Notes = Readonly<Record<string, number>>

/** Ours beside one limit or peer. */
export interface Pair {
  readonly against: string
  readonly ours: () => Promise<Side>
  readonly theirs: () => Promise<Side>
}

/** One row of the table. */
export interface Row {
  readonly name: string
  readonly unit: string
  /** Whether more is better: of rates it is, of sizes and times it is not. */
  readonly more: boolean
  /** What the ratio should reach, one for each pair. */
  readonly reach: readonly number[]
  readonly pairs: readonly Pair[]
  /** Why it cannot be measured here; undefined: it can. */
  whyNot?(): Promise<string | undefined>
}

/** What the measurement of a pair gave: medians over its turns. */
export interface Result {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly against: string
  readonly ratio: number
  /** What else was found: medians as well. Missing where a row notes nothing. */
  readonly notes?: { readonly ours: Notes; readonly theirs: Notes }
}
