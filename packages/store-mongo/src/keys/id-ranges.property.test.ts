import { Buffer } from 'node:buffer'
import { key, prefix } from '@fanlight/core'
import { compareKeys, isWellFormed, prefixEnd } from '@fanlight/core/kit'
import fc from 'fast-check'
import { Long, ObjectId, UUID } from 'mongodb'
import { expect, test } from 'vitest'
import { type DocumentId, documentKey } from './document-key.ts'
import { type IdBounds, type IdFilter, collectionSpan, idRanges, mayHold } from './id-ranges.ts'

/** Characters at the borders of the escapes, and of UTF-8. */
const character = fc.constantFrom(...'\0\u001f !#-./0019@`az~\u007f\ud7ff\ue000\uffff', '\u{10000}', '\u{10ffff}')
const text = fc.oneof(
  fc.string({ unit: character, maxLength: 4 }),
  fc.string({ unit: fc.constantFrom('0', '.', 'a'), maxLength: 4 }),
)
const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 }),
  fc.integer({ min: -1100, max: 1100 }).map((n) => n / 100),
)
const long = fc
  .tuple(fc.constantFrom(2n ** 53n, 10n ** 17n, 2n ** 60n, 2n ** 63n), fc.bigInt({ min: -5n, max: 5n }), fc.boolean())
  .map(([near, by, below]) => Long.fromBigInt(BigInt.asIntN(64, below ? -near + by : near + by)))
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.constantFrom(0, 1, 0x7f, 0x9f, 0xff), { minLength: length, maxLength: length })
    .map((list) => Uint8Array.from(list))
const anyId: fc.Arbitrary<DocumentId> = fc.oneof(
  text,
  double,
  long,
  bytes(12).map((id) => new ObjectId(id)),
  bytes(16).map((id) => new UUID(id)),
)
const collection = fc.constantFrom('a', 'users', '', 'a/b', '10', 'usersx')

/** Ids close to one another, so that a bound which is off by one is noticed. */
function around(id: DocumentId): DocumentId[] {
  if (typeof id === 'string') {
    const more = ['\0', '!', '-', '.', '/', '0', '00', '1', 'a', '\u{10ffff}'].map((end) => id + end)
    return [id, ...Array.from(id, (_, i) => id.slice(0, i)).filter(isWellFormed), ...more]
  }
  if (typeof id === 'number') return [id, doubleBy(id, -1n), doubleBy(id, 1n), ...wholesBy(id)].filter(Number.isFinite)
  if (id instanceof Long) return [id, id.add(1), id.sub(1)]
  const size = id instanceof ObjectId ? 12 : 16
  const n = BigInt(`0x${Buffer.from(id.id).toString('hex')}`)
  return [n, n + 1n, n - 1n].map((one) => {
    const hex = BigInt.asUintN(size * 8, one)
      .toString(16)
      .padStart(size * 2, '0')
    return size === 12 ? new ObjectId(hex) : new UUID(hex)
  })
}

function doubleBy(number: number, by: bigint): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, number)
  view.setBigInt64(0, view.getBigInt64(0) + by)
  return view.getFloat64(0)
}

function wholesBy(number: number): number[] {
  return [Math.floor(number), Math.ceil(number), number * 10, number / 10]
}

const junk = fc.string({ unit: fc.constantFrom(...'\0 !#$%&-./0159Lafpz~', '\uffff', '\u{1f600}'), maxLength: 3 })

/** Bounds of all sorts: keys, right behind keys, prefixes of keys and their ends, altered keys, and any text. */
function bounds(of: string, ids: readonly DocumentId[]): fc.Arbitrary<string> {
  const made = fc.constantFrom(...ids).map((id) => documentKey(of, id))
  const start = fc.tuple(made, fc.nat({ max: 60 })).map(([one, at]) => one.slice(0, at % (one.length + 1)))
  const { lo, hi } = collectionSpan(of)
  return fc
    .oneof(
      made,
      made.map((one) => `${one}\0`),
      start,
      start.map((one) => (isWellFormed(one) ? prefixEnd(one) : undefined) ?? '\u{10ffff}'),
      fc.tuple(made, fc.nat({ max: 40 }), fc.nat({ max: 2 }), junk).map(altered),
      fc
        .tuple(fc.constantFrom('#', '$', '&', '', '.', '#-', '#z', '#0p'), junk)
        .map(([kind, more]) => lo + kind + more),
      fc.constantFrom('', lo, hi, `${lo}#`, `${lo}$`, `${lo}%`, `${lo}&`, `${lo}'`, `${lo}.`, `${lo}/`, `${lo}0`),
      junk,
    )
    .filter(isWellFormed)
}

function altered([made, place, length, put]: [string, number, number, string]): string {
  const at = place % (made.length + 1)
  return made.slice(0, at) + put + made.slice(at + length)
}

