import type { FeedState, SourceId, SourceState, Versions } from '../store.ts'

/** What a point says of the sources that another names; the point itself where that is all it says. */
export function restrict(point: Versions, sources: Versions): Versions {
  let all = true
  for (const source in point) all &&= source in sources
  if (all) return point
  const part: Record<SourceId, number> = {}
  for (const source in sources) {
    const version = point[source]
    if (version !== undefined) part[source] = version
  }
  return part
}

/** For each source the least version among the points that name it; where all are one object, that. */
export function leastOf(points: readonly Versions[]): Versions {
  return fold(points, Math.min)
}

/** For each source the greatest version among the points that name it; where all are one object, that. */
export function greatestOf(points: readonly Versions[]): Versions {
  return fold(points, Math.max)
}

function fold(points: readonly Versions[], choose: (a: number, b: number) => number): Versions {
  const [first] = points
  if (first !== undefined && points.every((point) => point === first)) return first
  const folded: Record<SourceId, number> = {}
  let before: Versions | undefined
  for (const point of points) {
    // Feeds of one store say the same object.
    if (point === before) continue
    before = point
    for (const source in point) {
      const version = point[source] ?? 0
      folded[source] = choose(version, folded[source] ?? version)
    }
  }
  return folded
}

/** From good to bad. */
const statuses = ['live', 'catching up', 'connecting', 'stale', 'failed']

/** The states of several feeds as one: of a source that more than one of them names, the worst. */
export function worstOf(states: readonly FeedState[]): FeedState {
  const worst: Record<SourceId, SourceState> = {}
  for (const state of states) {
    for (const [source, one] of Object.entries(state)) {
      const other = worst[source]
      if (other === undefined || statuses.indexOf(one.status) > statuses.indexOf(other.status)) worst[source] = one
    }
  }
  return worst
}
