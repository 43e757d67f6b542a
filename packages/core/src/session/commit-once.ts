import { type ErrorCode, FanlightError, factsOf, isFanlightError } from '../errors.ts'
import type { CommitId, CommitOptions, Versions } from '../store.ts'

/** The commits of one asker, by number. */
export interface CommitSeries {
  readonly session: string
  /** The number of the last one. */
  number: number
}

/** The next id of a series. */
export function nextId(series: CommitSeries, born: Versions): CommitId {
  return { session: series.session, number: ++series.number, born }
}

/** What may pass: the same commit can be tried again. */
const passing: readonly ErrorCode[] = ['UNAVAILABLE', 'STALLED']

/** So often an id is born anew, while the store forgets faster than the asker commits. */
const renewalsMax = 8

/** An id was born before what the store still knows, or at another source. */
const outdated: readonly ErrorCode[] = ['LOST_IN_FOG', 'SOURCE_RESET']

/** What a store says after it looked the id up: then the commit was not applied before either. */
const certain: readonly ErrorCode[] = ['CONFLICT', 'LOST_IN_FOG']

/**
 * Commits, and tries again under the same id while it is not known whether the commit was applied: so that it is, once, or
 * the error says what is known.
 *
 * @param commit  one attempt
 * @param options with an id; without one, it is tried once
 * @param retries how many attempts may follow the first
 * @param pause   lets time pass after so many attempts; fails where there shall be no more
 * @param renew   the same with an id born now: where a first attempt was told that its id is born before what the store still
 *   knows, or at a source that is no more, which only means that the asker was away. Absent where the id may have been used
 *   before
 * @throws what the last attempt threw, with `applied: 'unknown'` where an earlier one may have been applied
 */
export async function commitOnce(
  commit: (options: CommitOptions | undefined) => Promise<Versions>,
  options: CommitOptions | undefined,
  retries: number,
  pause: (attempt: number) => Promise<void>,
  renew?: () => Promise<CommitOptions>,
): Promise<Versions> {
  if (options?.id === undefined) return commit(options)
  let asked = options
  for (let attempt = 1, isUnknown = false, isFresh = renew !== undefined; ; attempt++) {
    try {
      return await commit(asked)
    } catch (error) {
      if (!isFanlightError(error)) throw error
      // An id that nobody has seen before cannot have been applied.
      if (renew !== undefined && isFresh && outdated.includes(error.code) && error.applied === 'unknown') {
        if (attempt > renewalsMax) throw error.withApplied('no')
        asked = await renew()
        continue
      }
      isFresh = false
      isUnknown = error.applied === 'unknown' || (isUnknown && !certain.includes(error.code))
      if (!isUnknown) throw error
      if (attempt > retries || !passing.includes(error.code)) throw unknown(error)
    }
    try {
      await pause(attempt)
    } catch (error) {
      throw isFanlightError(error) ? unknown(error) : error
    }
  }
}

function unknown(error: FanlightError): FanlightError {
  if (error.applied === 'unknown') return error
  return new FanlightError(error.code, error.message, { ...factsOf(error), applied: 'unknown' })
}
