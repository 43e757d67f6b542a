import type { Soon } from '@fanlight/core/kit'

/** Does some work, at once or not, and hands on what it throws. */
export function rescued<R>(work: () => Soon<R>, rescue: (error: unknown) => Soon<R>): Soon<R> {
  try {
    const done = work()
    return done instanceof Promise ? done.catch(rescue) : done
  } catch (error) {
    return rescue(error)
  }
}
