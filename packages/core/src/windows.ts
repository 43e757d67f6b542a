/**
 * Boxes of points: for each source a window in which something is true.
 *
 * @module
 */
import type { SourceId, Versions, Window, Windows } from './store.ts'

/** The box that holds this point only. */
export function pointWindows(versions: Versions): Windows {
  const windows: Record<SourceId, Window> = {}
  for (const id in versions) {
    const version = versions[id] ?? 0
    windows[id] = { from: version, to: version }
  }
  return windows
}

/** The points that lie in both; a source that one of them does not name is bounded by the other. undefined: none. */
export function intersectWindows(a: Windows, b: Windows): Windows | undefined {
  const both: Record<SourceId, Window> = { ...a }
  for (const id in b) {
    const right = b[id]
    const left = a[id]
    if (right === undefined) continue
    const window = left === undefined ? right : meet(left, right)
    if (window.from > window.to) return undefined
    both[id] = window
  }
  return both
}

function meet(a: Window, b: Window): Window {
  if (a.from >= b.from && a.to <= b.to) return a
  return { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) }
}

/** The newest point of the box. */
export function upperCorner(windows: Windows): Versions {
  const versions: Record<SourceId, number> = {}
  for (const id in windows) versions[id] = windows[id]?.to ?? 0
  return versions
}

/** The oldest point of the box. */
export function lowerCorner(windows: Windows): Versions {
  const versions: Record<SourceId, number> = {}
  for (const id in windows) versions[id] = windows[id]?.from ?? 0
  return versions
}

/** Whether a point lies in the box. It must have every source of the box; what it says of others does not count. */
export function windowsHave(windows: Windows, point: Versions): boolean {
  for (const id in windows) {
    const window = windows[id]
    const version = point[id]
    if (window === undefined) continue
    if (version === undefined || version < window.from || version > window.to) return false
  }
  return true
}
