import { type Store, isFanlightError } from '@fanlight/core'

/** How many feeds a store of these tests may have. */
export const feedsMax = 8

/** How many feeds a store has: as many as it does not take any more. */
export async function feedsOf(store: Pick<Store<object>, 'watch'>): Promise<number> {
  const more = []
  try {
    for (;;) more.push(store.watch({}))
  } catch (error) {
    if (!isFanlightError(error, 'TOO_MANY')) throw error
  }
  await Promise.all(more.map((feed) => feed.close()))
  return feedsMax - more.length
}
