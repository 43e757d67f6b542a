/**
 * Values and BSON. What a value carries is the same in both; the types that only BSON has stand in values as MongoDB
 * Extended JSON writes them: `{ $oid }`, `{ $date }`, `{ $uuid }`, `{ $numberDecimal }` and so on. So everything comes back
 * as what it was, with one exception that MongoDB itself takes for equal: a number may change between double, int and long.
 *
 * @module
 */
import { FanlightError } from '@fanlight/core'
import { freeze } from '@fanlight/core/kit'
import { BSON, Binary, type Document, Long } from 'mongodb'

const { EJSON } = BSON

/** The most that a document may have: bytes of BSON. */
const documentBytesMax = 2 ** 24

type Members = Readonly<Record<string, unknown>>

/** The value of a document: all of it but its `_id`, which is in the key. */
export function valueOf(document: Document): unknown {
  const { _id, ...members } = document
  return freeze(fromMembers(members))
}

/** A value as BSON has it, where it is other than it is. */
function fromBson(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : { $numberDouble: String(value) }
    case 'object':
      return value === null ? null : fromObject(value)
    case 'bigint':
      return { $numberLong: String(value) }
    case 'undefined':
      return { $undefined: true }
    default:
      return value
  }
}

function fromObject(value: object): unknown {
  if (Array.isArray(value)) return fromArray(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return fromMembers(value as Members)
  if (value instanceof Binary && value.sub_type === Binary.SUBTYPE_DEFAULT) return new Uint8Array(value.value())
  if (value instanceof Long) return { $numberLong: value.toString() }
  const { written } = EJSON.serialize({ written: value }, { relaxed: true }) as { written: unknown }
  return written
}

/** The same array where nothing in it is other: most documents are plain, and nothing is copied of those. */
function fromArray(values: readonly unknown[]): unknown {
  let copy: unknown[] | undefined
  for (let i = 0; i < values.length; i++) {
    const value = fromBson(values[i])
    if (value !== values[i]) (copy ??= [...values])[i] = value
  }
  return copy ?? values
}

function fromMembers(members: Members): unknown {
  let copy: Record<string, unknown> | undefined
  for (const name in members) {
    const value = fromBson(members[name])
    if (value !== members[name]) (copy ??= { ...members })[name] = value
  }
  return copy ?? members
}

/**
 * The document that a value stands for, without its `_id`.
 *
 * @throws BAD_VALUE where it is no document; TOO_LARGE
 */
export function documentFrom(value: unknown, key: string): Document {
  const isObject =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  if (!isObject) throw badValue(key, 'a document is an object: put one, such as { value }')
  if ('_id' in value) throw badValue(key, 'a document has its _id from its key: leave it out of the value')
  const document = toMembers(value as Members, key)
  const bytes = BSON.calculateObjectSize(document)
  if (bytes <= documentBytesMax) return document
  const message = `${shown(key)}: a document of ${bytes} bytes is more than the ${documentBytesMax} that MongoDB takes: split it`
  throw new FanlightError('TOO_LARGE', message, { keys: [key] })
}

function toBson(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return new Binary(value)
  if (Array.isArray(value)) return value.map((one) => toBson(one, key))
  for (const name in value) {
    if (name.startsWith('$')) return typed(value as Members, name, key)
    break
  }
  return toMembers(value as Members, key)
}

function toMembers(value: Members, key: string): Document {
  const members: Document = {}
  for (const name in value) {
    if (name.startsWith('$'))
      throw badValue(key, `a member may not be called ${name}: names with $ are those of types, such as { $oid }`)
    if (name.includes('\0')) throw badValue(key, 'the name of a member may not hold the character \\0')
    members[name] = toBson(value[name], key)
  }
  return members
}

/** What only BSON has, as Extended JSON writes it. */
function typed(written: Members, name: string, key: string): unknown {
  let read: unknown
  try {
    read = (EJSON.deserialize({ read: written }, { relaxed: true }) as { read: unknown }).read
  } catch (error) {
    const message = `${shown(key)}: ${name} is not written as Extended JSON writes it`
    throw new FanlightError('BAD_VALUE', message, { keys: [key], cause: error })
  }
  const isTyped = typeof read !== 'object' || read === null || '_bsontype' in read || !(name in read)
  if (isTyped || read instanceof Date || read instanceof RegExp) return read
  throw badValue(key, `${name} is no type of Extended JSON: a member may not begin with $`)
}

function badValue(key: string, why: string): FanlightError {
  return new FanlightError('BAD_VALUE', `${shown(key)}: ${why}`, { keys: [key] })
}

function shown(key: string): string {
  return JSON.stringify(key.length > 100 ? `${key.slice(0, 100)}…` : key)
}
