import type { Entry, Store } from '@fanlight/core'
import { createView } from '@fanlight/views'
import type { Chance } from '../chance.ts'
import { type Recipe, inOrder, yielded } from './recipe.ts'

/** What a view of the fuzzer makes of an entry: some are left out, some become two, some meet at one key. */
type Kind = 'same' | 'filter' | 'rekey' | 'two' | 'meet'

/**
 * A view that makes something of each entry.
 *
 * @param numberOf the number that goes with a value
 */
export function mapRecipe(chance: Chance, numberOf: (value: unknown) => number, hasSameKeys: boolean): Recipe {
  const kinds: readonly Kind[] = hasSameKeys ? ['same', 'filter'] : ['same', 'filter', 'rekey', 'two', 'meet']
  const kind = chance.pick(kinds)
  const map = (entry: Entry): Entry[] => mapped(kind, entry, numberOf)
  return {
    make: (upstream, basics) => createView(upstream, { ...basics, map }) as Store,
    expected: (inputs) => yielded(inOrder(inputs), map),
    prefixes: (of) => (kind === 'two' ? ['a', 'b'] : kind === 'meet' ? ['m'] : kind === 'rekey' ? [''] : of),
    hasSameKeys: kind === 'same' || kind === 'filter',
  }
}

function mapped(kind: Kind, { key, value }: Entry, numberOf: (value: unknown) => number): Entry[] {
  if (kind === 'same') return [{ key, value }]
  if (kind === 'filter') return numberOf(value) % 2 === 0 ? [{ key, value }] : []
  // The last character, not its last unit: half of a surrogate pair is no key.
  if (kind === 'rekey') return [{ key: `${Array.from(String(value)).at(-1) ?? ''}/${key}`, value: [value, key] }]
  if (kind === 'two')
    return [
      { key: `a${key}`, value },
      { key: `b${key}`, value },
    ]
  return [{ key: `m${numberOf(value) % 5}`, value: key }]
}
