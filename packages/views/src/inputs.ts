import { mergeSpans, readQuery, type Soon, all, soon } from '@fanlight/core/kit'
import type { Taken } from './follower.ts'
import type { Mapping, Yielded } from './mapping.ts'
import type { Inputs } from './plan.ts'
import type { Reader } from './shelf.ts'

/**
 * What changed at which inputs, by an update.
 *
 * @param reader what the view keeps: where a span is replaced, whatever it held there and is not told of is gone
 * @throws MapFailure
 */
export function inputsOf({ replace, changes }: Taken, reader: Reader, mapping: Mapping): Soon<Inputs> {
  const told = new Map<string, readonly Yielded[]>()
  for (const entry of replace?.entries ?? []) told.set(entry.key, mapping.of(entry))
  for (const change of changes) told.set(change.key, change.gone === true ? [] : mapping.of(change))
  if (replace === undefined) return told
  const spans = mergeSpans(readQuery(replace.ranges, Infinity).list)
  const held = spans.map((span) => reader.scan('in', span))
  return soon(all(held), (lists) => {
    for (const { key } of lists.flat()) if (!told.has(key)) told.set(key, [])
    return told
  })
}
