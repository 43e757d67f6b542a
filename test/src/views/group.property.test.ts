import { compareCodePoints, type State, storeConformance } from '@fanlight/core/conformance'
import { type Store, createMemoryStore, desc } from '@fanlight/core'
import { type GroupOptions, createView } from '@fanlight/views'
import * as fc from 'fast-check'
import { viewKindProperty } from './view-kind-property.ts'

interface Row {
  readonly teams: readonly string[]
  readonly n: number | null
  readonly word: string
}

/** Numbers whose plain sums depend on the order, and some that are equal. */
const numbers = [0.1, 0.2, 0.3, -0.1, 1, 1, 1e16, -1e16, 1e308, 5e-324, null]

const rows = fc.record<Row>({
  teams: fc.subarray(['red', 'green', 'blue']),
  n: fc.constantFrom(...numbers),
  word: fc.constantFrom('a', 'b', '😀', '�'),
})

/** Every aggregate, over rows that are in no team, one, or several. */
const byTeam: GroupOptions<Row> = {
  by: ({ value }) => value.teams,
  of: ({ count, sum, avg, min, max, first, last, top }) => ({
    rows: count(),
    numbers: count(({ value }) => value.n !== null),
    sum: sum(({ value }) => value.n),
    avg: avg(({ value }) => (value.n === 1e308 ? undefined : value.n)),
    min: min(({ value }) => value.n),
    max: max(({ value }) => value.word),
    first: first({ of: ({ key }) => key }),
    last: last({ by: ({ value }) => [value.word, desc(value.n)] }),
    top: top(2, { by: ({ value }) => value.n ?? undefined, of: ({ key, value }) => ({ key, n: value.n }) }),
  }),
  // A sum that no double holds is told in words.
  to: ({ key, value }) => ({ key, value: Number.isFinite(value['sum']) ? value : { ...value, sum: 'too large' } }),
}

type Found = readonly [key: string, row: Row]

function naive(state: State): State {
  const members = new Map<string, Found[]>()
  for (const [key, row] of state as ReadonlyMap<string, Row>) {
    for (const team of row.teams) members.set(team, [...(members.get(team) ?? []), [key, row]])
  }
  return new Map([...members].map(([team, found]) => [team, resultOf(found)]))
}

function resultOf(found: readonly Found[]): unknown {
  const byKey = found.toSorted(([a], [b]) => compareCodePoints(a, b))
  const given = byKey.flatMap(([, { n }]) => (n === null ? [] : [n]))
  const mean = given.filter((n) => n !== 1e308)
  const ascending = (a: Found, b: Found): number => number(a) - number(b) || compareCodePoints(a[0], b[0])
  // null before all numbers, descending numbers after it.
  const byWord = (a: Found, b: Found): number =>
    compareCodePoints(a[1].word, b[1].word) ||
    (a[1].n === null || b[1].n === null ? Number(a[1].n === null) - Number(b[1].n === null) : number(b) - number(a)) ||
    compareCodePoints(a[0], b[0])
  const sum = exact(given)
  return {
    rows: found.length,
    numbers: given.length,
    sum: Number.isFinite(sum) ? sum : 'too large',
    avg: mean.length === 0 ? null : exact(mean) / mean.length,
    min: given.length === 0 ? null : Math.min(...given),
    max: byKey
      .map(([, { word }]) => word)
      .toSorted(compareCodePoints)
      .at(-1),
    first: byKey[0]?.[0],
    last: found.toSorted(byWord).at(-1)?.[1],
    top: found
      .filter(([, { n }]) => n !== null)
      .toSorted(ascending)
      .toReversed()
      .slice(0, 2)
      .map(([key, { n }]) => ({ key, n })),
  }
}

function number([, { n }]: Found): number {
  return n ?? 0
}

/** In units of the smallest double, so that nothing is lost; back by long division, rounded half to even. */
function exact(numbers: readonly number[]): number {
  const units = numbers.reduce((sum, one) => sum + unitsOf(one), 0n)
  const size = (units < 0n ? -units : units).toString(2).length
  const cut = BigInt(Math.max(0, size - 53))
  const half = cut === 0n ? 0n : 1n << (cut - 1n)
  const whole = units >> cut
  const rest = units - (whole << cut)
  const up = rest > half || (rest === half && cut > 0n && whole % 2n !== 0n) ? 1n : 0n
  const scale = Number(cut) - 1074
  // In two steps: neither is more than a double holds.
  return Number(whole + up) * 2 ** Math.ceil(scale / 2) * 2 ** Math.floor(scale / 2)
}

function unitsOf(one: number): bigint {
  let digits = one
  let scale = 1074n
  while (!Number.isInteger(digits)) {
    digits *= 2
    scale--
  }
  return BigInt(digits) << scale
}

viewKindProperty('a view that groups', {
  make: (upstream, seams) => createView(upstream as Store<{ '': Row }>, { group: byTeam, ...seams }),
  mixes: true,
  naive,
  values: rows,
})

const upstreams = new WeakMap<Store, ReturnType<typeof createMemoryStore>>()

storeConformance<Store>('a view that groups', {
  create: (seams) => {
    const raw = createMemoryStore({ ...seams, name: 'raw' })
    const view = createView(raw, {
      group: {
        by: ({ key }) => [key, `all/${[...key][0] ?? ''}`],
        of: ({ count, first }) => ({ members: count(), first: first() }),
      },
      ...seams,
    })
    upstreams.set(view, raw)
    return view
  },
  write: (view, changes) => (upstreams.get(view) as NonNullable<ReturnType<typeof upstreams.get>>).commit(changes),
  settle: async (view) => void (await view.fetch([], { min: upstreams.get(view)?.reached })),
  teardown: (view) => upstreams.get(view)?.close(),
  expected: (state) => {
    const shown = new Map<string, { members: number; first: unknown }>()
    for (const [key, value] of [...state].toSorted(([a], [b]) => compareCodePoints(a, b))) {
      for (const group of new Set([key, `all/${[...key][0] ?? ''}`])) {
        const { members, first } = shown.get(group) ?? { members: 0, first: value }
        shown.set(group, { members: members + 1, first })
      }
    }
    return shown
  },
})
