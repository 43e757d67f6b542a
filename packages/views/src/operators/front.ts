import { type Soon, compareKeys, soon } from '@fanlight/core/kit'
import type { Reader } from '../shelf.ts'

/** A member in an order: where it stands, as the rest of a key, and what is shown of it. */
export type Ranked = readonly [place: string, value: unknown]

/** Where an order is kept, and what of it is shown. */
export interface Order {
  /** The key that those of its members begin with, and a `/` behind it. */
  readonly start: string
  readonly reverse: boolean
  readonly size: number
}

/**
 * The members that an order shows, after some left it and some came. Those behind them are looked at only where one of them
 * left, and only as many as that takes: from where those that were shown end, so that it does not matter how many have
 * left before.
 *
 * @param front  those that were shown: all there are, where they are fewer than the order shows
 * @param left   where members stood that left
 * @param joined those that came: one may come where one left
 */
export function frontAfter(
  reader: Reader,
  order: Order,
  front: readonly Ranked[],
  left: ReadonlySet<string>,
  joined: readonly Ranked[],
): Soon<readonly Ranked[]> {
  const { size, reverse } = order
  const stayed = left.size === 0 ? front : front.filter(([place]) => !left.has(place))
  const missing = front.length < size ? 0 : front.length - stayed.length
  // Of those behind, as many may have left as did not leave the front.
  const behind = missing === 0 ? [] : readBehind(reader, order, front, left.size)
  return soon(behind, (next) => {
    if (joined.length === 0 && next.length === 0) return stayed
    const sign = reverse ? -1 : 1
    const all = [...stayed, ...next.filter(([place]) => !left.has(place)), ...joined]
    return all.sort(([a], [b]) => sign * compareKeys(a, b)).slice(0, size)
  })
}

function readBehind(
  reader: Reader,
  { start, reverse }: Order,
  front: readonly Ranked[],
  limit: number,
): Soon<readonly Ranked[]> {
  const last = `${start}/${front.at(-1)?.[0] ?? ''}`
  // After `/` comes `0`, and no key is between one and the same with `\0` behind it.
  const span = reverse ? { lo: `${start}/`, hi: last } : { lo: `${last}\0`, hi: `${start}0` }
  return soon(reader.scan('order', { ...span, limit, reverse }), (entries) =>
    entries.map(({ key, value }): Ranked => [key.slice(start.length + 1), value]),
  )
}
