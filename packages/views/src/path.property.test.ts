/**
 * What a path claims, held against everything that may be true around it: the sources depend on one another in every way,
 * as in a join, and the path knows only what lies on its way.
 */
import type { Versions } from '@fanlight/core'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Path, type Step } from './path.ts'

const size = 6
const sources = ['a@1', 'b@1'] as const

interface Point {
  readonly a: number
  readonly b: number
}

const versionsOf = ({ a, b }: Point): Versions => ({ 'a@1': a, 'b@1': b })

/**
 * The state at every point: what a query asks for, which is its last digit, and something else. And a way through: along
 * one source, or along both at once.
 */
const world = fc.record({
  truth: fc.array(fc.constantFrom(0, 0, 0, 1, 10, 10), { minLength: size * size, maxLength: size * size }),
  moves: fc.array(fc.record({ a: fc.nat(3), b: fc.nat(3), both: fc.boolean() }), { minLength: 1, maxLength: 12 }),
})

interface Seen {
  readonly step: Step
  readonly n: number
  readonly answer: number
}

/** Goes the way, and tells the path what a view would know. */
function walk(
  truth: readonly number[],
  moves: readonly { a: number; b: number; both: boolean }[],
): { path: Path; seen: Seen[]; points: Point[] } {
  const stateAt = ({ a, b }: Point): number => truth[a * size + b] ?? 0
  const answer = (state: number): number => state % 10
  const path = new Path()
  let at: Point = { a: 0, b: 0 }
  let n = 1
  path.begin(n, versionsOf(at))
  const seen: Seen[] = [{ step: path.newest as Step, n, answer: answer(stateAt(at)) }]
  const points = [at]
  for (const move of moves) {
    const to = {
      a: Math.min(size - 1, at.a + (move.both || move.a >= move.b ? move.a : 0)),
      b: Math.min(size - 1, at.b + (move.both || move.b > move.a ? move.b : 0)),
    }
    if (to.a === at.a && to.b === at.b) continue
    const between = line(at, to).map(stateAt)
    const changes = between.filter((state, i) => i > 0 && state !== between[i - 1]).length
    if (changes === 0) path.quiet(versionsOf(to))
    else {
      // A view may also have made several commits beside the path between two steps.
      n += 1 + (move.a % 2)
      path.step(n, versionsOf(to), changes === 1)
      seen.push({ step: path.newest as Step, n, answer: answer(stateAt(to)) })
    }
    at = to
    points.push(at)
  }
  return { path, seen, points }
}

/** The points from one to the other: along one source all of them, along two the ends only, since nobody knows the way. */
function line(from: Point, to: Point): Point[] {
  if (from.a !== to.a && from.b !== to.b) return [from, to]
  const length = Math.max(to.a - from.a, to.b - from.b)
  return Array.from({ length: length + 1 }, (_, i) => ({
    a: from.a + (to.a > from.a ? i : 0),
    b: from.b + (to.b > from.b ? i : 0),
  }))
}

const grid = Array.from({ length: size * size }, (_, i): Point => ({ a: Math.floor(i / size), b: i % size }))

test('L1: at every point of the windows the answer is the same, and a place on the path has its state', () => {
  let wide = 0
  fc.assert(
    fc.property(world, ({ truth, moves }) => {
      const { path, seen, points } = walk(truth, moves)
      const answerAt = ({ a, b }: Point): number => (truth[a * size + b] ?? 0) % 10
      for (const point of grid) {
        const place = path.locate({ ...versionsOf(point), 'view@x': 0 })
        if (place === undefined) continue
        const own = seen.find(({ n }) => n === place.step.n) as Seen
        if (!place.exact) {
          const base = { a: place.base['a@1'] ?? 0, b: place.base['b@1'] ?? 0 }
          expect(answerAt(base)).toBe(own.answer)
          expect(base.a <= point.a && base.b <= point.b).toBe(true)
          continue
        }
        expect(answerAt(point)).toBe(own.answer)
        // Between these numbers the shelf has the same answer: as far as it is the same, without a gap.
        const i = seen.indexOf(own)
        let [first, last] = [i, i]
        while (seen[first - 1]?.answer === own.answer) first--
        while (seen[last + 1]?.answer === own.answer) last++
        const until = (seen[last + 1]?.n ?? Infinity) - 1
        const windows = path.windows(place.step, { ...versionsOf(point), 'view@x': 0 }, seen[first]?.n ?? 0, until)
        expect(windows['view@x']).toEqual({ from: 0, to: 0 })
        const [a, b] = sources.map((source) => windows[source] ?? { from: 0, to: -1 }) as [
          { from: number; to: number },
          { from: number; to: number },
        ]
        expect(a.from <= point.a && a.to >= point.a && b.from <= point.b && b.to >= point.b).toBe(true)
        for (const other of grid) {
          if (other.a < a.from || other.a > a.to || other.b < b.from || other.b > b.to) continue
          if (other.a !== point.a || other.b !== point.b) wide++
          expect(answerAt(other)).toBe(own.answer)
        }
      }
      // Every point where it stood is known.
      for (const point of points) expect(path.locate(versionsOf(point))).toBeDefined()
    }),
    { numRuns: 1_000 },
  )
  expect(wide).toBeGreaterThan(2_000)
})

test('L2: from the horizon on, every point has a place before it that is not forgotten', () => {
  fc.assert(
    fc.property(world, fc.nat(20), fc.nat(size - 1), fc.nat(size - 1), ({ truth, moves }, forgotten, a, b) => {
      const { path } = walk(truth, moves)
      path.trim(forgotten)
      const horizon = path.oldest(versionsOf({ a, b }))
      const { step, exact } = path.locate(horizon) ?? {}
      expect(exact).toBe(true)
      expect(path.has(step as Step)).toBe(true)
      for (const point of grid) {
        const at = versionsOf(point)
        if ((at['a@1'] ?? 0) < (horizon['a@1'] ?? 0) || (at['b@1'] ?? 0) < (horizon['b@1'] ?? 0)) continue
        const { base = {} } = path.locate(at) ?? {}
        // What changed since the base can be asked of the upstream, whose horizon this is, unless it is the base itself.
        expect((base['a@1'] ?? 0) >= (horizon['a@1'] ?? 0) && (base['b@1'] ?? 0) >= (horizon['b@1'] ?? 0)).toBe(true)
      }
    }),
    { numRuns: 1_000 },
  )
})
