import { FanlightError } from '@fanlight/core'

/**
 * Refuses what JSON cannot carry, of a value that was checked by core already.
 *
 * @param key where it is to be kept: for the message
 * @throws BAD_VALUE for bytes and -0
 */
export function assertJsonValue(value: unknown, key: string): void {
  const why = uncarried(value)
  if (why === undefined) return
  throw new FanlightError('BAD_VALUE', `JSON cannot carry what is at ${JSON.stringify(key)}: ${why}`, { keys: [key] })
}

function uncarried(value: unknown): string | undefined {
  if (Object.is(value, -0)) return '-0 would come back as 0: commit 0'
  if (typeof value !== 'object' || value === null) return undefined
  if (value instanceof Uint8Array) return 'bytes have no form in it: commit them as a string, in base64 perhaps'
  for (const member of Object.values(value)) {
    const why = uncarried(member)
    if (why !== undefined) return why
  }
  return undefined
}

/**
 * The value that a text means. -0 becomes 0, since it could not be written back.
 *
 * @param raw is JSON
 */
export function readValue(raw: string): unknown {
  if (!raw.includes('-0')) return JSON.parse(raw)
  return JSON.parse(raw, (_, member: unknown) => (member === 0 ? 0 : member))
}

const token = /"[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*/g
const wholeNumber = /^-?[0-9]{16,}$/

/**
 * A whole number in a text that a double cannot hold, so that it was rounded when it was read.
 *
 * @param raw is JSON
 * @returns the number as it is written; undefined: there is none
 */
export function roundedNumber(raw: string): string | undefined {
  if (!/[0-9]{16}/.test(raw)) return undefined
  for (const [found] of raw.matchAll(token)) {
    if (wholeNumber.test(found) && BigInt(found) !== BigInt(Number(found))) return found
  }
  return undefined
}
