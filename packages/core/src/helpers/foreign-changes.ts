import { isFanlightError } from '../errors.ts'
import { defaultLimits } from '../limits.ts'
import { type Spans, rangeOf } from '../ranges.ts'
import type { Change, Entry, Query, Snapshot, Store, Versions } from '../store.ts'
import { diffEntries } from '../update.ts'
import { resolvePoint } from '../versions.ts'

/** What is mirrored, as far as a sink asks it for what it should hold. */
export type Upstream = Pick<Store, 'fetch' | 'sources' | 'continues'>

/** Up to so many keys are asked for one by one; where more are in doubt, all of the query is. */
const singleKeysMax = 8 * defaultLimits.ranges

/** What a sink holds at some of its keys: at all that are its own, or at those that changed. */
export interface Held {
  readonly all: boolean
  /** The keys as the upstream calls them. */
  readonly changes: readonly Change[]
}

/**
 * What makes the sink, at keys that may have been changed by others, into what the query says at the point at which the sink
 * should hold it.
 *
 * @returns the changes that are due, by the upstream's keys; undefined where nobody can tell any more, since the upstream has
 *   forgotten that point, or has other sources now
 */
export async function dueChanges(
  upstream: Upstream,
  spans: Spans,
  at: Versions,
  held: Held,
  signal: AbortSignal,
): Promise<readonly Change[] | undefined> {
  if (!isOf(upstream, at)) return undefined
  const before = held.changes.flatMap((change): Entry[] => (change.gone === true ? [] : [change]))
  const keys = held.changes.map(({ key }) => key)
  if (keys.length === 0 && !held.all) return []
  try {
    const isSingle = !held.all && !spans.limited && keys.length <= singleKeysMax
    const after = isSingle
      ? await entriesAt(upstream, keys, at, signal)
      : await fetchAt(upstream, spans.list.map(rangeOf), at, signal)
    const asked = new Set(keys)
    return diffEntries(before, held.all ? after : after.filter(({ key }) => asked.has(key)))
  } catch (error) {
    if (isFanlightError(error, 'LOST_IN_FOG') || isFanlightError(error, 'SOURCE_RESET')) return undefined
    throw error
  }
}

/** Whether a point says of each source of a store how far it is, and of no other. */
function isOf({ sources, continues }: Upstream, point: Versions): boolean {
  try {
    const own = resolvePoint(point, sources, continues)
    return Object.keys(point).length === sources.length && sources.every((source) => source in own)
  } catch {
    return false
  }
}

/** The entries at some keys. The order does not matter. */
async function entriesAt(
  upstream: Upstream,
  keys: readonly string[],
  at: Versions,
  signal: AbortSignal,
): Promise<readonly Entry[]> {
  const size = defaultLimits.ranges
  const parts = Array.from({ length: Math.ceil(keys.length / size) }, (_, i) => keys.slice(i * size, (i + 1) * size))
  const entries = await Promise.all(parts.map((part) => fetchAt(upstream, part, at, signal)))
  return entries.flat()
}

async function fetchAt(upstream: Upstream, query: Query, at: Versions, signal: AbortSignal): Promise<readonly Entry[]> {
  const { entries }: Snapshot = await upstream.fetch(query, { min: at, max: at, signal })
  return entries
}
