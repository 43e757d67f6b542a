/**
 * Keys of documents: the collection, `/`, and the `_id`.
 *
 * The collection is a part of text as core's `key(...)` writes it, and so are most ids: `documentKey('users', 'ann')` and
 * `key('users', 'ann')` are both `users/ann`, and so with `42`. Within a collection numbers come first, by size; then
 * ObjectIds and UUIDs, by their bytes; then strings, by code point.
 *
 * @module
 */
import { FanlightError, key as keyOfParts } from '@fanlight/core'
import { assertKey, badKey } from '@fanlight/core/kit'
import { type DocumentId, bsonType, idOf, idText, textOf } from './id-text.ts'

export type { DocumentId } from './id-text.ts'

/**
 * The key of a document.
 *
 * It is what core's `key(collection, id)` makes wherever the `_id` is a string or a number below 2^53. Whole numbers from
 * there on are written with all of their digits, which for most doubles among them is another text: 1e26 is
 * 100000000000000004764729344. An int, a long and a double of the same value have the same key, as they are the same `_id`
 * to MongoDB; `-0` is `0`.
 *
 * @param collection the name of the collection: well-formed text
 * @param id         the `_id`: a string, a finite number (also as Int32, Double, Long or bigint), an ObjectId or a UUID
 * @throws BAD_KEY where the `_id` is anything else, or a string holds half of a surrogate pair
 */
export function documentKey(collection: string, id: unknown): string {
  const text = idText(id)
  if (text !== undefined) return `${keyOfParts(collection)}/${text}`
  const shown = JSON.stringify(collection)
  throw badKey(
    `no key can stand for ${whatIs(id)}, the _id of a document in ${shown}: give it another _id. ` +
      'Keys stand for strings, finite numbers (int, long and double), ObjectIds and UUIDs',
  )
}

/** The key of a document, or why it has none: for documents that others wrote, whose keys nobody asked for. */
export function keyOrWhyNot(collection: string, id: unknown): string | FanlightError {
  try {
    return documentKey(collection, id)
  } catch (error) {
    if (error instanceof FanlightError) return error
    throw error
  }
}

/** What an `_id` is that has no key. */
function whatIs(id: unknown): string {
  if (Array.isArray(id)) return 'an array'
  if (id === null || id === undefined || typeof id === 'number' || typeof id === 'boolean') return String(id)
  if (typeof id === 'bigint') return 'a whole number of more than 64 bits'
  if (typeof id !== 'object') return `a ${typeof id}`
  const type = bsonType(id)
  if (type === 'Binary') return `binary data of subtype ${String((id as { sub_type?: unknown }).sub_type)}`
  if (type === 'Int32' || type === 'Double') return String((id as { value?: unknown }).value)
  if (type === 'Long') return 'a whole number of more than 64 bits'
  if (typeof type === 'string') return `a ${type}`
  return id instanceof Date ? 'a Date' : 'an object'
}

/**
 * The collection and the `_id` that a key stands for.
 *
 * @param key what `documentKey` made
 * @returns the `_id` as a JS number where a double carries it, else as a Long
 * @throws BAD_KEY where `documentKey` makes no such key
 */
export function documentOf(key: string): { collection: string; id: DocumentId } {
  assertKey(key)
  const slash = key.indexOf('/')
  const collection = slash === -1 ? undefined : textOf(key.slice(0, slash))
  const id = collection === undefined ? undefined : idOf(key.slice(slash + 1))
  if (collection !== undefined && id !== undefined) return { collection, id }
  throw badKey(
    `${JSON.stringify(key)} is no key of a document: make it of the collection and the _id, with documentKey(...)`,
    [key],
  )
}
