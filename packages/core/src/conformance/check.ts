/**
 * What the checks of the suite say when they fail. They need no test runner: the fuzzer and other tools use them too.
 *
 * @module
 */
import { type ErrorCode, type FanlightError, isFanlightError } from '../errors.ts'
import type { Entry } from '../store.ts'

/** Fails unless `condition` holds. */
export function ensure(condition: boolean, why: string | (() => string)): asserts condition {
  if (!condition) throw new Error(typeof why === 'string' ? why : why())
}

/** Fails unless two values are the same by content. */
export function same(actual: unknown, expected: unknown, what: string): void {
  ensure(sameValue(actual, expected), () => `${what}: got ${show(actual)}, expected ${show(expected)}`)
}

/** Fails unless the promise rejects with a Fanlight error of one of these codes. */
export async function rejects(promise: Promise<unknown>, ...codes: ErrorCode[]): Promise<FanlightError> {
  return hasCode(await settle(promise), codes)
}

/** Fails unless `work` throws, or rejects, with a Fanlight error of one of these codes. */
export async function fails(work: () => unknown, ...codes: ErrorCode[]): Promise<FanlightError> {
  return hasCode(await settle((async () => work())()), codes)
}

/** What a promise came to. */
export async function settle(promise: Promise<unknown>): Promise<Settled> {
  try {
    return { value: await promise }
  } catch (error) {
    return { error }
  }
}

/** What a promise came to: a value or an error. */
export interface Settled {
  readonly value?: unknown
  readonly error?: unknown
}

function hasCode(settled: Settled, codes: readonly ErrorCode[]): FanlightError {
  ensure('error' in settled, () => `expected ${codes.join(' or ')}, got the answer ${show(settled.value)}`)
  return coded(settled.error, ...codes)
}

/** Fails unless what was caught is a Fanlight error of one of these codes. */
export function coded(error: unknown, ...codes: ErrorCode[]): FanlightError {
  ensure(isFanlightError(error), () => `expected ${codes.join(' or ')}, got ${show(error)}`)
  ensure(codes.includes(error.code), () => `expected ${codes.join(' or ')}, got ${error.code}: ${error.message}`)
  return error
}

/** Whether two values are the same by content: bytes by their bytes, objects by their own members in any order. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return false
    return a.length === b.length && a.every((byte, i) => byte === b[i])
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>]
  const names = Object.keys(left)
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && sameValue(left[name], right[name]))
  )
}

/** Whether two lists hold the same keys with the same values in the same order, whatever else the entries say. */
export function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  return a.length === b.length && a.every(({ key, value }, i) => key === b[i]?.key && sameValue(value, b[i]?.value))
}

/** A value as text, for messages: keys with their escapes, bytes and undefined visible. */
export function show(value: unknown): string {
  if (value instanceof Error) return String(value)
  try {
    return textOf(value).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
  } catch {
    return 'a value that cannot be shown'
  }
}

function textOf(value: unknown): string {
  const text = JSON.stringify(value, (_, member: unknown) => {
    if (member instanceof Map) return [...(member as Map<unknown, unknown>)]
    if (member instanceof Uint8Array) return `bytes ${[...member].join(' ')}`
    const plain =
      member !== undefined && typeof member !== 'bigint' && !(typeof member === 'number' && !Number.isFinite(member))
    return plain ? member : String(member)
  }) as string | undefined
  return text ?? String(value)
}
