/**
 * Where texts fall among the ids of one kind: a range of keys begins and ends at any text, an index at ids.
 *
 * @module
 */
import { ObjectId, UUID } from 'mongodb'
import { type DocumentId, dashed, idOf } from './id-text.ts'
import { numberText, wholeOf } from './number-text.ts'

/** A place among the ids of a kind: right before an id, or right after it. */
export interface Cut {
  readonly id: DocumentId
  readonly after: boolean
}

/** Right before an id. */
export function before(id: DocumentId): Cut {
  return { id, after: false }
}

/** Right after an id. */
export function after(id: DocumentId): Cut {
  return { id, after: true }
}

/** One of the ways to write a character that is escaped, or a `0` that ends the string: in the order of the texts. */
const escapes = [
  ['0!', '!'],
  ['0.d', '.'],
  ['0.s', '/'],
  ['0.z', '0'],
] as const

/** The first escape of all, that of `\0`: what comes before it comes before all that goes on. */
const firstEscape = '0 @'

/** A run of characters that stand for themselves, or one that is escaped. A `0` stands for itself where more follows. */
const token = /((?:[1-\uffff]|0(?=[0-\uffff]))+)|0 ([@-`])|0([!--])|0\.([ds])/y

/** Where a text falls among strings: those whose texts are below it lie before the cut. */
export function cutStrings(text: string): Cut {
  if (text <= '.') return before('')
  let id = ''
  let at = 0
  for (;;) {
    token.lastIndex = at
    const found = token.exec(text)
    if (found === null) break
    id += meant(found)
    at = token.lastIndex
  }
  return cutBehind(id, text.slice(at))
}

function meant([, plain, control, low, letter]: RegExpExecArray): string {
  if (control !== undefined) return String.fromCharCode(control.charCodeAt(0) - 0x40)
  return plain ?? low ?? (letter === 'd' ? '.' : '/')
}

/** The cut where a text goes on behind a string with what is no escape, or only a part of one. */
function cutBehind(id: string, rest: string): Cut {
  if (rest === '') return before(id)
  if (rest < firstEscape) return after(id)
  const next = escapes.find(([escape]) => escape >= rest)
  return next === undefined ? after(`${id}0`) : before(id + next[1])
}

/** Where a text falls among numbers. */
export function cutNumbers(text: string): Cut {
  return cutAtId(text) ?? searchNumbers(text)
}

/** Where a text falls among ObjectIds. */
export function cutObjectIds(text: string): Cut {
  return cutAtId(text) ?? searchHex(24, text, (hex) => `$${hex}`)
}

/** Where a text falls among UUIDs. */
export function cutUuids(text: string): Cut {
  return cutAtId(text) ?? searchHex(32, text, dashed)
}

/** The cuts that nearly all bounds are: at the text of an id, and right behind it, which is how `gt` and `lte` come. */
function cutAtId(text: string): Cut | undefined {
  const isBehind = text.endsWith('\0')
  const id = idOf(isBehind ? text.slice(0, -1) : text)
  return id === undefined ? undefined : { id, after: isBehind }
}

// All other bounds are searched for by halves. That needs no care for what may be wrong with a text, only that texts are
// in the order of ids; and it takes some dozen steps, which is nothing to asking MongoDB.

/** The first of the whole numbers from `first` to `last` that is so, as are all after it; `last + 1n`: none is. */
function search(first: bigint, last: bigint, isSo: (one: bigint) => boolean): bigint {
  let [low, high] = [first, last + 1n]
  while (low < high) {
    const middle = (low + high) >> 1n
    if (isSo(middle)) high = middle
    else low = middle + 1n
  }
  return low
}

function searchHex(digits: 24 | 32, text: string, textOf: (hex: string) => string): Cut {
  const last = 16n ** BigInt(digits) - 1n
  const hexOf = (id: bigint): string => id.toString(16).padStart(digits, '0')
  const found = search(0n, last, (id) => textOf(hexOf(id)) >= text)
  const hex = hexOf(found > last ? last : found)
  return { id: digits === 24 ? new ObjectId(hex) : new UUID(hex), after: found > last }
}

/** The bits of the greatest double. Below, bits are in the order of the doubles from 0 on. */
const greatestBits = 0x7fef_ffff_ffff_ffffn

const bits = new DataView(new ArrayBuffer(8))

/** All finite doubles in order, counted from 0 both ways. */
function doubleAt(place: bigint): number {
  bits.setBigInt64(0, place < 0n ? -place : place)
  const size = bits.getFloat64(0)
  return place < 0n ? -size : size
}

function searchNumbers(text: string): Cut {
  const isFrom = (number: number | bigint): boolean => numberText(number) >= text
  const place = search(-greatestBits, greatestBits, (at) => isFrom(doubleAt(at)))
  if (place > greatestBits) return after(Number.MAX_VALUE)
  const high = doubleAt(place)
  const low = place === -greatestBits ? high : doubleAt(place - 1n)
  if (high - low <= 1 || low < -longsEnd || high > longsEnd) return before(high)
  // Between two doubles of that size there are numbers that only a Long carries.
  const whole = search(BigInt(low) + 1n, BigInt(high) - 1n, isFrom)
  return before(wholeOf(whole) ?? high)
}

/** The first whole number above all of 64 bits. */
const longsEnd = 2 ** 63
