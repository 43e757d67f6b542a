import type { Entry, Range } from '@fanlight/core'
import { mergeSpans, readQuery, type Soon, all, soon } from '@fanlight/core/kit'
import type { Taken } from './follower.ts'
import type { Area, Reader } from './shelf.ts'

/**
 * What changed at which inputs, by an update.
 *
 * @param reader what the view keeps: where a span is replaced, whatever it held there and is not told of is gone
 * @param area   where it keeps what inputs yielded, by their keys
 * @param of     what an input yields
 * @param none   what an input yields that is gone
 * @throws MapFailure, where `of` does
 */
export function inputsOf<Y>(
  { replace, changes }: Taken,
  reader: Reader,
  area: Area,
  of: (entry: Pick<Entry, 'key' | 'value'>) => Y,
  none: Y,
): Soon<ReadonlyMap<string, Y>> {
  const told = new Map<string, Y>()
  for (const entry of replace?.entries ?? []) told.set(entry.key, of(entry))
  for (const change of changes) told.set(change.key, change.gone === true ? none : of(change))
  if (replace === undefined) return told
  return soon(heldIn(replace.ranges, reader, area), (held) => {
    for (const { key } of held) if (!told.has(key)) told.set(key, none)
    return told
  })
}

/** What a view keeps of the inputs in some ranges. */
export function heldIn(ranges: readonly Range[], reader: Reader, area: Area): Soon<readonly Entry[]> {
  const spans = mergeSpans(readQuery(ranges, Infinity).list)
  const held = spans.map((span) => reader.scan(area, span))
  return soon(all(held), (lists) => lists.flat())
}
