import type { SourceId, Versions } from '@fanlight/core'
import type { MountTable } from './mount-table.ts'
import { lower, raise } from './scope.ts'
import type { Sub } from './sub.ts'

/** The newest point that all have reached: for each source the least that anyone says who knows it. */
export function agreedPoint(subs: readonly Sub[], frozen: ReadonlySet<Sub> = none): Record<SourceId, number> {
  const point: Record<SourceId, number> = {}
  for (const sub of subs) {
    lower(point, sub.reached)
    // Who cannot go on has come as far as what was handed on of it.
    if (frozen.has(sub)) lower(point, sub.held)
  }
  return point
}

/** The newest point that anyone has reached. */
export function leadingPoint(subs: readonly Sub[]): Record<SourceId, number> {
  const point: Record<SourceId, number> = {}
  for (const sub of subs) {
    raise(point, sub.reached)
    raise(point, sub.point)
  }
  return point
}

/** The point that all were taken to; undefined where they stand at different ones. */
export function commonPoint(subs: readonly Sub[]): Record<SourceId, number> | undefined {
  const common: Record<SourceId, number> = {}
  for (const { point } of subs) {
    for (const source in point) {
      const version = point[source] ?? 0
      if ((common[source] ??= version) !== version) return undefined
    }
  }
  return common
}

const none: ReadonlySet<Sub> = new Set()

/** Those that cannot go on: they are stuck, or share a source with one that is. Others go on without them. */
export function frozenWith(subs: readonly Sub[], isStuck: (sub: Sub) => boolean): ReadonlySet<Sub> {
  const frozen = new Set(subs.filter(isStuck))
  if (frozen.size === 0) return none
  const sources = new Set([...frozen].flatMap((sub) => Object.keys(sub.reached)))
  for (let size = 0; size < frozen.size;) {
    size = frozen.size
    for (const sub of subs) {
      const own = Object.keys(sub.reached)
      if (frozen.has(sub) || !own.some((source) => sources.has(source))) continue
      frozen.add(sub)
      for (const source of own) sources.add(source)
    }
  }
  return frozen
}

/** Raises a point to what another says of the same sources. */
export function raiseKnown(point: Record<SourceId, number>, other: Versions): void {
  for (const source in point) point[source] = Math.max(point[source] ?? 0, other[source] ?? 0)
}

/** How far a point is behind what anyone here has reached. */
export function behindOf(versions: Versions, subs: readonly Sub[], { source, current }: MountTable): Versions {
  const leads = leadingPoint(subs)
  leads[source] = current.version
  const behind: Record<SourceId, number> = {}
  for (const id in versions) behind[id] = Math.max(0, (leads[id] ?? 0) - (versions[id] ?? 0))
  return behind
}
