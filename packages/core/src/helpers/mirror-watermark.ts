import { key } from '../keys/codec.ts'
import { type Spans, rangeOf, readQuery } from '../ranges.ts'
import type { Range, SourceId, Versions } from '../store.ts'
import { checkVersions, sourceName } from '../versions.ts'

/** How far a mirror has come: kept in the store that it writes to, in the same commit as what it says. */
export interface Watermark {
  /** The point at which the sink holds the query. */
  readonly versions: Versions
  /** Which query: its ranges. */
  readonly query: readonly Range[]
  /**
   * The point of the sink at which the commit that wrote this found it, as the mirror had left it: whatever others changed
   * since, changed after this point. (The version of that commit itself is known only when it is done.)
   */
  readonly sink: Versions
}

/** Reads a watermark; undefined where there is none that can be understood: then all is mirrored anew. */
export function readWatermark(value: unknown): Watermark | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { versions, query, sink = {} } = value as Partial<Record<keyof Watermark, unknown>>
  try {
    return {
      versions: checkVersions(versions, 'the watermark'),
      query: readQuery(query as readonly Range[]).list.map(rangeOf),
      sink: checkVersions(sink, 'the watermark'),
    }
  } catch {
    return undefined
  }
}

/**
 * Where a watermark stands unless somebody says otherwise: at a key of two parts, as stores want it whose keys are a
 * collection and an id, or a member of a member. Another source, prefix or query has another.
 */
export function watermarkKeyOf(sources: readonly SourceId[], prefix: string, spans: Spans): string {
  const names = sources.map(sourceName).sort().join('+')
  return key('~mirror', `${names}:${prefix}${JSON.stringify(spans.list.map(rangeOf))}`)
}
