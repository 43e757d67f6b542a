import { FanlightError, type ErrorCode, type ErrorFacts } from '@fanlight/core'
import { BSON, MongoError, MongoServerError, MongoServerSelectionError, MongoNetworkError } from 'mongodb'

/** What the server does not know any more, or not by this name: a point that is lost. */
const lostCodes = new Set([
  175, // QueryPlanKilled: the collection was dropped or renamed under the read
  239, // SnapshotTooOld
  246, // SnapshotUnavailable: before the collection was made, or changed
  361, // CollectionUUIDMismatch: the name means another collection by now
])

/** A resume token from which no stream goes on. */
const deadCodes = new Set([
  136, // CappedPositionLost
  260, // InvalidResumeToken
  280, // ChangeStreamFatalError
  286, // ChangeStreamHistoryLost
  10_334, // BSONObjectTooLarge: an event above 16 MiB, which would fail again
])

const codes: ReadonlyMap<number, readonly [ErrorCode, string]> = new Map<number, readonly [ErrorCode, string]>([
  [13, ['FORBIDDEN', 'MongoDB does not allow it to this user: give it the roles that docs/mongo.md names']],
  [18, ['AUTH_NEEDED', 'MongoDB does not know this user: see to the user and password of the URI']],
  [121, ['BAD_VALUE', 'the validator of the collection refuses the document']],
  [11_000, ['BAD_VALUE', 'a unique index of the collection refuses the document: another has the same value']],
  [10_334, ['TOO_LARGE', 'MongoDB takes no document above 16 MiB: split it']],
  [17_419, ['TOO_LARGE', 'MongoDB takes no document above 16 MiB: split it']],
  [17_420, ['TOO_LARGE', 'MongoDB takes no document above 16 MiB: split it']],
  [17_280, ['BAD_KEY', 'an _id is too long for the index']],
])

/** Whether an error says that a point cannot be read any more. */
export function isLost(error: unknown): boolean {
  return error instanceof MongoServerError && lostCodes.has(Number(error.code))
}

/** Whether an error says that a stream cannot go on from where it was. */
export function isDead(error: unknown): boolean {
  // What cannot be read now cannot be read later.
  if (error instanceof BSON.BSONError) return true
  if (!(error instanceof MongoServerError)) return false
  return deadCodes.has(Number(error.code)) || error.hasErrorLabel('NonResumableChangeStreamError')
}

/** Whether a unique index, that of `_id` among them, refused a document. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 11_000
}

/** What is over in a moment, as the primary is another or comes back: codes of retryable reads, and of cursors that went with it. */
const passingCodes = new Set([6, 7, 43, 89, 91, 134, 189, 262, 9001, 10_107, 11_600, 11_602, 13_435, 13_436])

/** Whether a read may be tried again. */
export function isPassing(error: unknown): boolean {
  if (error instanceof MongoNetworkError) return true
  return error instanceof MongoServerError && passingCodes.has(Number(error.code))
}

/** Whether the user may not do it. */
export function isForbidden(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 13
}

/** Whether a transaction may be tried again, since nothing of it was applied. */
export function isTransient(error: unknown): boolean {
  return error instanceof MongoError && error.hasErrorLabel('TransientTransactionError')
}

/**
 * Whether the server has said that a transaction was not applied. Else nobody knows yet, and its end can be asked for again:
 * also where the driver does not even reach a server, as it may have been cut from one when it asked before.
 */
export function isAnswered(error: unknown): boolean {
  return error instanceof MongoServerError && !error.hasErrorLabel('UnknownTransactionCommitResult')
}

/** An error of the driver, as Fanlight tells it. */
export function mongoError(error: unknown, store: string, facts: ErrorFacts = {}): FanlightError {
  if (error instanceof FanlightError) return error
  const known = error instanceof MongoServerError ? codes.get(Number(error.code)) : undefined
  const [code, message] = known ?? ['UNAVAILABLE', `${whatFailed(error)}: see the cause`]
  return new FanlightError(code, `${store}: ${message}`, { ...facts, store, cause: error })
}

function whatFailed(error: unknown): string {
  if (error instanceof MongoServerSelectionError) return 'no primary of the replica set can be reached'
  if (error instanceof MongoNetworkError) return 'the connection to MongoDB was lost'
  return 'MongoDB failed'
}
