import { type Entry, type Store, desc } from '@fanlight/core'
import { compareKeys } from '@fanlight/core/kit'
import { createView } from '@fanlight/views'
import type { Chance } from '../chance.ts'
import type { State } from '../history.ts'
import { type Recipe, inOrder, numberOf, yielded } from './recipe.ts'

/** What is made of a group. */
interface Results {
  readonly count: number
  readonly odd: number
  readonly sum: number
  readonly avg: number | null
  readonly min: number | string | null
  readonly max: string | null
  readonly first: string | null
  readonly last: number | null
  readonly top: readonly string[]
}

/** What a group yields something of. */
interface Group {
  readonly key: string
  readonly value: Results
}

/** A view that groups: every aggregate, groups of one and of several, and entries that belong to none. */
export function groupRecipe(chance: Chance): Recipe {
  const groups = chance.pick([oneGroup, twoGroups, noneForSome])
  const size = 1 + chance.below(4)
  const isDown = chance.happens(0.5)
  const to = chance.happens(0.4) ? metByCount : same
  return {
    make: (upstream, basics) =>
      createView(upstream, {
        ...basics,
        group: {
          by: groups,
          of: ({ count, sum, avg, min, max, first, last, top }) => ({
            count: count(),
            odd: count(isOdd),
            sum: sum(({ value }) => numberOf(value)),
            avg: avg((entry) => (isOdd(entry) ? numberOf(entry.value) : undefined)),
            min: min((entry): number | string => (isOdd(entry) ? numberOf(entry.value) : entry.key)),
            max: max((entry) => (isOdd(entry) ? entry.key : undefined)),
            first: first({ of: ({ key }) => key }),
            last: last({ by: rankOf, of: ({ value }) => numberOf(value) }),
            top: top(size, {
              by: (entry) => (isDown ? desc(rankOf(entry)) : rankOf(entry)),
              of: ({ key }) => key,
            }),
          }),
          to,
        },
      }) as Store,
    expected: (inputs) => {
      const members = new Map<string, Entry[]>()
      for (const entry of inOrder(inputs))
        for (const group of [groups(entry)].flat()) {
          if (group !== undefined) members.set(group, [...(members.get(group) ?? []), entry])
        }
      const shown: State = new Map([...members].map(([group, all]) => [group, resultsOf(all, size, isDown)]))
      return yielded(inOrder(shown), (entry) => to(entry as Group))
    },
    prefixes: () => [''],
    hasSameKeys: false,
  }
}

function oneGroup({ value }: Entry): string {
  return `k${numberOf(value) % 6}`
}

/** Two groups, which are at times one. */
function twoGroups({ key, value }: Entry): string[] {
  const groups = [`k${numberOf(value) % 8}`, `k${(key.length + numberOf(value)) % 5}`]
  return [...new Set(groups)]
}

function noneForSome({ key, value }: Entry): string | undefined {
  return numberOf(value) % 3 === 0 ? undefined : Array.from(key).slice(0, 2).join('')
}

function same(group: Group): Entry[] {
  return [group]
}

/** Groups of one size meet at one key, and large ones yield nothing. */
function metByCount({ key, value }: Group): Entry[] {
  return value.count > 6 ? [] : [{ key: `k${value.count}`, value: [key, value.sum, value.top] }]
}

function isOdd({ value }: { readonly value: unknown }): boolean {
  return numberOf(value) % 2 === 1
}

function rankOf({ value }: { readonly value: unknown }): number {
  return numberOf(value) % 4
}

/** What is made of members, which stand in the order of their keys. */
function resultsOf(all: readonly Entry[], size: number, isDown: boolean): Results {
  const odd = all.filter(isOdd)
  const numbers = odd.map(({ value }) => numberOf(value))
  const even = all.filter((entry) => !isOdd(entry))
  const ranked = [...all].sort((a, b) => rankOf(a) - rankOf(b))
  const down = [...all].sort((a, b) => rankOf(b) - rankOf(a))
  return {
    count: all.length,
    odd: odd.length,
    sum: all.reduce((sum, { value }) => sum + numberOf(value), 0),
    avg: odd.length === 0 ? null : numbers.reduce((a, b) => a + b, 0) / odd.length,
    // Numbers stand before strings, and members in the order of their keys.
    min: odd.length > 0 ? Math.min(...numbers) : (even.map(({ key }) => key).sort(compareKeys)[0] ?? null),
    max: odd.at(-1)?.key ?? null,
    first: all[0]?.key ?? null,
    last: ranked.length === 0 ? null : numberOf(ranked.at(-1)?.value),
    top: (isDown ? down : ranked)
      .map(({ key }) => key)
      .reverse()
      .slice(0, size),
  }
}
