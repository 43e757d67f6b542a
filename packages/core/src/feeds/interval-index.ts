import type { Random } from '../ambient.ts'
import { compareKeys, compareUnits, isAstralKey } from '../keys/order.ts'

/** A half-open interval of keys: `[lo, hi)`, undefined for no end. */
export interface Interval {
  readonly lo: string
  readonly hi: string | undefined
}

/** A node holds all items of one interval; `max` is the greatest end at and below it. */
interface Node<Item> extends Interval {
  readonly priority: number
  readonly items: Set<Item>
  left: Node<Item> | undefined
  right: Node<Item> | undefined
  max: string | undefined
}

type Compare = (a: string, b: string) => number

/**
 * Finds the intervals that a key lies in: a treap by start and end, each node knowing the greatest end below it. A key
 * costs the logarithm of the number of different intervals, and those that it hits. Equal intervals share a node.
 */
export class IntervalIndex<Item> {
  #root: Node<Item> | undefined
  readonly #random: Random
  /** Plain comparison until the first end comes for which that is another order: the ends so far are in both. */
  #compare: Compare = compareUnits

  constructor(random: Random) {
    this.#random = random
  }

  /** Adds an item at an interval. */
  add({ lo, hi }: Interval, item: Item): void {
    if (isAstralKey(lo) || (hi !== undefined && isAstralKey(hi))) this.#compare = compareKeys
    this.#root = this.#insert(this.#root, { lo, hi }, item)
  }

  /** Removes an item from the interval that it was added at. */
  remove(interval: Interval, item: Item): void {
    this.#root = this.#delete(this.#root, interval, item)
  }

  /** Visits every item whose interval has the key. The visitor must not change the index. */
  stab(key: string, visit: (item: Item) => void): void {
    if (this.#root !== undefined) stab(this.#root, key, visit, this.#compare)
  }

  #insert(node: Node<Item> | undefined, { lo, hi }: Interval, item: Item): Node<Item> {
    if (node === undefined) {
      return { lo, hi, priority: this.#random(), items: new Set([item]), left: undefined, right: undefined, max: hi }
    }
    const order = this.#order({ lo, hi }, node)
    if (order === 0) {
      node.items.add(item)
      return node
    }
    if (order < 0) {
      node.left = this.#insert(node.left, { lo, hi }, item)
      return node.left.priority < node.priority ? this.#rotateRight(node, node.left) : this.#measured(node)
    }
    node.right = this.#insert(node.right, { lo, hi }, item)
    return node.right.priority < node.priority ? this.#rotateLeft(node, node.right) : this.#measured(node)
  }

  #delete(node: Node<Item> | undefined, interval: Interval, item: Item): Node<Item> | undefined {
    if (node === undefined) return undefined
    const order = this.#order(interval, node)
    if (order < 0) node.left = this.#delete(node.left, interval, item)
    else if (order > 0) node.right = this.#delete(node.right, interval, item)
    else {
      node.items.delete(item)
      if (node.items.size === 0) return this.#merge(node.left, node.right)
    }
    return this.#measured(node)
  }

  #order(a: Interval, b: Interval): number {
    return this.#compare(a.lo, b.lo) || this.#compareEnds(a.hi, b.hi)
  }

  /** Compares two ends, of which undefined is the greatest. */
  #compareEnds(a: string | undefined, b: string | undefined): number {
    if (a === undefined) return b === undefined ? 0 : 1
    return b === undefined ? -1 : this.#compare(a, b)
  }

  /** Brings `max` of a node up to date after its children changed. */
  #measured(node: Node<Item>): Node<Item> {
    let max = node.hi
    if (node.left !== undefined && this.#compareEnds(node.left.max, max) > 0) max = node.left.max
    if (node.right !== undefined && this.#compareEnds(node.right.max, max) > 0) max = node.right.max
    node.max = max
    return node
  }

  #rotateRight(node: Node<Item>, left: Node<Item>): Node<Item> {
    node.left = left.right
    left.right = this.#measured(node)
    return this.#measured(left)
  }

  #rotateLeft(node: Node<Item>, right: Node<Item>): Node<Item> {
    node.right = right.left
    right.left = this.#measured(node)
    return this.#measured(right)
  }

  /** Joins two subtrees of which all of the first lies before all of the second. */
  #merge(a: Node<Item> | undefined, b: Node<Item> | undefined): Node<Item> | undefined {
    if (a === undefined) return b
    if (b === undefined) return a
    if (a.priority < b.priority) {
      a.right = this.#merge(a.right, b)
      return this.#measured(a)
    }
    b.left = this.#merge(a, b.left)
    return this.#measured(b)
  }
}

function stab<Item>(start: Node<Item>, key: string, visit: (item: Item) => void, compare: Compare): void {
  let node: Node<Item> | undefined = start
  while (node !== undefined) {
    if (node.max !== undefined && compare(key, node.max) >= 0) return
    if (node.left !== undefined) stab(node.left, key, visit, compare)
    if (compare(key, node.lo) < 0) return
    if (node.hi === undefined || compare(key, node.hi) < 0) node.items.forEach(visit)
    node = node.right
  }
}
