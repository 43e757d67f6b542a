import { type Span, compareKeys } from '@fanlight/core/kit'
import type { ShelfBlock } from './shelf.ts'

/** A sorted run of keys, and their values. */
interface Run extends Pick<ShelfBlock, 'keys' | 'valueAt'> {
  /** 1 where a value was taken away. */
  readonly taken: Uint8Array
  /** How many of its keys are still there. */
  size: number
}

/**
 * Sorted entries that came many at once, as they came: putting a million of them into a tree one by one takes longer than
 * all else that a view does with them. What changes later is taken away from here, and kept in a tree.
 */
export class Blocks {
  /** In key order, and no two overlap. */
  readonly #runs: Run[] = []

  /**
   * Adds entries, in key order, of which none is there: those between two runs are a run of their own.
   *
   * @returns false, and adds nothing, where some lie inside a run: then they are to be kept one by one
   */
  add({ keys, valueAt }: Pick<ShelfBlock, 'keys' | 'valueAt'>): boolean {
    const runs: { readonly at: number; readonly run: Run }[] = []
    for (let first = 0; first < keys.length;) {
      const at = this.#runAt(keys[first] as string) + 1
      const before = this.#runs[at - 1]?.keys.at(-1)
      if (before !== undefined && compareKeys(before, keys[first] as string) >= 0) return false
      const next = this.#runs[at]?.keys[0]
      const end = next === undefined ? keys.length : firstFrom(keys, next)
      if (keys[end] === next && next !== undefined) return false
      runs.push({ at, run: runOf(keys.slice(first, end), valueAt, first) })
      first = end
    }
    // From behind, so that the places of the others stay what they are.
    for (const { at, run } of runs.reverse()) this.#runs.splice(at, 0, run)
    return true
  }

  /** The value at a key; undefined where there is none. */
  get(key: string): unknown {
    const run = this.#runs[this.#runAt(key)]
    const i = run === undefined ? -1 : indexOf(run.keys, key)
    return run === undefined || run.keys[i] !== key || run.taken[i] === 1 ? undefined : run.valueAt(i)
  }

  /** Takes the value at a key away; undefined where there is none. */
  take(key: string): unknown {
    const at = this.#runAt(key)
    const run = this.#runs[at]
    const i = run === undefined ? -1 : indexOf(run.keys, key)
    if (run === undefined || run.keys[i] !== key || run.taken[i] === 1) return undefined
    const value = run.valueAt(i)
    run.taken[i] = 1
    if (--run.size === 0) this.#runs.splice(at, 1)
    return value
  }

  /** Visits the entries of a span in key order, or the other way round. */
  *scan({ lo, hi, reverse }: Span): Generator<readonly [key: string, value: unknown]> {
    const runs = this.#runs.slice(Math.max(0, this.#runAt(lo)), hi === undefined ? undefined : this.#runAt(hi) + 1)
    for (const { keys, valueAt, taken } of reverse ? runs.reverse() : runs) {
      const first = firstFrom(keys, lo)
      const end = hi === undefined ? keys.length : firstFrom(keys, hi)
      for (let n = first; n < end; n++) {
        const i = reverse ? end - 1 - (n - first) : n
        if (taken[i] === 0) yield [keys[i] as string, valueAt(i)]
      }
    }
  }

  /** The index of the last run that does not begin behind a key; -1: there is none. */
  #runAt(key: string): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compareKeys((this.#runs[middle] as Run).keys[0] as string, key) <= 0) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

function runOf(keys: readonly string[], valueAt: Run['valueAt'], first: number): Run {
  const taken = new Uint8Array(keys.length)
  return { keys, valueAt: (i) => valueAt(first + i), taken, size: keys.length }
}

/** The index of the last key that is not behind `key`; -1: there is none. */
function indexOf(keys: readonly string[], key: string): number {
  const next = firstFrom(keys, key)
  return keys[next] === key ? next : next - 1
}

/** The index of the first key that is not before `key`. */
function firstFrom(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareKeys(keys[middle] as string, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
