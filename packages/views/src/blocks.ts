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
    const [run, i] = this.#find(key) ?? []
    return i === undefined ? undefined : run?.valueAt(i)
  }

  /** Takes the value at a key away; undefined where there is none. */
  take(key: string): unknown {
    const [run, i] = this.#find(key) ?? []
    if (run === undefined || i === undefined) return undefined
    run.taken[i] = 1
    if (--run.size === 0) this.#runs.splice(this.#runAt(key), 1)
    return run.valueAt(i)
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

  /** Where a key stands whose value was not taken away. */
  #find(key: string): readonly [run: Run, i: number] | undefined {
    const run = this.#runs[this.#runAt(key)]
    const i = run === undefined ? 0 : firstFrom(run.keys, key)
    return run?.keys[i] === key && run.taken[i] === 0 ? [run, i] : undefined
  }

  /** The index of the last run that does not begin behind a key; -1: there is none. */
  #runAt(key: string): number {
    return firstWhere(this.#runs.length, (i) => compareKeys((this.#runs[i] as Run).keys[0] as string, key) > 0) - 1
  }
}

function runOf(keys: readonly string[], valueAt: Run['valueAt'], first: number): Run {
  const taken = new Uint8Array(keys.length)
  return { keys, valueAt: (i) => valueAt(first + i), taken, size: keys.length }
}

/** The index of the first key that is not before `key`. */
function firstFrom(keys: readonly string[], key: string): number {
  return firstWhere(keys.length, (i) => compareKeys(keys[i] as string, key) >= 0)
}

/** The first index for which something holds that holds for all behind it; `length`: for none. */
function firstWhere(length: number, holds: (i: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
