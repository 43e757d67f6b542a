import type { SourceId, Versions } from '@fanlight/core'

/** The point that an answer is behind. */
export function sum(versions: Versions, behind: Versions): Versions {
  const reached: Record<SourceId, number> = {}
  for (const source in versions) reached[source] = (versions[source] ?? 0) + (behind[source] ?? 0)
  return reached
}

/** Sources, to look them up. */
export function asSet(sources: readonly SourceId[]): Readonly<Record<SourceId, unknown>> {
  return Object.fromEntries(sources.map((source) => [source, 0]))
}

/** What a point says of these sources. */
export function onlyOf(point: Versions, sources: Readonly<Record<SourceId, unknown>>): Versions {
  const part: Record<SourceId, number> = {}
  for (const source in point) if (source in sources) part[source] = point[source] ?? 0
  return part
}
