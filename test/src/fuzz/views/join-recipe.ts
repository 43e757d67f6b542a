import { type Entry, type Range, type Store, desc } from '@fanlight/core'
import { compareKeys } from '@fanlight/core/kit'
import { createView } from '@fanlight/views'
import type { Chance } from '../chance.ts'
import { type Recipe, inOrder, numberOf, yielded } from './recipe.ts'

/** A span of the upstream, and whether a key lies in it. */
interface Part {
  readonly range: Range
  readonly has: (key: string) => boolean
}

/** A view that copies what stands at a key, and collects what has something in common, of parts that may be one. */
export function joinRecipe(chance: Chance, prefixes: readonly string[]): Recipe {
  const edge = (): string => `${chance.pick(prefixes)}k${chance.below(24)}`
  const part = (): Part => {
    const kind = chance.below(3)
    const at = edge()
    if (kind === 0) return { range: {}, has: () => true }
    if (kind === 1) return { range: { lt: at }, has: (key) => compareKeys(key, at) < 0 }
    return { range: { gte: at }, has: (key) => compareKeys(key, at) >= 0 }
  }
  const [each, copied, collected] = [part(), part(), part()]
  const start = chance.pick(prefixes)
  const places = 1 + chance.below(8)
  const limit = chance.pick([Infinity, 1, 3])
  const isInner = chance.happens(0.3)
  const at = ({ value }: Entry): string => `${start}k${numberOf(value) % 24}`
  const on = ({ value }: Entry): (string | number)[] => [numberOf(value) % places, `${numberOf(value) % 3}`]
  const equals = ({ key, value }: Entry): (string | number)[] => [
    (key.length + numberOf(value)) % places,
    // A text is no number: this meets the second one above only.
    `${numberOf(value) % 5}`,
  ]
  const kept = ({ value }: Entry): number | undefined => (numberOf(value) % 7 === 0 ? undefined : numberOf(value) % 50)
  const to = (entry: Entry, copies: readonly Entry[], collection: readonly Entry[]): Entry[] => {
    if (isInner && copies.length === 0) return []
    const of = (entries: readonly Entry[]): unknown => entries.map(({ key, value }) => [key, value])
    return [{ key: entry.key, value: [numberOf(entry.value), of(copies), of(collection)] }]
  }
  return {
    make: (upstream, { query: _query, within: _within, ...basics }) =>
      createView(upstream, {
        ...basics,
        join: {
          each: each.range,
          with: {
            copied: { from: copied.range, on: at, of: ({ value }: Entry) => numberOf(value) },
            collected: {
              from: collected.range,
              on,
              equals,
              by: ({ value }: Entry) => desc(numberOf(value) % 10),
              of: kept,
              limit,
            },
          },
          to: (entry: Entry, met: { readonly copied: readonly Entry[]; readonly collected: readonly Entry[] }) =>
            to(entry, met.copied, met.collected),
        },
      }) as Store,
    expected: (inputs) => {
      const all = inOrder(inputs)
      const side = all.filter((entry) => collected.has(entry.key) && kept(entry) !== undefined)
      const sorted = side
        .map((entry) => ({ ...entry, rank: numberOf(entry.value) % 10, at: equals(entry) }))
        .sort((a, b) => b.rank - a.rank)
      const copies = all.filter(({ key }) => copied.has(key))
      return yielded(
        all.filter(({ key }) => each.has(key)),
        (entry) => {
          const copy = copies.filter(({ key }) => key === at(entry))
          const places = on(entry)
          const met = sorted.filter((other) => other.at.some((place) => places.includes(place))).slice(0, limit)
          return to(
            entry,
            copy.map(({ key, value }) => ({ key, value: numberOf(value) })),
            met.map(({ key, value }) => ({ key, value: kept({ key, value }) })),
          )
        },
      )
    },
    prefixes: (of) => of,
    // What an entry meets stands elsewhere.
    hasSameKeys: false,
  }
}
