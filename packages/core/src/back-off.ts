import type { Clock, Random } from './ambient.ts'
import { aborted } from './errors.ts'
import { onAbort } from './on-abort.ts'

/** How long to wait between attempts. */
export interface BackOff {
  /** At most so long before the second attempt, in milliseconds; twice as long before each that follows. */
  readonly firstMs: number
  /** At most so long before any attempt, in milliseconds. */
  readonly mostMs: number
}

/**
 * How long to wait before an attempt: by chance, between nothing and a time that doubles, so that those who failed together
 * do not come back together.
 *
 * @param attempt how many attempts failed, from 1 up
 */
export function backOffMs(attempt: number, { firstMs, mostMs }: BackOff, random: Random): number {
  return random() * Math.min(mostMs, firstMs * 2 ** (attempt - 1))
}

/**
 * Lets time pass.
 *
 * @throws ABORTED when the signal ends it
 */
export function pause(ms: number, clock: Clock, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(aborted(signal))
    const cancel = clock.after(ms, () => {
      deaf?.()
      resolve()
    })
    const deaf =
      signal &&
      onAbort(signal, () => {
        cancel()
        reject(aborted(signal))
      })
  })
}
