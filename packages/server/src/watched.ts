import { FanlightError, type Feed, type Query, type Update, type Versions } from '@fanlight/core'
import { composeUpdates, reaches } from '@fanlight/core/kit'
import type { Id } from '@fanlight/protocol'

/** What takes longer must not keep others waiting. In milliseconds. */
export const longMs = 500

/** A query that a connection follows. */
export interface Watched {
  readonly id: Id
  readonly query: Query
  feed: Feed
  /** Ends its being told of the feed. */
  deafen: () => void
  /** Where its feed is closed: the point from which it goes on with another. */
  since: Versions | undefined
  /** Whether it begins with the whole answer. */
  readonly isFresh: boolean
  /** Whether its client was told that it is followed: from its first take on. */
  isTold: boolean
  /** Whether it goes with the others: from when it has taken something on. */
  isMember: boolean
  /** What it took before it was a member, and its client was not told yet. */
  first: Update | undefined
  /** How its last take failed, outside of a step. */
  failure: { readonly error: unknown } | undefined
  /** Whether it is waited for outside of a step: for its first answer, or before it is tried again. */
  isAway: boolean
  /** Ends that wait, or the one for its part of a step. */
  giveUp: (() => void) | undefined
  /** Whether its store did not answer in time. */
  isOverdue: boolean
  /** How often it failed in a row, and since when. */
  failures: number
  failingSinceMs: number
}

/** The store does not answer. */
export function overdue({ feed }: Watched, timeoutMs: number): FanlightError {
  const message = `the query has no answer after ${timeoutMs} ms: follow it again, or look what holds its store`
  return new FanlightError('STALLED', message, { reached: feed.reached })
}

/** How much an update is, one at the least. */
export function entriesOf(update: Update | undefined): number {
  return update === undefined ? 0 : 1 + (update.replace?.entries.length ?? 0) + update.changes.length
}

/** What was taken, and before. Where nothing came since, that is true of where the feed is now. */
export function joined({ first, feed }: Watched, update: Update | undefined): Update | undefined {
  if (first === undefined) return update
  if (update !== undefined) return composeUpdates(first, update)
  const { versions } = feed
  return reaches(versions, first.versions) ? { ...first, versions } : first
}
