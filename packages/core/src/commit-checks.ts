import type { CommitRequest } from './commit-request.ts'
import { FanlightError, isFanlightError } from './errors.ts'
import { deleted } from './memory/cell.ts'
import type { Spans } from './ranges.ts'
import type { Change, CommitId, SourceId, Versions } from './store.ts'
import { valuesEqual } from './values.ts'

/** What a store knows of its past, as far as it decides on commits: a `VersionedTree`, or what stands for one. */
export interface KnownPast {
  /** The oldest version whose state, and every change since, is known. */
  readonly horizon: number
  /** The ids of all commits after this version are known. Default: the horizon. */
  readonly idsSince?: number | undefined
  /** The commit that came with this id, and what it asked for. */
  find(id: CommitId): { readonly version: number; readonly changes: readonly Change[] } | undefined
  /** The keys, of those given and of those in the guarded spans, that changed after a version. */
  changedAfter(version: number, keys: readonly string[], guard: Spans | undefined): readonly string[]
}

/**
 * Decides on a commit before it is applied: the id first, since a retry of what was applied must not
 * meet its own effect as a conflict; then `basis` and `guard`.
 *
 * @returns the version of the commit that came before with the same id; undefined: it is to be applied now
 * @throws BAD_QUERY where the id came with other content; LOST_IN_FOG where the outcome is not known any more, or the basis
 *   lies before the horizon; SOURCE_RESET; CONFLICT
 */
export function settledBefore(
  request: CommitRequest,
  source: SourceId,
  store: string,
  tree: KnownPast,
  resolve: (point: Versions) => Versions,
): number | undefined {
  const { id, basis } = request
  if (id !== undefined) {
    const version = retried(id, request, store, tree)
    if (version !== undefined) return version
    refuseForgotten(id, source, store, tree.idsSince ?? tree.horizon, resolve)
  }
  if (basis === undefined) return undefined
  const keys = request.changes.map(({ key }) => key)
  // A basis that says nothing of the source knows nothing of it: all that there ever was came after.
  const since = basis[source] ?? nothingKnown
  const changed = tree.changedAfter(since, keys, request.guard)
  if (changed.length > 0) throw conflict(changed, store, since === nothingKnown ? source : undefined)
  // At version 0 nothing had been deleted.
  if (Math.max(since, 0) < tree.horizon && !isIdle(request)) throw lostBasis(store, source, since, tree.horizon)
  return undefined
}

/** Before every version. */
export const nothingKnown = -1

/** Whether a commit depends on nothing. */
function isIdle({ changes, guard }: CommitRequest): boolean {
  return changes.length === 0 && guard === undefined
}

/**
 * CONFLICT, naming the keys.
 *
 * @param unknown the source of which the basis says nothing
 */
export function conflict(keys: readonly string[], store: string, unknown?: SourceId): FanlightError {
  const some = keys.slice(0, 3).map((key) => JSON.stringify(key))
  const rest = keys.length > some.length ? ` and ${keys.length - some.length} more` : ''
  const why =
    unknown === undefined
      ? 'changed after the basis: read again, then commit'
      : `was there before, and the basis says nothing of ${unknown}: read it, and commit on what you read`
  return new FanlightError('CONFLICT', `${some.join(', ')}${rest} ${why}`, { store, keys, applied: 'no' })
}

/** LOST_IN_FOG for a basis before the horizon, or one that says nothing of the source. */
export function lostBasis(store: string, source: SourceId, basis: number, horizon: number): FanlightError {
  return new FanlightError('LOST_IN_FOG', `${store} does not know any more what changed since the basis: read again`, {
    store,
    source,
    wanted: basis === nothingKnown ? {} : { [source]: basis },
    horizon: { [source]: horizon },
    applied: 'no',
  })
}

/** BAD_QUERY for an id that came before with other content. */
export function otherContent(id: CommitId, store: string): FanlightError {
  return new FanlightError(
    'BAD_QUERY',
    `commit ${id.number} of session ${id.session} came before with other content: number each commit once`,
    { store, applied: 'no' },
  )
}

/**
 * Refuses a commit whose id is not known, where it may have been applied before what is known.
 *
 * @throws LOST_IN_FOG or SOURCE_RESET, with `applied: 'unknown'`
 */
export function refuseForgotten(
  id: CommitId,
  source: SourceId,
  store: string,
  horizon: number,
  resolve: (point: Versions) => Versions,
): void {
  let born: number | undefined
  try {
    born = resolve(id.born)[source]
  } catch (error) {
    if (!(error instanceof FanlightError) || !isFanlightError(error, 'SOURCE_RESET')) throw error
    throw error.withApplied('unknown')
  }
  if (born === undefined && Object.keys(id.born).length > 0) {
    // It was born where this source was not: what a retry of it would find is another source at that place.
    const message = `commit ${id.number} was born where ${source} was not, so nobody knows whether it was applied: read, and commit anew under another id`
    throw new FanlightError('SOURCE_RESET', message, { store, source, wanted: id.born, applied: 'unknown' })
  }
  if ((born ?? 0) >= horizon) return
  throw new FanlightError(
    'LOST_IN_FOG',
    `${store} does not know any more whether commit ${id.number} was applied: read`,
    {
      store,
      source,
      wanted: id.born,
      horizon: { [source]: horizon },
      applied: 'unknown',
    },
  )
}

function retried(id: CommitId, request: CommitRequest, store: string, tree: KnownPast): number | undefined {
  const record = tree.find(id)
  if (record === undefined) return undefined
  const values = new Map(record.changes.map((change) => [change.key, change.gone === true ? deleted : change.value]))
  const same =
    values.size === request.changes.length &&
    request.changes.every(({ key, value, gone }) => {
      if (!values.has(key)) return false
      const before = values.get(key)
      return gone === true ? before === deleted : before !== deleted && valuesEqual(before, value)
    })
  if (!same) throw otherContent(id, store)
  return record.version
}
