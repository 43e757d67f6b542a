import { isFanlightError } from '../errors.ts'

/** What can be pulled: a feed, or a group of feeds. */
export interface Pulled<U> {
  wake(callback: () => void): () => void
  take(): U | undefined | Promise<U | undefined>
  close(): Promise<void>
}

/**
 * Turns a feed into an async iterator: it folds by taking late. Leaving the loop closes the feed; a feed that its holder
 * closed ends the loop.
 *
 * @param feed     must have no holder
 * @param isClosed whether the holder closed it, so that CLOSED is an end and not an error
 */
export async function* iterateFeed<U>(feed: Pulled<U>, isClosed: () => boolean): AsyncGenerator<U, void, undefined> {
  let ring: (() => void) | undefined
  const stop = feed.wake(() => ring?.())
  try {
    while (!isClosed()) {
      const woken = new Promise<void>((resolve) => (ring = resolve))
      const update = await feed.take()
      if (update !== undefined) yield update
      else await woken
    }
  } catch (error) {
    if (!(isClosed() && isFanlightError(error, 'CLOSED'))) throw error
  } finally {
    stop()
    await feed.close()
  }
}
