import { isFanlightError } from '../errors.ts'
import type { Pulled } from './iterate.ts'

/** A feed that is being held. */
export interface Hold {
  /** Whether something is taken or applied at the moment: what the feed says of itself is ahead of what was applied. */
  readonly isBusy: boolean
  /** Takes no more. */
  stop(): void
}

/** Who takes at each wake. */
export interface Puller<U> {
  /** There may be something to take: it is taken now. */
  begins?(): void
  /** Gets what was taken. While its promise is pending nothing more is taken: what comes meanwhile is folded. */
  next(update: U): void | Promise<void>
  /** It was woken, and there was nothing to take: a state may have changed. */
  idle?(): void
  /** What was taken is applied, and nothing else is there: what the feed says of itself is true of that. */
  rest?(): void
  /** It is over: the feed ended or failed, or `next` did. */
  failed(error: unknown): void
}

/**
 * Holds a feed: takes once at each wake, at once where the feed can. Nobody else may hold it.
 *
 * @param eager whether the first take does not wait for the first wake. Default false
 * @returns the hold: it can be stopped, and the feed stays open
 * @throws BAD_QUERY where the feed has a holder; whatever ended it
 */
export function pull<U>(feed: Pulled<U>, puller: Puller<U>, eager: boolean = false): Hold {
  let state: 'free' | 'busy' | 'again' | 'over' = 'free'
  const stop = feed.wake(() => {
    if (state === 'free') turn()
    else if (state === 'busy') state = 'again'
  })
  const end = (): void => {
    state = 'over'
    stop()
  }
  const fail = (error: unknown): void => {
    if (state === 'over') return
    end()
    puller.failed(error)
  }
  const apply = (update: U | undefined): void | Promise<void> => {
    if (isOver()) return
    if (update === undefined) puller.idle?.()
    else return puller.next(update)
  }
  // A function, since the compiler does not see that what is called in between changes the state.
  const isOver = (): boolean => state === 'over'
  const finished = (): void => {
    if (isOver()) return
    const again = state === 'again'
    state = 'free'
    if (again) turn()
    else puller.rest?.()
  }
  const turn = (): void => {
    state = 'busy'
    puller.begins?.()
    try {
      const taken = feed.take()
      const applied = taken instanceof Promise ? taken.then(apply) : apply(taken)
      if (applied instanceof Promise) applied.then(finished).catch(fail)
      else finished()
    } catch (error) {
      fail(error)
    }
  }
  if (eager) turn()
  return {
    get isBusy() {
      return state === 'busy' || state === 'again'
    },
    stop: end,
  }
}

/** Whether an error says no more than that the holder closed the feed: then it is an end, and no failure. */
export function isClosedByHolder(error: unknown): boolean {
  return isFanlightError(error, 'CLOSED') && error.store === undefined
}
