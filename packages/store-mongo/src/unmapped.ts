import { Binary, type Db, type Document, UUID } from 'mongodb'
import type { FanlightError } from '@fanlight/core'
import { keyOrWhyNot } from './keys/document-key.ts'

/**
 * What of `_id`s no key stands for, as far as the index finds them without a look at all the others: whole types, numbers
 * that are none, and binary data that is no UUID.
 */
const unmappedIds: readonly Document[] = [
  {
    _id: {
      $type: [
        'null',
        'object',
        'bool',
        'date',
        'timestamp',
        'regex',
        'minKey',
        'maxKey',
        'symbol',
        'javascript',
        'undefined',
      ],
    },
  },
  { _id: { $in: [Number.NaN, Infinity, -Infinity] } },
  { _id: { $gte: new Binary(new Uint8Array(0), 0), $lt: new UUID('0'.repeat(32)) } },
  { _id: { $gt: new UUID('f'.repeat(32)), $lt: new Binary(new Uint8Array(2 ** 16), 255) } },
]

/** Finds documents of a collection that have no key: the first of each sort. */
export async function findUnmapped(db: Db, collection: string): Promise<FanlightError[]> {
  const all = unmappedIds.map((filter) =>
    db.collection(collection).findOne(filter, { projection: { _id: 1 }, hint: { _id: 1 } }),
  )
  const found = await Promise.all(all)
  return found.flatMap((document) => {
    const key = document === null ? '' : keyOrWhyNot(collection, document._id)
    return typeof key === 'string' ? [] : [key]
  })
}
