import { FanlightError, type SourceId, type Store, type Versions } from '@fanlight/core'

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

/** What a point says of these sources; the point itself where that is all it says. */
export function onlyOf(point: Versions, sources: Readonly<Record<SourceId, unknown>>): Versions {
  let all = true
  for (const source in point) all &&= source in sources
  if (all) return point
  const part: Record<SourceId, number> = {}
  for (const source in point) if (source in sources) part[source] = point[source] ?? 0
  return part
}

/**
 * A point of other sources than the answer has is one of before other stores were mounted: it says too little.
 *
 * @throws LOST_IN_FOG
 */
export function assertWhole(
  { name, oldest }: Pick<Store, 'oldest'> & { readonly name: string },
  point: Versions,
  answered: Readonly<Record<SourceId, unknown>>,
): void {
  const source = Object.keys(answered).find((one) => !(one in point))
  if (source === undefined) return
  const message = `a point of ${name} does not say where ${source} is: step to a newer one`
  throw new FanlightError('LOST_IN_FOG', message, { store: name, source, wanted: point, horizon: oldest })
}
