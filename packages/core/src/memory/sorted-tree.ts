import imported from 'sorted-btree'
import type BTree from 'sorted-btree'
import { compareKeys, compareUnits, isAstralKey } from '../keys/order.ts'
import type { Cell } from './cell.ts'

type Tree = BTree.default<string, Cell>

// A CommonJS module reaches us as its `module.exports` in Node and in bundlers, and unwrapped in some test runners.
const TreeClass = ((imported as { default?: unknown }).default ?? imported) as new (
  entries: undefined,
  compare: (a: string, b: string) => number,
  nodeSize: number,
) => Tree

/** How many cells a node holds: at 64 a key takes 7 bytes less than at the default of 32, and is found no later. */
const nodeSize = 64

/** Ends a walk: what the tree understands as such. Its typings know only visitors that return nothing. */
export const stop: void = { break: 0 } as unknown as void

/** Visits a cell; says `stop` to end the walk. */
export type Visit = (key: string, cell: Cell) => void

/**
 * A sorted tree of cells. It orders by plain comparison until the first key or bound comes for which that is not the order
 * of code points; the order of the keys so far is the same under both, so nothing is built anew.
 */
export class SortedTree {
  readonly #tree: Tree = new TreeClass(undefined, compareUnits, nodeSize)
  #plain = true

  get size(): number {
    return this.#tree.size
  }

  get(key: string): Cell | undefined {
    // Under either order a key that is there is found, and one that is not is not.
    return this.#tree.get(key)
  }

  set(key: string, cell: Cell): void {
    if (this.#plain && isAstralKey(key)) this.#switch()
    this.#tree.set(key, cell)
  }

  delete(key: string): void {
    this.#tree.delete(key)
  }

  /**
   * Visits the cells of `[lo, hi)` in order until the visitor says `stop`.
   *
   * @param hi undefined: no end
   */
  scan(lo: string, hi: string | undefined, reverse: boolean, visit: Visit): void {
    if (this.#plain && (isAstralKey(lo) || (hi !== undefined && isAstralKey(hi)))) this.#switch()
    if (reverse) return this.#scanDown(lo, hi, visit)
    const last = hi ?? this.#tree.maxKey()
    // The visitor goes to the tree as it is: one call more for each cell would show.
    if (last !== undefined) this.#tree.forRange(lo, last, hi === undefined, visit)
  }

  #scanDown(lo: string, hi: string | undefined, visit: Visit): void {
    const compare = this.#plain ? compareUnits : compareKeys
    for (const [key, cell] of this.#tree.entriesReversed(hi, reused, true)) {
      if (compare(key, lo) < 0 || visit(key, cell) === stop) return
    }
  }

  #switch(): void {
    this.#plain = false
    this.#tree._compare = compareKeys
  }
}

/** The one pair that walking down hands out again and again. */
const reused: [string, Cell] = ['', undefined as unknown as Cell]
