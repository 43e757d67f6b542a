/**
 * Values as text: JSON where that brings back the same, which is nearly always and what engines are fastest at; else JSON
 * in which bytes and `-0` are written as arrays with a mark.
 *
 * @module
 */
import { Buffer } from 'node:buffer'

/** What `encodeValue` wrote. */
export interface ValueText {
  readonly text: string
  /** Whether the text has marks, and must be read with `decodeMarked`. */
  readonly marked: boolean
}

/** Begins the first element of an array that is not to be taken as it stands. */
const mark = '~'
const bytesMark = '~b'
const minusZeroMark = '~z'
/** The rest of the array is an array whose own first element begins with the mark. */
const arrayMark = '~a'

/** Writes a value that was checked. */
export function encodeValue(value: unknown): ValueText {
  const marked = !isPlain(value)
  return { text: JSON.stringify(marked ? withMarks(value) : value), marked }
}

/** Reads what was written with marks. */
export function decodeMarked(text: string): unknown {
  return withoutMarks(JSON.parse(text))
}

/** Whether JSON brings the value back as it is. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return !Object.is(value, -0)
  if (typeof value !== 'object' || value === null) return true
  if (value instanceof Uint8Array) return false
  if (Array.isArray(value)) return value.every(isPlain)
  for (const name in value) if (!isPlain((value as Members)[name])) return false
  return true
}

type Members = Readonly<Record<string, unknown>>

function withMarks(value: unknown): unknown {
  if (Object.is(value, -0)) return [minusZeroMark]
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) {
    return [bytesMark, Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')]
  }
  if (!Array.isArray(value)) return mapMembers(value as Members, withMarks)
  const items: unknown[] = value.map(withMarks)
  return isMark(value[0]) ? [arrayMark, ...items] : items
}

function isMark(item: unknown): item is string {
  return typeof item === 'string' && item.startsWith(mark)
}

function withoutMarks(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (!Array.isArray(value)) return mapMembers(value as Members, withoutMarks)
  const [first, ...rest] = value as readonly unknown[]
  switch (isMark(first) ? first : undefined) {
    case undefined:
      return value.map(withoutMarks)
    case bytesMark:
      // A copy: small Buffers are views on a pool that others share.
      return Uint8Array.from(Buffer.from(rest[0] as string, 'base64'))
    case minusZeroMark:
      return -0
    default:
      return rest.map(withoutMarks)
  }
}

function mapMembers(object: Members, map: (value: unknown) => unknown): Members {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]))
}
