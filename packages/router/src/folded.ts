import type { SourceId, Versions } from '@fanlight/core'
import type { Handed } from './put-together.ts'

/**
 * How many commits went into a step, at the most: each store counts those that it shows, and several may show one.
 *
 * @param replaces whether it replaces what is held: a first answer, or a change of mounts, which is one commit
 */
export function foldedIn(handed: readonly Handed[], replaces: boolean, since: Versions, until: Versions): number {
  let folded = 0
  const sources = new Set<SourceId>()
  for (const { update, isFirst } of handed) {
    if (isFirst && replaces) continue
    // An answer that is compared with one that the holder recalled: several commits may lie between them.
    folded += isFirst ? 2 : update.folded
    for (const source in update.versions) sources.add(source)
  }
  return countedOnce(folded, sources, since, until) + (replaces ? 1 : 0)
}

/**
 * What several stores counted together, without what more than one of them counted: there are no more commits than versions
 * were passed. It must not come out too small, as the greatest count of any of them would: they may count different ones.
 */
export function countedOnce(folded: number, sources: Iterable<SourceId>, since: Versions, until: Versions): number {
  if (folded <= 1) return folded
  let passed = 0
  for (const source of sources) passed += (until[source] ?? Infinity) - (since[source] ?? -Infinity)
  return Math.max(1, Math.min(folded, passed))
}

/** The only source that moved on between two points; undefined: several did. */
export function movedBetween(since: Versions, until: Versions): SourceId | undefined {
  const moved = Object.keys(until).filter((source) => since[source] !== until[source])
  return moved.length === 1 ? moved[0] : undefined
}
