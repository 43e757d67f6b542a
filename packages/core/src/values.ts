/**
 * What a value is: what standard MessagePack carries, and brings back the same.
 *
 * @module
 */
import { FanlightError } from './errors.ts'
import { isWellFormed } from './keys/order.ts'
import { defaultLimits } from './limits.ts'

/** Why a value is refused, and on which path of members it was found: filled in on the way out. */
class Refusal {
  readonly why: string
  path = ''

  constructor(why: string) {
    this.why = why
  }

  /** The same refusal, one step further out. */
  inside(step: string): this {
    this.path = step + this.path
    return this
  }
}

/**
 * Checks that something is a value: null, a boolean, a finite number, a well-formed string, bytes (`Uint8Array`), or an
 * array or plain object of values. `-0` is allowed, and may come back as `0`: MessagePack packers write it so.
 * Of an array only the elements count, of an object only what `Object.keys` tells.
 *
 * @param depthMax how deep arrays and objects may nest: `[[1]]` is two deep. Checked before walking deeper, so that a
 *   cycle or 200,000 arrays in each other are refused as any other value that is too deep
 * @returns about how many bytes it takes
 * @throws BAD_VALUE, which names the place
 */
export function checkValue(value: unknown, depthMax: number = defaultLimits.valueDepth): number {
  if (typeof value === 'string' && isWellFormed(value)) return value.length + 2
  if (typeof value === 'number' && Number.isFinite(value)) return 9
  try {
    return check(value, depthMax)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { path, why } = error
    throw new FanlightError('BAD_VALUE', path === '' ? why : `at ${path.slice(0, pathShown)}: ${why}`)
  }
}

/** So much of a path is told: names may be long. */
const pathShown = 200

function check(value: unknown, depth: number): number {
  switch (typeof value) {
    case 'string':
      if (isWellFormed(value)) return value.length + 2
      throw new Refusal('a string must be well-formed text: this one holds half of a surrogate pair')
    case 'number':
      if (Number.isFinite(value)) return 9
      throw new Refusal(`${value} is no value: numbers must be finite`)
    case 'boolean':
      return 1
    case 'object':
      return value === null ? 1 : checkObject(value, depth)
    default:
      throw new Refusal(advice[typeof value] ?? `a ${typeof value} is no value`)
  }
}

/** What to do instead, for what is refused by its type alone. */
const advice: Readonly<Record<string, string>> = {
  undefined: 'undefined is no value: leave the member out, or use null',
  bigint: 'a bigint is no value: use a number or a string',
  function: 'a function is no value: leave the member out, or keep what it returns',
  symbol: 'a symbol is no value: use a string',
}

function checkObject(value: object, depth: number): number {
  if (value instanceof Uint8Array) return value.byteLength + 5
  if (depth <= 0) throw new Refusal('this is nested too deep, or holds itself')
  if (Array.isArray(value)) return checkArray(value, depth - 1)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return checkMembers(value as Members, depth - 1)
  throw new Refusal(`${nameOf(value)} is no value: use plain objects, arrays, strings, numbers and bytes (Uint8Array)`)
}

type Members = Readonly<Record<string, unknown>>

function nameOf(value: object): string {
  const { constructor } = value
  return typeof constructor === 'function' && constructor.name !== ''
    ? `a ${constructor.name}`
    : 'an instance of a class'
}

function checkArray(array: readonly unknown[], depth: number): number {
  let bytes = 5
  let i = 0
  try {
    // A hole reads as undefined, and is refused as such.
    for (; i < array.length; i++) bytes += check(array[i], depth)
  } catch (error) {
    throw error instanceof Refusal ? error.inside(`[${i}]`) : error
  }
  return bytes
}

function checkMembers(object: Members, depth: number): number {
  let bytes = 5
  let at = ''
  try {
    if (Object.getOwnPropertySymbols(object).length > 0)
      throw new Refusal('members are named by strings, not by symbols')
    for (const name in object) {
      at = `.${name}`
      if (name === '__proto__') throw new Refusal('a member may not be called __proto__: decoders rename or refuse it')
      if (!isWellFormed(name)) throw new Refusal('the name of a member must be well-formed text')
      const property = Object.getOwnPropertyDescriptor(object, name)
      if (property === undefined || !('value' in property))
        throw new Refusal('a member must be plain data, not a getter')
      bytes += name.length + 2 + check(property.value, depth)
    }
  } catch (error) {
    throw error instanceof Refusal ? error.inside(at) : error
  }
  return bytes
}

/**
 * Whether two values are the same, by structure: the order of members does not count, bytes are compared as bytes, and
 * `-0` is `0`. Both must have passed {@link checkValue}.
 */
export function valuesEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && listsEqual(a, b)
  }
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && listsEqual(a, b)
  return membersEqual(a as Members, b as Members)
}

function listsEqual(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!valuesEqual(a[i], b[i])) return false
  return true
}

function membersEqual(a: Members, b: Members): boolean {
  const names = Object.keys(a)
  if (names.length !== Object.keys(b).length) return false
  // What `b` lacks reads as undefined or as a method of the prototype, which equal no value.
  for (const name of names) if (!valuesEqual(a[name], b[name])) return false
  return true
}
