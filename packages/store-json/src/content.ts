import {
  type Change,
  type DriverCommit,
  FanlightError,
  type Written,
  checkValue,
  isFanlightError,
  valuesEqual,
} from '@fanlight/core'
import { assertKey } from '@fanlight/core/kit'
import { JsonDocument } from './document.ts'
import { assertJsonValue, readValue, roundedNumber } from './json-values.ts'
import { pathAt } from './paths.ts'
import { tooLarge } from './reading.ts'

/** How the content of a file is understood. */
export interface ContentOptions {
  readonly path: string
  readonly depth: number
  readonly rounding: 'allow' | 'refuse'
  readonly bytesMax: number
  readonly valueDepth: number
}

/** What a file holds, or what it will hold. */
export interface Content {
  /** undefined: there is no file. */
  readonly bytes: Uint8Array | undefined
  readonly document: JsonDocument
}

/**
 * Understands the content of a file.
 *
 * @throws CORRUPT where it is no JSON object
 */
export function parseContent(bytes: Uint8Array | undefined, { depth, path }: ContentOptions): Content {
  if (bytes === undefined) return { bytes, document: JsonDocument.empty(depth) }
  try {
    return { bytes, document: JsonDocument.parse(decode(bytes), depth) }
  } catch (error) {
    throw isFanlightError(error)
      ? new FanlightError(error.code, `${path}: ${error.message}`, { cause: error.cause })
      : error
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new FanlightError('CORRUPT', 'it is no text in UTF-8', { cause })
  }
}

/**
 * What differs between two contents. Only values whose text differs are read.
 *
 * @throws BAD_VALUE, BAD_KEY where the new content holds what a store cannot
 */
export function differences(before: Content, after: Content, options: ContentOptions): Change[] {
  const { path } = options
  try {
    return differencesOf(before.document.leaves(), after.document.leaves(), options)
  } catch (error) {
    throw isFanlightError(error)
      ? new FanlightError(error.code, `${path}: ${error.message}`, { keys: error.keys })
      : error
  }
}

function differencesOf(old: Map<string, string>, now: Map<string, string>, options: ContentOptions): Change[] {
  const changes: Change[] = []
  for (const [key, raw] of now) {
    const former = old.get(key)
    old.delete(key)
    if (former === raw) continue
    assertKey(key)
    const value = valueOf(key, raw, options)
    if (former === undefined || !valuesEqual(readValue(former), value)) changes.push({ key, value })
  }
  for (const key of old.keys()) changes.push({ key, gone: true })
  return changes
}

function valueOf(key: string, raw: string, { rounding, valueDepth }: ContentOptions): unknown {
  const place = `at ${JSON.stringify(key)}`
  const rounded = rounding === 'refuse' ? roundedNumber(raw) : undefined
  if (rounded !== undefined) {
    const message = `${place}: ${rounded} is more exact than a number can be: write it as a string`
    throw new FanlightError('BAD_VALUE', message, { keys: [key] })
  }
  const value = readValue(raw)
  try {
    checkValue(value, valueDepth)
  } catch (error) {
    throw isFanlightError(error) ? new FanlightError(error.code, `${place}: ${error.message}`, { keys: [key] }) : error
  }
  return value
}

/**
 * Refuses changes that no document can hold, whatever is in it.
 *
 * @throws BAD_KEY, BAD_VALUE
 */
export function assertCarried(changes: readonly Change[], depth: number): void {
  for (const change of changes) {
    const path = pathAt(change.key, depth)
    if (change.gone === true) continue
    assertJsonValue(change.value, change.key)
    if (path.length < depth && isObject(change.value)) {
      const message = `with depth ${depth} the members of an object at ${JSON.stringify(change.key)} are keys: commit each`
      throw new FanlightError('BAD_VALUE', message, { keys: [change.key] })
    }
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Applies commits to a document, each whole or not at all.
 *
 * @param document is changed
 * @param bytes    its size
 * @returns what became of each
 */
export function changeAll(
  document: JsonDocument,
  commits: readonly DriverCommit[],
  bytes: number,
  { path, bytesMax }: ContentOptions,
): Written[] {
  let size = bytes
  return commits.map(({ changes }) => {
    try {
      const growth = document.growth(changes)
      // What makes a file smaller is always welcome.
      if (growth > 0 && size + growth > bytesMax) throw tooLarge(path, size + growth, bytesMax)
      document.change(changes)
      size += growth
      return undefined
    } catch (error) {
      if (!isFanlightError(error)) throw error
      return error
    }
  })
}
