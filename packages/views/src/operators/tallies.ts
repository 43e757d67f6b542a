import { ExactSum, type StoredSum } from './exact-sum.ts'
import type { Running } from './aggregates.ts'

export function startCount(stored: unknown): Running<number> {
  let n = (stored ?? 0) as number
  return {
    add: () => void n++,
    remove: () => void n--,
    get stored() {
      return n
    },
    get shown() {
      return n
    },
  }
}

export function startSum(stored: unknown): Running<number> {
  const total = new ExactSum(stored as StoredSum | undefined)
  return {
    add: (given) => total.add(given as number),
    remove: (given) => total.add(-(given as number)),
    get stored() {
      return total.stored
    },
    get shown() {
      return total.value
    },
  }
}

export function startMean(stored: unknown): Running<number | null> {
  const [members, sumOfAll] = (stored ?? [0, 0]) as readonly [number, StoredSum]
  const total = new ExactSum(sumOfAll)
  let n = members
  return {
    add(given) {
      n++
      total.add(given as number)
    },
    remove(given) {
      n--
      total.add(-(given as number))
    },
    get stored() {
      return [n, total.stored]
    },
    get shown() {
      return n === 0 ? null : total.value / n
    },
  }
}
