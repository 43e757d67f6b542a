/**
 * An `_id` as the text that stands for it in keys. The first character tells the kind, and texts are in the order of the
 * table; within a kind they are in the order of MongoDB's `_id` index.
 *
 * | `_id` | written |
 * | --- | --- |
 * | a number: int, long or double | `#b42`: see `number-text.ts` |
 * | an ObjectId | `$507f1f77bcf86cd799439011` |
 * | a UUID: binary data of subtype 4 | `&018f3a5e-0000-7000-8000-000000000000` |
 * | a string | as core's `key(...)` writes it: `ann`; `.` for `''` |
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import { key, parts } from '@fanlight/core'
import { type Binary, type Double, type Int32, type Long, ObjectId, UUID } from 'mongodb'
import { bigintOf, isInt64, numberOf, numberText } from './number-text.ts'

/** An `_id` that a key can stand for. A number is a Long only where no double carries it. */
export type DocumentId = string | number | Long | ObjectId | UUID

/** The types of BSON that have a key, by the name that every copy of the driver gives them. */
type Typed =
  | { readonly type: 'Int32' | 'Double'; readonly id: Int32 | Double }
  | { readonly type: 'Long'; readonly id: Long }
  | { readonly type: 'ObjectId'; readonly id: ObjectId }
  | { readonly type: 'Binary'; readonly id: Binary }

/** The bytes of a UUID, and what MongoDB calls binary data that is one. */
const uuidBytes = 16
const uuidSubtype = 4

/**
 * The text of an `_id`; undefined where it has none.
 *
 * @throws BAD_KEY where it is a string with half of a surrogate pair
 */
export function idText(id: unknown): string | undefined {
  switch (typeof id) {
    case 'string':
      return key(id)
    case 'number':
      return Number.isFinite(id) ? numberText(id) : undefined
    case 'bigint':
      return isInt64(id) ? numberText(id) : undefined
    case 'object':
      return id === null ? undefined : typedText({ type: bsonType(id), id } as Typed)
    default:
      return undefined
  }
}

/**
 * The name that the driver gives to a type of BSON; undefined for what is no such type. It stands in the prototype: a
 * document may have a member of that name.
 */
export function bsonType(id: object): unknown {
  return (Object.getPrototypeOf(id) as { _bsontype?: unknown } | null)?._bsontype
}

function typedText({ type, id }: Typed): string | undefined {
  switch (type) {
    case 'Int32':
    case 'Double':
      return idText(id.value)
    case 'Long':
      return idText(bigintOf(id))
    case 'ObjectId':
      return `$${id.toHexString()}`
    case 'Binary':
      return id.sub_type === uuidSubtype && id.position === uuidBytes ? uuidText(id) : undefined
    default:
      return undefined
  }
}

function uuidText(id: Binary): string {
  return dashed(Buffer.from(id.buffer.subarray(0, uuidBytes)).toString('hex'))
}

/** The text of a UUID from its 32 digits. */
export function dashed(hex: string): string {
  return `&${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

const objectIdText = /^\$[0-9a-f]{24}$/
const dashedText = /^&[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The `_id` that a text stands for; undefined: `idText` makes no such text. */
export function idOf(text: string): DocumentId | undefined {
  switch (text[0]) {
    case '#':
      return numberOf(text)
    case '$':
      return objectIdText.test(text) ? new ObjectId(text.slice(1)) : undefined
    case '&':
      return dashedText.test(text) ? new UUID(text.slice(1)) : undefined
    default:
      return textOf(text)
  }
}

/** The string that is written so as one part of a key; undefined: none is. */
export function textOf(text: string): string | undefined {
  try {
    const [part] = parts(text)
    return typeof part === 'string' && key(part) === text ? part : undefined
  } catch {
    return undefined
  }
}
