import type { State } from './history.ts'

/** So many states are remembered of one node. */
const madeMax = 4000

const numbers = new WeakMap<State, number>()
let states = 0

/** A state of nothing. */
export const nothing: State = new Map()

/** Remembers what was made of states, since most points of a box show the same. */
export class Memo {
  readonly #made = new Map<string, State>()

  /** What is made of states, and of a text beside them. */
  get(from: readonly State[], make: () => State, text = ''): State {
    const name = `${from.map(numberOf).join()} ${text}`
    const known = this.#made.get(name)
    if (known !== undefined) return known
    if (this.#made.size >= madeMax) this.#made.clear()
    const made = make()
    this.#made.set(name, made)
    return made
  }
}

function numberOf(state: State): number {
  const known = numbers.get(state)
  if (known !== undefined) return known
  numbers.set(state, ++states)
  return states
}
