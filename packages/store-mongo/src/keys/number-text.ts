/**
 * Numbers in keys of documents. They are written as core's `key(...)` writes them, `#b42` or `#-Lx~`, but whole numbers
 * from 2^53 on with all of their digits: so that those of the 64 bits of a Long are told apart, and stand in order with
 * the doubles among them.
 *
 * @module
 */
import { key, parts } from '@fanlight/core'
import { Long } from 'mongodb'

/** From here on doubles are whole, and not every whole number is a double. */
const wholeFrom = 2 ** 53

/** From so many digits on, the number of them is written in digits. */
const manyDigits = 26

/** A whole number that may be 2^53 or more: a head that says how many digits there are, and the digits. */
const wholeText = /^(?:z[0-9]{3}|[p-y])([0-9]{16,309})$/

/** The text of a finite number, with the `#` that begins it. */
export function numberText(number: number | bigint): string {
  if (number > -wholeFrom && number < wholeFrom) return key(Number(number))
  const whole = BigInt(number)
  return whole < 0 ? `#-${complement(encodeWhole(-whole))}~` : `#${encodeWhole(whole)}`
}

function encodeWhole(whole: bigint): string {
  const digits = String(whole)
  const { length } = digits
  return length < manyDigits
    ? String.fromCharCode(0x60 + length) + digits
    : `z${String(length).padStart(3, '0')}${digits}`
}

/** Turns the order of the characters from `0` to `}` around, as core does for numbers below 0. */
function complement(text: string): string {
  return text.replace(/[0-}]/g, (character) => String.fromCharCode(0xad - character.charCodeAt(0)))
}

/** The number that is written so: a Long where no double carries it; undefined: `numberText` writes none so. */
export function numberOf(text: string): number | Long | undefined {
  const below = text.startsWith('#-')
  const digits = wholeText.exec(below ? complement(text.slice(2, -1)) : text.slice(1))?.[1]
  const number = digits === undefined ? partOf(text) : wholeOf(below ? -BigInt(digits) : BigInt(digits))
  const isWritten = number !== undefined && text === numberText(typeof number === 'number' ? number : bigintOf(number))
  return isWritten ? number : undefined
}

function partOf(text: string): number | undefined {
  try {
    const [part] = parts(text)
    return typeof part === 'number' ? part : undefined
  } catch {
    return undefined
  }
}

/** A whole number as a double where one carries it, else as a Long; undefined where neither does. */
export function wholeOf(whole: bigint): number | Long | undefined {
  const near = Number(whole)
  if (Number.isFinite(near) && BigInt(near) === whole) return near
  return isInt64(whole) ? Long.fromBigInt(whole) : undefined
}

/** What a Long holds, one of another copy of the driver too. */
export function bigintOf(long: Pick<Long, 'toString'>): bigint {
  return BigInt(long.toString())
}

/** Whether MongoDB has room for it: beyond that the driver cuts bits off. */
export function isInt64(whole: bigint): boolean {
  return BigInt.asIntN(64, whole) === whole
}
