import { systemClock } from '../ambient.ts'

/**
 * Lets go on what waits for promises that are settled: `count` microtasks pass. No timer and no input or output happens in
 * between, so it is the same in every run.
 *
 * @param count how many microtasks: a chain of promises longer than this is not run to its end
 */
export async function turns(count = 60): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve()
}

/**
 * Lets the machine go on: timers, input and output that are due happen. For stores that live on a disk or behind a wire.
 *
 * @param ms at least so many milliseconds
 */
export function breathe(ms = 0): Promise<void> {
  return new Promise((resolve) => {
    systemClock.after(ms, resolve)
  })
}
