import type { HistoryLimits } from '../limits.ts'
import type { Supports } from '../store.ts'
import { Bench } from './bench.ts'
import type { Setup } from './setup.ts'

/** What a scenario needs of a store: said by its `supports`, and by nothing else. */
export type Need = 'commit' | 'guardedRanges' | 'guardedKeys' | 'ids' | 'manyKeys' | 'durable'

const needs: Readonly<Record<Need, (supports: Supports) => boolean>> = {
  commit: ({ commit }) => commit,
  guardedRanges: ({ guard }) => guard === 'ranges',
  guardedKeys: ({ guard }) => guard !== 'none',
  ids: ({ ids }) => ids,
  manyKeys: ({ single }) => !single,
  durable: ({ durable }) => durable,
}

/** One thing that every store must do. */
export interface Scenario {
  /** What must be so, with the law that says it. */
  readonly title: string
  readonly needs?: readonly Need[] | undefined
  /** How little of the past the store should keep. */
  readonly history?: HistoryLimits | undefined
  /** Fails by throwing. A text says why there was nothing to try. */
  readonly run: (bench: Bench) => Promise<string | void>
}

/** Scenarios about one thing. */
export interface Part {
  readonly name: string
  readonly scenarios: readonly Scenario[]
}

/**
 * Runs a scenario on a fresh store, and checks every answer once more at its end.
 *
 * @returns why there was nothing to try; otherwise undefined
 */
export async function runScenario(setup: Setup, scenario: Scenario): Promise<string | undefined> {
  return Bench.lend(setup, { history: scenario.history }, async (bench) => {
    const lacking = scenario.needs?.find((need) => !needs[need](bench.store.supports))
    if (lacking !== undefined) return `supports says no to ${lacking}`
    const reason = await scenario.run(bench)
    bench.recheck()
    return reason ?? undefined
  })
}
