/**
 * Keys made of parts, so that their order is the order of the parts.
 *
 * A part of plain text stands in the key as it is, and `/` stands between parts. For the order to be that of the parts,
 * `'a'` followed by any part must come before `'a!'`: so every character up to `/` is written as one that comes after
 * `/`, which leaves `0` to begin it with, and a `0` that ends a part is marked. The other kinds of parts begin with a
 * character below `/`, which no text begins with:
 *
 * | part | written | |
 * | --- | --- | --- |
 * | `null`, `false`, `true` | `!`, `!f`, `!t` | |
 * | a number | `#b42`, `#a3p5`, `#0p05` | `b`: two digits before the point `p` |
 * | a number below 0 | `#-Lx~` (-5) | the characters of the positive number complemented, then `~` |
 * | `desc(...)` | `-` ... | strings as complemented UTF-8 in hex, numbers negated |
 * | `''` | `.` | |
 * | text | `ann`, `a0-b`, `100.z` | `0-` for `-` and so on, `0.z` for a `0` at the end |
 *
 * The table is in order: null, false, true, numbers, descending parts, strings.
 *
 * @module
 */
import { assertKey, badKey } from './order.ts'

/** What a key can be made of, in ascending order. */
export type PlainPart = string | number | boolean | null

/** A part in descending order: what `desc` makes. */
export interface Desc {
  readonly desc: PlainPart
}

/** A part of a key. */
export type KeyPart = PlainPart | Desc

/** The text of a key as far as its parts are known when it is compiled: `key('users', id)` is `users/${string}`. */
export type KeyText<P extends readonly KeyPart[]> = P extends readonly [infer A extends string, ...infer Rest]
  ? IsPlain<A> extends true
    ? Rest extends readonly [KeyPart, ...KeyPart[]]
      ? `${A}/${KeyText<Rest>}`
      : Rest extends readonly []
        ? A
        : string
    : string
  : string

/** Whether a part is known and stands in the key as it is. */
type IsPlain<A extends string> = string extends A
  ? false
  : A extends '' | `${string}0` | `${string}${Low}${string}`
    ? false
    : true

type Low = ' ' | '!' | '"' | '#' | '$' | '%' | '&' | "'" | '(' | ')' | '*' | '+' | ',' | '-' | '.' | '/'

/**
 * Makes a key of parts. Keys are in the order of their parts: `null`, `false`, `true`, numbers by size, descending
 * parts, strings by code point; and a key comes right before those that go on with further parts. A key and `/` are the
 * prefix of just those: `prefix(key('users') + '/')`.
 *
 * Text of characters from `0` up, not ending in `0`, stands in the key as it is, and so can be written by hand:
 * `key('users', 'ann')` is `users/ann`. All other text is escaped: `key('by-name')` is `by0-name`.
 *
 * @param parts strings (any well-formed text, `/` and `\0` included), finite numbers (`-0` is `0`), booleans, null, and
 *   what `desc` makes; no parts make the key `''`
 * @throws BAD_KEY for lone surrogates, NaN, infinite numbers and parts of other kinds
 * @example
 * ```ts
 * import { desc, key, parts } from '@fanlight/core'
 *
 * console.log(key('users', 'ann')) // users/ann
 * console.log(key('posts', 9) < key('posts', 10)) // true
 * console.log(key('posts', desc(9)) < key('posts', desc(10))) // false
 * console.log(parts(key('posts', 9, 'a/b'))) // [ 'posts', 9, 'a/b' ]
 * ```
 */
export function key<const P extends readonly KeyPart[]>(...parts: P): KeyText<P> {
  return parts.map(encodePart).join('/') as KeyText<P>
}

/**
 * Reverses the order of one part of a key: `key('posts', desc(time))` puts the newest first.
 *
 * @param part a string, a finite number, a boolean or null
 */
export function desc(part: PlainPart): Desc {
  return { desc: part }
}

/**
 * The parts that a key was made of. A descending part comes back plain: `parts(key(desc(5)))` is `[5]`.
 *
 * @throws BAD_KEY where it is no key that `key` makes
 */
export function parts(key: string): PlainPart[] {
  assertKey(key)
  if (key === '') return []
  return key.split('/').map((text) => {
    const part = decodePart(text)
    if (part === undefined || encodePart(part) !== text) {
      throw badKey(`this key was not made by key(...): ${JSON.stringify(text)} is no part`, [key])
    }
    return isDesc(part) ? part.desc : part
  })
}

function isDesc(part: unknown): part is Desc {
  return typeof part === 'object' && part !== null && 'desc' in part
}

function encodePart(part: KeyPart): string {
  if (typeof part === 'string') return encodeText(part)
  if (typeof part === 'number') return `#${encodeNumber(part)}`
  if (isDesc(part)) return `-${encodeDesc(part.desc)}`
  return encodeWord(part)
}

