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

/** A store, as errors tell of it. */
type Named = Pick<Store, 'oldest' | 'reached'> & { readonly name: string }

/**
 * An answer in other sources than the point has, or beyond it, is one of after other stores were mounted.
 *
 * @param answered the least that the answer says of each source
 * @throws LOST_IN_FOG
 */
export function assertWhole(store: Named, point: Versions, answered: Versions): void {
  const source = Object.keys(answered).find((one) => (answered[one] ?? 0) > (point[one] ?? -1))
  if (source === undefined) return
  const message = `a point of ${store.name} is not one at which ${source} can be answered any more: step to a newer one`
  throw new FanlightError('LOST_IN_FOG', message, { ...lost(store, point), source })
}

/** A point is one of a history that is no more. */
export function lostPoint(store: Named, point: Versions, cause?: unknown): FanlightError {
  const message = `${store.name} came back with another history than that of the point: step to a newer one`
  return new FanlightError('LOST_IN_FOG', message, { ...lost(store, point), cause })
}

function lost({ name, oldest }: Named, wanted: Versions): { store: string; wanted: Versions; horizon: Versions } {
  return { store: name, wanted, horizon: oldest }
}

/** Somebody's time is over. */
export function stalledAt({ name, reached }: Named, wanted: Versions, why: FanlightError | undefined): FanlightError {
  const message =
    why === undefined ? `${name} did not answer in time: wait longer` : `${name} has no connection: ${why.message}`
  return new FanlightError('STALLED', message, { store: name, wanted, reached, cause: why })
}
