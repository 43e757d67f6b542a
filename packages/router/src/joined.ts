import type { SourceId } from '@fanlight/core'

/** The values of a store's sources with that of the table of mounts: one source is by far the most common. */
export function joined<V>(
  values: { readonly [id: SourceId]: V },
  source: SourceId,
  own: V,
): { readonly [id: SourceId]: V } {
  let first: SourceId | undefined
  for (const id in values) {
    if (first !== undefined) return { ...values, [source]: own }
    first = id
  }
  return first === undefined ? { [source]: own } : { [first]: values[first] as V, [source]: own }
}

/**
 * The same, which gives the last result again where it is asked for again: a store whose versions have not moved hands out
 * one object for all its answers.
 */
export class Joiner {
  #values: object | undefined
  #own: number | undefined
  #result: { readonly [id: SourceId]: number } = {}

  join(
    values: { readonly [id: SourceId]: number },
    source: SourceId,
    own: number,
  ): { readonly [id: SourceId]: number } {
    if (values !== this.#values || own !== this.#own) {
      this.#result = joined(values, source, own)
      this.#values = values
      this.#own = own
    }
    return this.#result
  }
}
