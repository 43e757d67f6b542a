import type { Store } from '@fanlight/core'
import type { State } from '@fanlight/core/conformance'
import { type ViewBasics, type WithinOptions, createView } from '@fanlight/views'
import * as fc from 'fast-check'
import { viewKindProperty } from './view-kind-property.ts'

interface Row {
  readonly at: number | null
  readonly team: string
}

/** An entry is a row, or the time itself: at some key a number is what the time is. */
type Value = Row | number

const ms = 4

const values: fc.Arbitrary<Value> = fc.oneof(
  fc.integer({ min: 0, max: 12 }),
  fc.record({ at: fc.constantFrom(null, 0, 1, 2, 2.5, 3, 4, 5, 6, 8, 12), team: fc.constantFrom('red', 'blue') }),
)

/** The keys at which the histories of the property, and those of its diamonds, write the time: it goes back and forth. */
const clocks = { alone: 'l/a', inDiamonds: 'left/a' }

function clockOf({ query }: ViewBasics): string {
  return query === undefined ? clocks.alone : clocks.inDiamonds
}

function timeOf(value: Value): number | null {
  return typeof value === 'number' ? value : value.at
}

function within(clock: string): WithinOptions<Value> {
  return { at: ({ value }) => timeOf(value), ms, clock }
}

/** What is in the window, by the plainest look at each entry. */
function inWindow(state: State): [string, Value][] {
  const clock = [clocks.alone, clocks.inDiamonds].find((key) => state.has(key))
  const now = state.get(clock ?? '')
  if (typeof now !== 'number') return []
  return [...(state as ReadonlyMap<string, Value>)].filter(([key, value]) => {
    const time = timeOf(value)
    return key !== clock && time !== null && time <= now && now - time < ms
  })
}

function teamOf(value: Value): string {
  return typeof value === 'number' ? 'none' : value.team
}

viewKindProperty('a window of time before a view that maps', {
  make: (upstream, seams) =>
    createView(upstream as Store<{ '': Value }>, {
      map: ({ key, value }) => [
        { key, value },
        { key: `first/${teamOf(value)}`, value: timeOf(value) },
      ],
      within: within(clockOf(seams)),
      onThrow: 'skip',
      ...seams,
    }),
  mixes: true,
  naive: (state) => {
    const shown = new Map<string, unknown>()
    for (const [key, value] of inWindow(state).toSorted(byKey)) {
      shown.set(key, value)
      const first = `first/${teamOf(value)}`
      if (!shown.has(first)) shown.set(first, timeOf(value))
    }
    return shown
  },
  values,
})

viewKindProperty('a window of time before a view that groups', {
  make: (upstream, seams) =>
    createView(upstream as Store<{ '': Value }>, {
      group: {
        by: ({ value }) => teamOf(value),
        of: ({ count, max, last }) => ({
          n: count(),
          latest: max(({ value }) => timeOf(value)),
          last: last({ of: ({ key }) => key }),
        }),
      },
      within: within(clockOf(seams)),
      onThrow: 'skip',
      ...seams,
    }),
  mixes: true,
  naive: (state) => {
    const teams = new Map<string, [string, Value][]>()
    for (const one of inWindow(state)) teams.set(teamOf(one[1]), [...(teams.get(teamOf(one[1])) ?? []), one])
    return new Map(
      [...teams].map(([team, found]) => [
        team,
        {
          n: found.length,
          latest: Math.max(...found.map(([, value]) => timeOf(value) ?? 0)),
          last: found.toSorted(byKey).at(-1)?.[0],
        },
      ]),
    )
  },
  values,
})

function byKey([a]: [string, Value], [b]: [string, Value]): number {
  // Keys of these histories are of plain letters but for one, which comes last both ways.
  return a < b ? -1 : 1
}
