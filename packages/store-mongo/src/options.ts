import type { BaseOptions, FanlightError, History } from '@fanlight/core'
import type { MongoClient } from 'mongodb'
import type { Collections } from './scope.ts'

/** Options of `openMongoStore`. */
export interface MongoStoreOptions extends BaseOptions {
  /**
   * Which collections are shown: the name of one, a list of names, a regular expression that names match, or an object of
   * filters by name, where only documents that match are shown. Default: all of the database.
   */
  readonly collections?: Collections | undefined
  /** The database. Default: the one that the URI names. */
  readonly database?: string | undefined
  /** The collection that the store keeps for itself, in the same database. Default 'fanlight'. */
  readonly ownCollection?: string | undefined
  /**
   * How much is kept in memory of what changed since the store was opened: how far back `changes` and `since` reach. Reads
   * in the past reach back as far as the server keeps what was, five minutes by default. Default: 64 MiB or 100,000
   * commits, whichever comes first.
   */
  readonly history?: History | undefined
  /** How long the server lets a quiet change stream wait before it answers: milliseconds. Default 250. */
  readonly idleMs?: number | undefined
  /** How many commits may be under way; TOO_MANY beyond. Default 10,000. */
  readonly waitingMax?: number | undefined
  /** How long the ids of commits are kept: seconds; a retry is known for half of that. Default 172,800: two days. */
  readonly idsKeptSeconds?: number | undefined
  /**
   * What is done about a document whose `_id` maps to no key, such as an object: it is not shown. Default: opening the store
   * and reading end with BAD_KEY, and the source is stale where the stream tells of one. With a function: it is told.
   */
  readonly onUnmapped?: ((error: FanlightError) => void) | undefined
}

/** Where the database is: a URI, of which the store makes a client that it closes; or a client, which stays open. */
export type MongoLocation = string | MongoClient
