import { readFile, readdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

type Point = readonly [longitude: number, latitude: number]

interface GeoJson {
  readonly features: readonly {
    readonly geometry?: {
      readonly type: 'Polygon' | 'MultiPolygon'
      readonly coordinates: readonly (readonly Point[])[] | readonly (readonly (readonly Point[])[])[]
    }
  }[]
}

/** How far an outline may be from the true one, in degrees. */
const tolerance = 0.06

/** Smaller islands, in degrees from end to end, are not worth their bytes. */
const smallest = 0.15

/** The outlines of the countries (world-countries, ODbL), simplified: lists of longitudes and latitudes in turn, as JSON. */
export async function readOutlines(): Promise<string> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('world-countries/package.json')), 'data')
  const names = (await readdir(folder)).filter((name) => name.endsWith('.geo.json'))
  const lines: number[][] = []
  for (const name of names) {
    const { features } = JSON.parse(await readFile(join(folder, name), 'utf8')) as GeoJson
    for (const { geometry } of features) {
      // One of them is of no country.
      if (geometry === undefined) continue
      const rings = geometry.type === 'Polygon' ? geometry.coordinates : geometry.coordinates.flat()
      for (const ring of rings as readonly (readonly Point[])[]) {
        if (extent(ring) < smallest) continue
        lines.push(simplify(ring).flatMap(([x, y]) => [Math.round(x * 100) / 100, Math.round(y * 100) / 100]))
      }
    }
  }
  return JSON.stringify(lines)
}

function extent(ring: readonly Point[]): number {
  const span = (of: (point: Point) => number): number => {
    const all = ring.map(of)
    return all.reduce((a, b) => Math.max(a, b)) - all.reduce((a, b) => Math.min(a, b))
  }
  return Math.max(
    span(([x]) => x),
    span(([, y]) => y),
  )
}

/** Leaves out points that are near the line between their neighbours (Douglas and Peucker). */
function simplify(ring: readonly Point[]): readonly Point[] {
  const kept = new Set([0, ring.length - 1])
  const spans: [number, number][] = [[0, ring.length - 1]]
  for (let span = spans.pop(); span !== undefined; span = spans.pop()) {
    const [from, to] = span
    let far = -1
    let farthest = tolerance
    for (let i = from + 1; i < to; i++) {
      const distance = distanceTo(ring[i] as Point, ring[from] as Point, ring[to] as Point)
      if (distance > farthest) [far, farthest] = [i, distance]
    }
    if (far < 0) continue
    kept.add(far)
    spans.push([from, far], [far, to])
  }
  return ring.filter((_, i) => kept.has(i))
}

/** How far a point is from the line between two others. */
function distanceTo([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay]
  const length = dx * dx + dy * dy
  const share = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length))
  return Math.hypot(x - ax - share * dx, y - ay - share * dy)
}
