import { FanlightError, factsOf, isFanlightError } from './errors.ts'
import type { Limits } from './limits.ts'
import { freeze } from '#freeze'
import { badKey, isWellFormed, whyNoKey } from './keys/order.ts'
import { readQuery, type Spans } from './ranges.ts'
import type { Change, CommitId, CommitOptions, Versions } from './store.ts'
import { checkValue } from './values.ts'
import { checkVersions } from './versions.ts'

/** A commit, checked and complete: what a store applies. */
export interface CommitRequest {
  readonly changes: readonly Change[]
  /** About how much the changes take, in bytes. */
  readonly bytes: number
  readonly basis: Versions | undefined
  readonly guard: Spans | undefined
  readonly id: CommitId | undefined
  readonly meta: unknown
}

/** What a record costs beside its key and value: a measured guess, for limits of bytes. */
const overheadBytes = 112

const noOptions: CommitOptions = {}

/**
 * Checks a commit, whole, before anything of it is applied.
 *
 * @param resolve brings a point into the store's present sources, or throws SOURCE_RESET
 * @throws BAD_KEY, BAD_VALUE, BAD_QUERY, SOURCE_RESET, ABORTED
 */
export function readCommit(
  changes: readonly Change[],
  options: CommitOptions = noOptions,
  limits: Limits,
  resolve: (point: Versions, what: string) => Versions,
): CommitRequest {
  if (!Array.isArray(changes)) throw bad('a commit takes a list of changes: put(key, value) or del(key)')
  let bytes = 0
  const own: Change[] = []
  for (const change of changes as readonly Change[]) {
    if (typeof change !== 'object' || change === null) throw bad('a change is put(key, value) or del(key)')
    if (typeof change.key !== 'string' || !isWellFormed(change.key)) throw badKeyAt(own.length, change.key)
    bytes += overheadBytes + change.key.length
    if (change.gone === true) own.push({ key: change.key, gone: true })
    else {
      bytes += bytesOf(change, limits.valueDepth)
      own.push({ key: change.key, value: freeze(change.value) })
    }
  }
  if (own.length > 1) refuseTwice(own)
  if (options === noOptions) {
    return { changes: own, bytes, basis: undefined, guard: undefined, id: undefined, meta: undefined }
  }
  const { basis, guard, id, meta } = options
  if (guard !== undefined && basis === undefined) throw bad('a guard needs a basis: the point at which you read it')
  if (meta !== undefined) bytes += checkValue(meta, limits.valueDepth)
  return {
    changes: own,
    bytes,
    basis: basis === undefined ? undefined : resolve(basis, 'basis'),
    guard: guard === undefined ? undefined : readQuery(guard, limits.ranges),
    id: id === undefined ? undefined : readId(id),
    meta: meta === undefined ? undefined : freeze(meta),
  }
}

/** About how much a value takes; where it is none, the error names its key. */
function bytesOf({ key, value }: Change, depthMax: number): number {
  try {
    return checkValue(value, depthMax)
  } catch (error) {
    if (!isFanlightError(error)) throw error
    const at = error.message.startsWith('at ') ? ' ' : ': '
    throw new FanlightError(error.code, `${shown(key)}${at}${error.message}`, { ...factsOf(error), keys: [key] })
  }
}

/** What is wrong with the key of a change: it cannot be named, so its place is. */
function badKeyAt(index: number, key: unknown): FanlightError {
  return badKey(`change ${index} of the commit, counted from 0: ${whyNoKey(key)}`)
}

/** So much of a key is told in a message: it may be long. */
const keyShown = 100

function shown(key: string): string {
  return JSON.stringify(key.length > keyShown ? `${key.slice(0, keyShown)}…` : key)
}

function refuseTwice(changes: readonly Change[]): void {
  const seen = new Set<string>()
  for (const { key } of changes) {
    if (seen.has(key)) {
      throw new FanlightError('BAD_KEY', `a commit changes each key once: ${JSON.stringify(key)} stands in it twice`, {
        keys: [key],
      })
    }
    seen.add(key)
  }
}

function readId(id: CommitId): CommitId {
  if (typeof id !== 'object' || id === null || typeof id.session !== 'string' || !Number.isSafeInteger(id.number)) {
    throw bad('the id of a commit is { session: a string, number: a whole number, born: versions }')
  }
  return { session: id.session, number: id.number, born: checkVersions(id.born, 'born') }
}

function bad(message: string): FanlightError {
  return new FanlightError('BAD_QUERY', message)
}
