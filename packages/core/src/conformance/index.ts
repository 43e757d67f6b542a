/**
 * The suite that every store must pass, the model that it is built on, and what tools need to use the model alone. It
 * needs vitest and fast-check, which are optional peers of the package.
 *
 * @module
 */
import { describe, test } from 'vitest'
import { runScenario } from './part.ts'
import { parts } from './parts/index.ts'
import { checkRandomHistories, runsFactor } from './random.ts'
import type { AnyStore, Setup } from './setup.ts'

export { anyQuery, anyRange, anyValue, nastyKeys } from './arbitraries.ts'
export { sameEntries, sameValue } from './check.ts'
export { checkSnapshot } from './check-snapshot.ts'
export { type State, answer, compareCodePoints, inRange } from './evaluate.ts'
export { Holder, type HolderStart } from './holder.ts'
export { type Model, type ModelCommit, type ModelOptions, createModel } from './model.ts'
export type { Traffic } from './world.ts'
export { type RandomOptions, checkRandomHistories } from './random.ts'
export type { AnyStore, ConformanceSeams, Setup } from './setup.ts'

/**
 * Declares the tests that every store must pass. A scenario is left out only where the store's `supports` says that it
 * cannot be. `FANLIGHT_RUNS` multiplies the random histories, `FANLIGHT_SEED` plays one again.
 *
 * @param name  what the store is called in the names of the tests
 * @param setup how a fresh store is made, and what else the suite must know
 *
 * @example
 * ```ts no-run
 * import { createMemoryStore } from '@fanlight/core'
 * import { storeConformance } from '@fanlight/core/conformance'
 *
 * storeConformance('memory', {
 *   create: ({ clock, random, history }) => createMemoryStore({ clock, random, history }),
 * })
 * ```
 */
export function storeConformance<S extends AnyStore>(name: string, setup: Setup<S>): void {
  const any = setup as Setup
  describe(`${name}: the laws of stores`, () => {
    for (const { name: part, scenarios } of parts) {
      describe(part, () => {
        for (const scenario of scenarios) {
          test(scenario.title, async ({ skip }) => {
            const reason = await runScenario(any, scenario)
            if (reason !== undefined) skip(reason)
          })
        }
      })
    }
    test('L0 to L9: random histories against the model', { timeout: 60_000 * Math.max(1, runsFactor()) }, async () => {
      await checkRandomHistories(any)
    })
  })
}
