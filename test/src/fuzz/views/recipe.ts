import type { Entry, Range, Store } from '@fanlight/core'
import { compareKeys } from '@fanlight/core/kit'
import type { ViewBasics, WithinOptions } from '@fanlight/views'
import type { State } from '../history.ts'

/** What a view is given beside its functions. */
export type Basics = Omit<ViewBasics, 'query'> & {
  readonly query?: Range | undefined
  readonly within?: WithinOptions | undefined
}

/** What a view shows, as a view and as a plain look at the whole of its upstream. */
export interface Recipe {
  make(upstream: Store, basics: Basics): Store
  /** What it shows of a state of its upstream: the naive one, which shares nothing with the view but the functions of the user. */
  expected(inputs: State): State
  /** Prefixes at which it has something, of those of its upstream. */
  prefixes(of: readonly string[]): readonly string[]
  /** Whether its entries stand under the keys of those that yield them. */
  readonly hasSameKeys: boolean
}

/** A state, in the order of its keys. */
export function inOrder(state: State): readonly Entry[] {
  return [...state].map(([key, value]) => ({ key, value })).sort((a, b) => compareKeys(a.key, b.key))
}

/** What entries yield together: where two yield one key, that with the smallest key wins. */
export function yielded(entries: readonly Entry[], yields: (entry: Entry) => readonly Entry[]): State {
  const state = new Map<string, unknown>()
  for (const entry of entries) for (const { key, value } of yields(entry)) if (!state.has(key)) state.set(key, value)
  return state
}

/** A number that goes with a value: of what is none, one that follows from all of it. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  let sum = 7
  for (const unit of JSON.stringify(value)) sum = (sum * 31 + (unit.codePointAt(0) ?? 0)) % 9973
  return sum
}
