import { ExactSum, type StoredSum } from './exact-sum.ts'
import type { Running } from './aggregates.ts'

export function startCount(stored: unknown): Running<number> {
  let n = (stored ?? 0) as number
  return {
    add: ({ length }) => void (n += length),
    remove: ({ length }) => void (n -= length),
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
    add: (given) => addAll(total, given),
    remove: (given) => addAll(total, given, -1),
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
      n += given.length
      addAll(total, given)
    },
    remove(given) {
      n -= given.length
      addAll(total, given, -1)
    },
    get stored() {
      return [n, total.stored]
    },
    get shown() {
      return n === 0 ? null : total.value / n
    },
  }
}

function addAll(total: ExactSum, given: readonly unknown[], sign: 1 | -1 = 1): void {
  for (let i = 0; i < given.length; i++) total.add(sign * (given[i] as number))
}