const questions = fc.tuple(collection, fc.array(anyId, { minLength: 1, maxLength: 3 })).chain(([of, near]) => {
  const ids = near.flatMap(around)
  return fc.record({
    collection: fc.constant(of),
    ids: fc.constant(ids),
    lo: bounds(of, ids),
    hi: fc.option(bounds(of, ids), { nil: undefined, freq: 20 }),
  })
})

/** What MongoDB does with the filters that there are, naively. */
function matches({ _id }: IdFilter, id: DocumentId): boolean {
  if (!isBounds(_id)) return compare(id, _id) === 0
  return Object.entries(_id).every(([operator, bound]: [string, DocumentId]) => {
    const order = compare(id, bound)
    // Other types lie outside of any bounds.
    if (order === undefined) return false
    if (operator === '$gt') return order > 0
    if (operator === '$gte') return order >= 0
    return operator === '$lt' ? order < 0 : order <= 0
  })
}

function isBounds(filter: DocumentId | IdBounds): filter is IdBounds {
  return typeof filter === 'object' && Object.getPrototypeOf(filter) === Object.prototype
}

/** MongoDB's order within a type; undefined between types. */
function compare(a: DocumentId, b: DocumentId): number | undefined {
  if (kindOf(a) !== kindOf(b)) return undefined
  if (kindOf(a) !== 'number') return Buffer.compare(bytesOf(a), bytesOf(b))
  const [left, right] = [a, b].map((one) => (one instanceof Long ? one.toBigInt() : (one as number)))
  return left === right ? 0 : (left as number) < (right as number) ? -1 : Number((left as number) > (right as number))
}

function kindOf(id: DocumentId): string {
  if (typeof id === 'number' || id instanceof Long) return 'number'
  return typeof id === 'string' ? 'string' : id instanceof UUID ? 'uuid' : 'objectId'
}

function bytesOf(id: DocumentId): Uint8Array {
  return typeof id === 'string' ? Buffer.from(id) : (id as ObjectId | UUID).id
}

/** Whether a key lies in [lo, hi). */
function has(lo: string, hi: string | undefined, key: string): boolean {
  return compareKeys(key, lo) >= 0 && (hi === undefined || compareKeys(key, hi) < 0)
}

test('the filters find just the documents of the span, each of its kind', () => {
  fc.assert(
    fc.property(questions, ({ collection, ids, lo, hi }) => {
      const ranges = idRanges(collection, lo, hi)
      for (const id of ids) {
        const found = ranges.filter(({ filter }) => matches(filter, id)).map(({ kind }) => kind)
        expect(found).toEqual(has(lo, hi, documentKey(collection, id)) ? [kindOf(id)] : [])
      }
    }),
    { numRuns: 3000 },
  )
})

test('there is one range for a kind at the most, and they are in the order of keys', () => {
  const kinds = ['number', 'objectId', 'uuid', 'string']
  fc.assert(
    fc.property(questions, ({ collection, lo, hi }) => {
      const places = idRanges(collection, lo, hi).map(({ kind }) => kinds.indexOf(kind))
      expect(places).toEqual([...new Set(places)].sort((a, b) => a - b))
    }),
    { numRuns: 1000 },
  )
})

test('every bound is of the kind, and both are there but for the end of strings', () => {
  fc.assert(
    fc.property(questions, ({ collection, lo, hi }) => {
      for (const { kind, filter } of idRanges(collection, lo, hi)) {
        const list: DocumentId[] = isBounds(filter._id) ? Object.values(filter._id) : [filter._id]
        expect(list.map(kindOf)).toEqual(list.map(() => kind))
        if (isBounds(filter._id) && kind !== 'string') expect(list).toHaveLength(2)
      }
    }),
    { numRuns: 1000 },
  )
})

test('the span of one key is one _id', () => {
  fc.assert(
    fc.property(collection, anyId, (of, id) => {
      const one = documentKey(of, id)
      const [range, ...more] = idRanges(of, one, `${one}\0`)
      expect(more).toEqual([])
      expect(isBounds(range?.filter._id ?? {})).toBe(false)
      expect(range !== undefined && matches(range.filter, id)).toBe(true)
    }),
    { numRuns: 1000 },
  )
})

test('a span may hold documents of a collection just where it meets the span of the collection', () => {
  fc.assert(
    fc.property(questions, collection, ({ collection: of, ids, lo, hi }, other) => {
      const span = collectionSpan(of)
      expect(span).toEqual({ lo: prefix(`${key(of)}/`).gte, hi: prefix(`${key(of)}/`).lt })
      for (const id of ids) {
        expect(has(span.lo, span.hi, documentKey(other, id))).toBe(other === of)
        if (has(lo, hi, documentKey(other, id))) expect(mayHold(other, lo, hi)).toBe(true)
      }
      if (mayHold(other, lo, hi)) {
        const first = compareKeys(lo, collectionSpan(other).lo) > 0 ? lo : collectionSpan(other).lo
        expect(has(lo, hi, first) && has(collectionSpan(other).lo, collectionSpan(other).hi, first)).toBe(true)
      } else expect(idRanges(other, lo, hi)).toEqual([])
    }),
    { numRuns: 2000 },
  )
})