function encodeWord(part: unknown): string {
  if (part === null) return '!'
  if (part === false) return '!f'
  if (part === true) return '!t'
  throw badKey(`a part of a key is a string, a number, a boolean, null or desc(...), not ${typeof part}`)
}

/** undefined, or a part that is encoded as something else: the text is no part. */
function decodePart(text: string): KeyPart | undefined {
  switch (text[0]) {
    case '!':
      return decodeWord(text)
    case '#':
      return decodeNumber(text.slice(1))
    case '-':
      return decodeDesc(text.slice(1))
    default:
      return decodeText(text)
  }
}

function decodeWord(text: string): PlainPart | undefined {
  return text === '!' ? null : text === '!f' ? false : text === '!t' ? true : undefined
}

/** A character up to `/`. */
const low = /[^0-\uffff]/

function encodeText(text: string): string {
  assertKey(text)
  if (text === '') return '.'
  const escaped = low.test(text) ? text.replace(/[^0-\uffff]/g, escapeLow) : text
  return text.endsWith('0') ? `${escaped}.z` : escaped
}

/** Two or three characters that begin with `0`, in the order of what they stand for. */
function escapeLow(character: string): string {
  if (character <= ' ') return `0 ${String.fromCharCode(character.charCodeAt(0) + 0x40)}`
  return character === '.' ? '0.d' : character === '/' ? '0.s' : `0${character}`
}

function decodeText(text: string): string {
  return text === '.' ? '' : text.replace(/0(?: ([@-`])|([!--])|\.([dsz]))/g, unescapeLow)
}

function unescapeLow(_: string, control?: string, low?: string, letter?: string): string {
  if (control !== undefined) return String.fromCharCode(control.charCodeAt(0) - 0x40)
  return low ?? (letter === 'd' ? '.' : letter === 's' ? '/' : '0')
}

/** From so many digits before the point the number of them is written in digits. */
const manyDigits = 26

/** Digits that are in order as text: what comes first says how many stand before the point, which is written `p`. */
function encodeNumber(number: number): string {
  if (!Number.isFinite(number)) throw badKey(`a number in a key must be finite, not ${number}`)
  if (number === 0) return '0'
  if (number < 0) return `-${complement(encodeNumber(-number))}~`
  const [mantissa = '', exponent] = number.toExponential().split('e')
  const digits = mantissa.replace('.', '')
  const before = Number(exponent) + 1
  if (before <= 0) return `0p${'0'.repeat(-before)}${digits}`
  const head = before < manyDigits ? String.fromCharCode(0x60 + before) : `z${String(before).padStart(3, '0')}`
  const whole = digits.slice(0, before).padEnd(before, '0')
  return digits.length > before ? `${head}${whole}p${digits.slice(before)}` : head + whole
}

function decodeNumber(text: string): number | undefined {
  if (text.startsWith('-')) {
    const number = decodeNumber(complement(text.slice(1, -1)))
    return number === undefined ? undefined : -number
  }
  const [, digits = ''] = /^(?:z[0-9]{3}|[a-y]|(?=0))([0-9]+(?:p[0-9]+)?)$/.exec(text) ?? []
  const number = digits === '' ? NaN : Number(digits.replace('p', '.'))
  return Number.isFinite(number) ? number : undefined
}

/** Turns the order of the characters from `0` to `}` around. Below it is `~`, which ends a complemented text. */
function complement(text: string): string {
  return text.replace(/[0-}]/g, (character) => String.fromCharCode(0xad - character.charCodeAt(0)))
}

function encodeDesc(part: PlainPart): string {
  if (typeof part === 'string') return `!${encodeBytes(part)}~`
  if (typeof part === 'number') return `#${encodeNumber(-part)}`
  const rank = descending.indexOf(encodeWord(part))
  return String(rank)
}

/** Words in descending order: each is written as its index here. */
const descending: readonly string[] = ['!t', '!f', '!']

function decodeDesc(text: string): Desc | undefined {
  const part = decodeDescPart(text)
  return part === undefined ? undefined : { desc: part }
}

function decodeDescPart(text: string): PlainPart | undefined {
  if (text.startsWith('!')) return decodeBytes(text.slice(1, -1))
  if (!text.startsWith('#')) return decodeWord(descending[Number(text)] ?? '')
  const number = decodeNumber(text.slice(1))
  return number === undefined ? undefined : 0 - number
}

/** UTF-8, each byte complemented: ASCII, so that keys stay in the order of plain `<`. */
function encodeBytes(text: string): string {
  assertKey(text)
  let hex = ''
  for (const byte of new TextEncoder().encode(text)) hex += (255 - byte).toString(16).padStart(2, '0')
  return hex
}

function decodeBytes(hex: string): string {
  const bytes = (hex.match(/../g) ?? []).map((pair) => 255 - Number.parseInt(pair, 16))
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))
}
