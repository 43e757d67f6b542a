import type { Continued, SourceId } from '@fanlight/core'
import { broken } from './codec.ts'

/** A former source, and the last version that it shares with the present one. */
export interface Former {
  readonly id: SourceId
  readonly upTo: number
}

/** Which line of history a store is, and which ones it goes on with. */
export interface Lineage {
  readonly source: SourceId
  /** Oldest first. */
  readonly continues: readonly Former[]
}

/** So many former sources are listed: each opening makes one. Points of those before are reset. */
const formersMax = 256

/**
 * A new line of history. What is opened may be a copy of what others go on with: so nobody but this opening may be called
 * what it was called before, and of what it was called before only the versions count that it has.
 *
 * @param source  what it is called from now on: never called so before
 * @param before  what the store was when it was last opened; undefined: it is new
 * @param version the newest version that it has
 */
export function nextLineage(source: SourceId, before: Lineage | undefined, version: number): Lineage {
  if (before === undefined) return { source, continues: [] }
  const continues = [...before.continues, { id: before.source, upTo: version }]
  return { source, continues: continues.slice(-formersMax) }
}

/** What a store says that it continues. */
export function continuedBy({ source, continues }: Lineage): readonly Continued[] {
  return continues.map(({ id, upTo }) => ({ id, upTo, as: source }))
}

export function encodeLineage({ source, continues }: Lineage): string {
  return JSON.stringify([source, ...continues.map(({ id, upTo }) => [id, upTo])])
}

/**
 * Reads a lineage.
 *
 * @throws CORRUPT
 */
export function decodeLineage(text: string): Lineage {
  let parts: unknown
  try {
    parts = JSON.parse(text)
  } catch (error) {
    return broken(text, error)
  }
  if (!Array.isArray(parts) || typeof parts[0] !== 'string') return broken(text)
  const [source, ...formers] = parts as [SourceId, ...unknown[]]
  const continues = formers.map((former): Former => {
    const [id, upTo] = Array.isArray(former) ? (former as unknown[]) : []
    if (typeof id !== 'string' || !Number.isSafeInteger(upTo)) return broken(text)
    return { id, upTo: upTo as number }
  })
  return { source, continues }
}
