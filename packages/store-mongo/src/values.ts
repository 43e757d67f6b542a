/**
 * Values and BSON. What a value carries is the same in both; the types that only BSON has stand in values as MongoDB
 * Extended JSON writes them: `{ $oid }`, `{ $date }`, `{ $uuid }`, `{ $numberDecimal }` and so on. So everything comes back
 * as what it was, with one exception that MongoDB itself takes for equal: a number may change between double, int and long.
 *
 * @module
 */
import { FanlightError } from '@fanlight/core'
import { freeze, valuesEqual } from '@fanlight/core/kit'
import { BSON, Binary, type Document, Long, UUID } from 'mongodb'

const { EJSON } = BSON

/** The most that a document may have: bytes of BSON. */
const documentBytesMax = 2 ** 24

type Members = Readonly<Record<string, unknown>>

/** The value of a document: all of it but its `_id`, which is in the key. */
export function valueOf(document: Document): unknown {
  const { _id, ...members } = document
  return freeze(fromMembers(members))
}

/** What BSON has, as a value. */
function fromBson(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : { $numberDouble: String(value) }
    case 'object':
      return value === null ? null : fromObject(value)
    case 'undefined':
      return { $undefined: true }
    default:
      return value
  }
}

function fromObject(value: object): unknown {
  if (Array.isArray(value)) return fromArray(value)
  if (isPlain(value)) return fromMembers(value as Members)
  if (value instanceof Binary) {
    if (value.sub_type === Binary.SUBTYPE_DEFAULT) return new Uint8Array(value.value())
    if (value.sub_type === Binary.SUBTYPE_UUID && value.length() === 16) return { $uuid: value.toUUID().toString() }
  }
  // What people read is written for them: a date as a text.
  return written(value, value instanceof Date)
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function written(value: unknown, relaxed: boolean): unknown {
  return (EJSON.serialize({ value }, { relaxed }) as { value: unknown }).value
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
  const [name] = Object.keys(value)
  return name?.startsWith('$') === true ? typed(value as Members, name, key) : toMembers(value as Members, key)
}

function toMembers(value: Members, key: string): Document {
  const members: Document = {}
  for (const name of Object.keys(value)) {
    if (name.startsWith('$')) {
      throw badValue(key, `a member may not be called ${name}: names with $ are those of types, such as { $oid }`)
    }
    if (name === '_bsontype')
      throw badValue(key, 'a member may not be called _bsontype: the driver takes it for a type')
    if (name.includes('\0')) throw badValue(key, 'the name of a member may not hold the character \\0')
    members[name] = toBson(value[name], key)
  }
  return members
}

/** What only BSON has, as Extended JSON writes it: refused where it would not come back as what it is. */
function typed(value: Members, name: string, key: string): unknown {
  let read: unknown
  try {
    read = readTyped(value, name)
    if (isWhatItWas(read, value)) return read
  } catch {
    // Told below.
  }
  throw badValue(key, `${name} is not what Extended JSON writes: see docs/mongo.md for the types that there are`)
}

function readTyped(value: Members, name: string): unknown {
  if (name === '$uuid') return new UUID(value['$uuid'] as string)
  if (name === '$numberDouble') return Number(value['$numberDouble'])
  if (name === '$numberLong') return Long.fromString(String(value['$numberLong']))
  return (EJSON.deserialize({ value }, { relaxed: false }) as { value: unknown }).value
}

function isWhatItWas(read: unknown, value: Members): boolean {
  if (valuesEqual(fromBson(read), value) || valuesEqual(written(read, false), value)) return true
  // A date may be written in several ways; a text that is none gives no time.
  return (
    read instanceof Date && Object.keys(value).length === 1 && Date.parse(String(value['$date'])) === read.getTime()
  )
}

function badValue(key: string, why: string): FanlightError {
  return new FanlightError('BAD_VALUE', `${shown(key)}: ${why}`, { keys: [key] })
}

function shown(key: string): string {
  return JSON.stringify(key.length > 100 ? `${key.slice(0, 100)}…` : key)
}
