import { describe, it } from 'vitest'

/** What declares tests that may have to be left out. */
export interface Conditional {
  /** Declares a test, or leaves it out. */
  readonly it: (name: string, run: () => unknown, timeoutMs?: number) => void
  /** Declares a group of tests, or leaves it out. */
  readonly describe: (name: string, declare: () => void) => void
}

/**
 * Leaves tests out where what they need is missing, and says so: `npm test` counts them with the reason.
 * The reason stands in the name, as `[not run: why]`, where every reporter shows it.
 *
 * @param condition - true where the tests cannot run
 * @param why - what is missing, in a few words
 *
 * @example
 * ```ts
 * notRun(!long, 'long: npm run test:long').it('L9: survives a thousand kills', async () => {})
 * ```
 */
export function notRun(condition: boolean, why: string): Conditional {
  const named = (name: string): string => (condition ? `${name} [not run: ${why}]` : name)
  return {
    it: (name, run, timeoutMs) => it.skipIf(condition)(named(name), run, timeoutMs),
    describe: (name, declare) => describe.skipIf(condition)(named(name), declare),
  }
}
