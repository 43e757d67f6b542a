import { systemClock } from '../ambient.ts'
import type { ManualClock } from '../testing/manual-clock.ts'
import { breathe, turns } from '../testing/turns.ts'
import { ensure } from './check.ts'

/** The clock that moves while the suite waits, and how far at each look. */
export interface Pace {
  readonly clock: ManualClock
  readonly tickMs: number
}

const longestMs = 3_000

/** Waits for what a store does on its own time, on the clock of the suite and on that of the machine; not for ever. */
export async function until(done: () => boolean, what: string, { clock, tickMs }: Pace): Promise<void> {
  const endMs = systemClock.now() + longestMs
  for (let look = 0; !done(); look++) {
    ensure(look < 10 || systemClock.now() < endMs, () => `L9: ${what} did not come within ${longestMs} ms`)
    await (look < 3 ? turns() : breathe(1))
    if (tickMs > 0) await clock.advance(tickMs)
  }
}

/** Waits for a promise; not for ever. */
export async function ended<T>(promise: Promise<T>, what: string, pace: Pace): Promise<T> {
  let done = false
  const mark = (): void => {
    done = true
  }
  promise.then(mark, mark)
  await until(() => done, what, pace)
  return promise
}
