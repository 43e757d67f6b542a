import type { FanlightError, FeedState, Query, SourceId, SourceState, Supports, Update, Versions } from '@fanlight/core'
import { rangeOf, type Spans } from '@fanlight/core/kit'
import { type StoreInfo, unpackChanges, unpackEntries, unpackError, type WireBody } from '@fanlight/protocol'
import type { Parts } from './parts.ts'

/** The query as it is asked: checked, and in few words. */
export function queryOf({ query, list }: Spans): Query {
  if (typeof query === 'string') return query
  const [only] = list
  return Array.isArray(query) || only === undefined ? list.map(rangeOf) : rangeOf(only)
}

/** An update of which the step says, when it comes, which point it is at. */
export type Unplaced = Omit<Update, 'versions'> & { versions: Versions }

/** The point that names no source. */
export const nowhere: Versions = {}

/** What changed, with the parts that came before. */
export function updateOf(body: WireBody, behind: Versions, parts: Parts | undefined): Unplaced {
  const [replaced, changes, folded] = body
  const all = unpackChanges(changes)
  const told = parts === undefined ? all : [...parts.changes, ...all]
  const update = { generation: 0, changes: told, versions: nowhere, behind, folded }
  if (replaced === null) return update
  const entries = unpackEntries(replaced[1])
  return {
    ...update,
    replace: { ranges: replaced[0], entries: parts === undefined ? entries : [...parts.entries, ...entries] },
  }
}

/**
 * How the sources stand: as the server said, while there is a connection.
 *
 * @param isOver whether there will be none any more
 */
export function stateOf(
  sources: readonly SourceId[],
  info: StoreInfo | undefined,
  lost: FanlightError | undefined,
  isOver: boolean,
): FeedState {
  const state: Record<SourceId, SourceState> = {}
  for (const source of sources) {
    const [status = 'live', why = null] = info?.state[source] ?? []
    const told = { status: status as SourceState['status'], why: why === null ? undefined : unpackError(why) }
    state[source] = lost === undefined ? told : { status: isOver ? 'failed' : 'stale', why: lost }
  }
  return state
}

/** What a store can do of which nothing is known yet. */
export const nothingSupported: Supports = { commit: false, guard: 'none', ids: false, single: false, durable: false }
