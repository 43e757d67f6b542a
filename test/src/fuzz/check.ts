import type { Entry, Query, Snapshot, Versions, Windows } from '@fanlight/core'
import { answer } from '@fanlight/core/conformance'
import type { State } from './history.ts'
import type { TreeNode } from './node.ts'
import type { World } from './world.ts'

/** How many points of a box are checked. */
const pointsMax = 40

/** A law was broken: says which, and what was seen. */
export class Broken extends Error {}

/** Checks an answer at the corners of its windows and at points inside, each time against whole states (L1). */
export function checkSnapshot(world: World, node: TreeNode, query: Query, snapshot: Snapshot): void {
  world.counters.fetches++
  if (snapshot.entries.length > 0) for (const label of node.labels ?? []) world.counters[`${label}Answers`]++
  if (Object.keys(snapshot.windows).length > 2) world.counters.agreed++
  const checked = new Set<State>()
  for (const point of pointsOf(world, snapshot.windows)) {
    world.counters.points++
    const state = node.expected(point)
    if (checked.has(state)) continue
    checked.add(state)
    const expected = answer(query, state)
    if (!same(snapshot.entries, expected)) {
      throw new Broken(
        `L1: ${node.name} answered ${JSON.stringify(query)} with windows ${JSON.stringify(snapshot.windows)}; at ` +
          `${JSON.stringify(point)} that is not so: ${differing(stateOf(snapshot.entries), stateOf(expected))}`,
      )
    }
  }
}

/** Checks what a holder of a feed has, at its point (L6). */
export function checkHeld(
  world: World,
  node: TreeNode,
  query: Query,
  held: ReadonlyMap<string, unknown>,
  at: Versions,
): void {
  world.counters.steps++
  if (held.size > 0) for (const label of node.labels ?? []) world.counters[`${label}Steps`]++
  const expected = new Map(answer(query, node.expected(at)).map(({ key, value }) => [key, value]))
  const wrong =
    held.size !== expected.size ||
    [...expected].some(([key, value]) => !held.has(key) || JSON.stringify(held.get(key)) !== JSON.stringify(value))
  if (wrong) {
    throw new Broken(
      `L6: the holder of ${JSON.stringify(query)} of ${node.name} is wrong at ${JSON.stringify(at)}: ${differing(held, expected)}`,
    )
  }
}

/** Points of a box: both corners, and some between, at versions at which something changed. */
function pointsOf(world: World, windows: Windows): Versions[] {
  const sources = Object.entries(windows)
  const low = Object.fromEntries(sources.map(([source, { from }]) => [source, from]))
  const high = Object.fromEntries(sources.map(([source, { to }]) => [source, to]))
  const points: Versions[] = [low, high]
  const choices = sources.map(([source, { from, to }]): [string, number[]] => [
    source,
    [from, to, ...(world.histories.get(source)?.versionsIn(from, to) ?? [])],
  ])
  const many = choices.reduce((product, [, versions]) => product * versions.length, 1)
  for (let i = Math.min(pointsMax, many) - 2; i > 0; i--) {
    points.push(Object.fromEntries(choices.map(([source, versions]) => [source, world.chance.pick(versions)])))
  }
  return points
}

function same(a: readonly Entry[], b: readonly Entry[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ key, value }, i) => key === b[i]?.key && JSON.stringify(value) === JSON.stringify(b[i].value))
  )
}

/** Where two states differ: the first few keys, each with what was got and what was expected. */
function differing(got: ReadonlyMap<string, unknown>, expected: ReadonlyMap<string, unknown>): string {
  const keys = [...new Set([...got.keys(), ...expected.keys()])].sort()
  const wrong = keys.filter((key) => JSON.stringify(got.get(key)) !== JSON.stringify(expected.get(key)))
  if (wrong.length === 0)
    return `the order is ${JSON.stringify([...got.keys()])}, expected ${JSON.stringify([...expected.keys()])}`
  const some = wrong
    .slice(0, 6)
    .map(
      (key) =>
        `${JSON.stringify(key)} is ${JSON.stringify(got.get(key))}, expected ${JSON.stringify(expected.get(key))}`,
    )
  return `${wrong.length} keys differ: ${some.join('; ')}`
}

function stateOf(entries: readonly Entry[]): ReadonlyMap<string, unknown> {
  return new Map(entries.map(({ key, value }) => [key, value]))
}
