/**
 * The order of keys: by Unicode code point, which is the order of their UTF-8 bytes.
 *
 * @module
 */
import { FanlightError } from '../errors.ts'

/** The first unit whose order in UTF-16 and in UTF-8 may differ: the first surrogate. */
const astralFrom = 0xd800

/** Where surrogates end, and the units begin that UTF-16 sorts above them although their code points are below. */
const surrogatesEnd = 0xe000

/**
 * Compares two keys by Unicode code point, as LevelDB and MongoDB order them. Plain `<` on strings compares UTF-16
 * units and puts U+1F600 before U+FFFD; this does not.
 *
 * @returns below 0 where `a` comes first, 0 where they are the same key, above 0 where `b` comes first
 */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0
  // The two orders differ only where units from U+D800 up meet, and so only where both keys have one. Looking for one
  // is faster than a walk over both keys, and `<` is faster still.
  if (astral.test(a) && astral.test(b)) return comparePoints(a, b)
  return a < b ? -1 : 1
}

const astral = /[\ud800-\uffff]/

/**
 * Compares two keys of which one at the most holds a unit from U+D800 up: there plain comparison is the order of code
 * points, and several times faster. See `isAstralKey`.
 */
export function compareUnits(a: string, b: string): number {
  return a < b ? -1 : a === b ? 0 : 1
}

function comparePoints(a: string, b: string): number {
  const length = a.length < b.length ? a.length : b.length
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return left >= astralFrom && right >= astralFrom ? rank(left) - rank(right) : left - right
  }
  return a.length - b.length
}

/** Puts surrogates, which stand for code points above U+FFFF, after all other units. */
function rank(unit: number): number {
  return unit < surrogatesEnd ? unit + 0x2800 : unit
}

/**
 * A key without its first units, as a string of its own. What `slice` gives is a view into the whole key from 13 units on,
 * and V8 compares such views an order of magnitude more slowly: a point read of a tree takes twice as long.
 */
export function cutKey(key: string, units: number): string {
  return key.length - units < 13 ? key.slice(units) : `${key[units]}${key.slice(units + 1)}`
}

/**
 * Whether a key holds a unit from U+D800 up. Keys without one are in the same order under plain `<`, which is faster: a
 * store may use that until the first such key or bound comes, and need not rebuild anything then.
 */
export function isAstralKey(key: string): boolean {
  return astral.test(key)
}

/**
 * Checks that something is a key: any well-formed string, `''` and `'__proto__'` included.
 *
 * @throws BAD_KEY where it is no string, or holds half of a surrogate pair
 */
export function assertKey(key: unknown): asserts key is string {
  if (typeof key !== 'string' || !isWellFormed(key)) throw badKey(whyNoKey(key))
}

/** What is wrong with something that is no key. */
export function whyNoKey(key: unknown): string {
  return typeof key === 'string'
    ? 'a key must be well-formed text: this one holds half of a surrogate pair'
    : `a key must be a string, not ${key === null ? 'null' : typeof key}`
}

/** Makes the error for a key that is none. */
export function badKey(message: string, keys?: readonly string[]): FanlightError {
  return new FanlightError('BAD_KEY', message, { keys })
}

/** Whether a string holds no lone surrogate, and so has a form in UTF-8. */
export function isWellFormed(text: string): boolean {
  return (text as WellFormable).isWellFormed()
}

/** The library of ES2023 does not declare the method yet; Node 20 and the browsers of 2023 have it. */
type WellFormable = string & { isWellFormed(): boolean }
