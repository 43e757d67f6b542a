import type { SourceId, Versions } from './store.ts'

/** Every code that an error of Fanlight may have. docs/errors.md has a heading for each. */
export const errorCodes = [
  'LOST_IN_FOG',
  'STALLED',
  'CONFLICT',
  'READ_ONLY',
  'NOT_MOUNTED',
  'NOT_ATOMIC',
  'BAD_KEY',
  'BAD_VALUE',
  'BAD_QUERY',
  'BAD_FRAME',
  'TOO_LARGE',
  'TOO_MANY',
  'AUTH_NEEDED',
  'FORBIDDEN',
  'SOURCE_RESET',
  'CORRUPT',
  'BAD_MOUNT',
  'UNAVAILABLE',
  'UNSUPPORTED',
  'CLOSED',
  'ABORTED',
] as const

/** What went wrong, as a word that does not change between releases. */
export type ErrorCode = (typeof errorCodes)[number]

/** The facts of an error, as far as there are any. */
export interface ErrorFacts {
  /** The store that could not answer: the innermost one. */
  readonly store?: string | undefined
  /** The source that blocks. */
  readonly source?: SourceId | undefined
  /** What was asked for. */
  readonly wanted?: Versions | undefined
  /** What was there. */
  readonly reached?: Versions | undefined
  /** What can still be answered, at the least. */
  readonly horizon?: Versions | undefined
  /** The keys concerned. */
  readonly keys?: readonly string[] | undefined
  /** Of a commit: whether it may have been applied. */
  readonly applied?: 'no' | 'unknown' | undefined
  readonly cause?: unknown
}

const brand = Symbol.for('fanlight.error')

/**
 * The one error class. Its `code` says what went wrong, its message what to do, its fields the facts.
 *
 * @example
 * ```ts
 * import { createMemoryStore, isFanlightError } from '@fanlight/core'
 *
 * const store = createMemoryStore()
 * const error = await store.fetch({ gt: 'a', gte: 'a' }).catch((e: unknown) => e)
 * console.log(isFanlightError(error, 'BAD_QUERY')) // true
 * ```
 */
export class FanlightError extends Error {
  readonly code: ErrorCode
  readonly store: string | undefined
  readonly source: SourceId | undefined
  readonly wanted: Versions | undefined
  readonly reached: Versions | undefined
  readonly horizon: Versions | undefined
  readonly keys: readonly string[] | undefined
  readonly applied: 'no' | 'unknown' | undefined

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = code === 'ABORTED' ? 'AbortError' : 'FanlightError'
    this.code = code
    this.store = facts.store
    this.source = facts.source
    this.wanted = facts.wanted
    this.reached = facts.reached
    this.horizon = facts.horizon
    this.keys = facts.keys
    this.applied = facts.applied
    Object.defineProperty(this, brand, { value: true })
  }

  /** The same error, saying whether the commit that it ended may have been applied. */
  withApplied(applied: 'no' | 'unknown'): FanlightError {
    return new FanlightError(this.code, this.message, { ...factsOf(this), applied })
  }
}

/** The facts of an error, to make a changed copy of it. */
export function factsOf(error: FanlightError): ErrorFacts {
  const { store, source, wanted, reached, horizon, keys, applied, cause } = error
  return { store, source, wanted, reached, horizon, keys, applied, cause }
}

/**
 * Whether `error` is Fanlight's, and has the given code. It also knows errors of another copy of the package.
 *
 * @param error what was caught
 * @param code  the code it must have; absent: any
 */
export function isFanlightError(error: unknown, code?: ErrorCode): error is FanlightError {
  return (
    typeof error === 'object' &&
    error !== null &&
    brand in error &&
    (code === undefined || (error as { code?: unknown }).code === code)
  )
}

/** What ended a wait by its signal. */
export function aborted(signal: AbortSignal, facts: ErrorFacts = {}): FanlightError {
  const message = 'the signal that came with the call ended it, see the cause: call again with another one, or without'
  return new FanlightError('ABORTED', message, { ...facts, cause: signal.reason })
}

/** What ends everything that is under way in a store that closes. */
export function closed(what: string, facts: ErrorFacts = {}): FanlightError {
  return new FanlightError('CLOSED', `${what} is closed: open it again, or ask before you close it`, facts)
}
