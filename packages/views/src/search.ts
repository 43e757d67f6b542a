import { type Range, key as keyOf } from '@fanlight/core'
import { prefixEnd } from '@fanlight/core/kit'

/** Marks above and below letters, in the blocks that Unicode has for them: vowel signs of Indic scripts are none. */
const diacritics = /[\u0300-\u036f]|[\u1ab0-\u1aff]|[\u1dc0-\u1dff]|[\u20d0-\u20ff]|[\ufe20-\ufe2f]/g

/**
 * A text as people search for it: in compatible forms (NFKD), without diacritics, and without a difference between upper and
 * lower case. What is written in two of these ways comes out as one. It depends on the tables of Unicode that the
 * JavaScript engine has: a view that is kept, and shared by several releases of it, should hold assigned characters only.
 *
 * @param text any text
 *
 * @example
 * ```ts
 * import { searchKey } from '@fanlight/views'
 *
 * console.log(searchKey('Ångström'), searchKey('STRASSE') === searchKey('Straße')) // angstrom true
 * ```
 */
export function searchKey(text: string): string {
  // Upper case first: it brings together what has one capital only, as `ß` and `ss`, or the two small sigmas.
  const folded = text.normalize('NFKD').replace(diacritics, '').toUpperCase().toLowerCase()
  return folded.normalize('NFKD').replace(diacritics, '').replaceAll('ς', 'σ')
}

/**
 * The range of an index by `searchKey` in which the entries are whose text begins with what was typed.
 *
 * @param typed any text; it is brought into the form of `searchKey`
 *
 * @example
 * ```ts
 * import { createMemoryStore, put } from '@fanlight/core'
 * import { createView, indexed, searchKey, searchRange } from '@fanlight/views'
 *
 * const people = createMemoryStore<{ '': { name: string } }>()
 * const byName = createView(people, { map: (entry) => indexed(entry, searchKey(entry.value.name)) })
 * const min = await people.commit([put('1', { name: 'Élodie' }), put('2', { name: 'Elodia' }), put('3', { name: 'Emil' })])
 * const { entries } = await byName.fetch(searchRange('ELÓ'), { min })
 * console.log(entries.map(({ value }) => value.name)) // [ 'Elodia', 'Élodie' ]
 * await byName.close()
 * ```
 */
export function searchRange(typed: string): Range {
  const text = searchKey(typed)
  const end = prefixEnd(text)
  return { gte: keyOf(text), ...(end === undefined ? {} : { lt: keyOf(end) }) }
}
