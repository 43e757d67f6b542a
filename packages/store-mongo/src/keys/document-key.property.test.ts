import { Buffer } from 'node:buffer'
import { key, parts } from '@fanlight/core'
import { compareKeys, isWellFormed } from '@fanlight/core/kit'
import fc from 'fast-check'
import { Binary, Double, Int32, Long, ObjectId, UUID } from 'mongodb'
import { expect, test } from 'vitest'
import { type DocumentId, documentKey, documentOf } from './document-key.ts'

/** Characters at the borders of the escapes, and of UTF-8. */
const character = fc.constantFrom(
  ...'\0\u001f !"#$%&\'()*+,-./01289:@AZ`adsz{|}~\u007f\u0080\u07ff\ud7ff\ue000\uf900\uffff',
  '\u{10000}',
  '\u{10ffff}',
)
const text = fc.oneof(
  fc.string({ unit: character, maxLength: 5 }),
  fc.string({ unit: fc.constantFrom('0', '.', 'a', '/'), maxLength: 5 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
/** Whole numbers of 64 bits, around the borders of what doubles carry, and where the number of digits grows. */
const whole = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(0n, 2n ** 53n, 10n ** 16n, 10n ** 17n, 10n ** 18n, 2n ** 60n, 2n ** 63n),
      fc.bigInt({ min: 0n, max: 2n ** 63n }),
    ),
    fc.bigInt({ min: -5n, max: 5n }),
    fc.boolean(),
  )
  .map(([near, by, below]) => BigInt.asIntN(64, below ? -near + by : near + by))
const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e21, max: 1e21 }),
  fc.integer({ min: -1100, max: 1100 }).map((n) => n / 100),
  fc.maxSafeInteger(),
  fc.integer({ min: -1, max: 62 }).map((n) => -(2 ** n)),
)
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc
    .array(fc.constantFrom(0, 1, 9, 10, 0x7f, 0x80, 0x9f, 0xa0, 0xff), { minLength: length, maxLength: length })
    .map((list) => Uint8Array.from(list))
const objectId = bytes(12).map((id) => new ObjectId(id))
const uuid = bytes(16).map((id) => new UUID(id))
const number = fc.oneof(
  double,
  whole.map((n) => Long.fromBigInt(n)),
)
const anyId: fc.Arbitrary<DocumentId> = fc.oneof(text, number, objectId, uuid)

/** The order that the documentation promises, written down naively. */
function compareIds(a: DocumentId, b: DocumentId): number {
  const [left, right] = [naively(a), naively(b)]
  if (left.kind !== right.kind) return left.kind - right.kind
  if (left.bytes !== undefined && right.bytes !== undefined) return Buffer.compare(left.bytes, right.bytes)
  return left.number < right.number ? -1 : Number(left.number > right.number)
}

function naively(id: DocumentId): { kind: number; number: number | bigint; bytes?: Uint8Array } {
  if (typeof id === 'number') return { kind: 0, number: id }
  if (id instanceof Long) return { kind: 0, number: id.toBigInt() }
  if (id instanceof ObjectId) return { kind: 1, number: 0, bytes: id.id }
  return { kind: id instanceof UUID ? 2 : 3, number: 0, bytes: id instanceof UUID ? id.buffer : Buffer.from(id) }
}

test('keys of documents are in the order of kinds, and of ids within a kind (L0)', () => {
  const pair = fc.oneof(fc.tuple(anyId, anyId), fc.tuple(number, number), fc.tuple(text, text))
  fc.assert(
    fc.property(pair, text, ([a, b], collection) => {
      const order = Math.sign(compareIds(a, b)) + 0
      const [left, right] = [documentKey(collection, a), documentKey(collection, b)]
      expect(Math.sign(compareKeys(left, right)) + 0).toBe(order)
      expect(Buffer.compare(Buffer.from(left), Buffer.from(right))).toBe(order)
    }),
    { numRuns: 5000 },
  )
})

test('whole numbers next to each other are in order: Longs, and the doubles among them', () => {
  fc.assert(
    fc.property(whole, (n) => {
      const near = Number(n)
      const key = documentKey('a', Long.fromBigInt(n))
      expect(Math.sign(compareKeys(key, documentKey('a', near))) + 0).toBe(n < near ? -1 : Number(n > near))
      if (BigInt.asIntN(64, n + 1n) > n) expect(compareKeys(key, documentKey('a', n + 1n))).toBe(-1)
    }),
    { numRuns: 5000 },
  )
})

test('documentOf gives back what documentKey was given, numbers as JS numbers wherever a double carries them', () => {
  fc.assert(
    fc.property(text, anyId, (collection, id) => {
      const found = documentOf(documentKey(collection, id))
      expect(found.collection).toBe(collection)
      expect(compareIds(found.id, id)).toBe(0)
      expect(Object.is(found.id, -0)).toBe(false)
      const carried = !(id instanceof Long) || BigInt(Number(id.toBigInt())) === id.toBigInt()
      expect(found.id instanceof Long).toBe(!carried)
    }),
    { numRuns: 5000 },
  )
})

test('equal numbers have one key, whatever their type', () => {
  fc.assert(
    fc.property(fc.oneof(whole, double), (n) => {
      const made = documentKey('a', n)
      const isInt64 = typeof n === 'bigint' || (Number.isInteger(n) && BigInt.asIntN(64, BigInt(n)) === BigInt(n))
      if (isInt64) {
        expect(documentKey('a', Long.fromBigInt(BigInt(n)))).toBe(made)
        expect(documentKey('a', BigInt(n))).toBe(made)
      }
      const near = Number(n)
      if (near == n) {
        expect(documentKey('a', near)).toBe(made)
        expect(documentKey('a', new Double(near))).toBe(made)
      }
      if ((near | 0) == n) expect(documentKey('a', new Int32(near))).toBe(made)
    }),
    { numRuns: 5000 },
  )
})

test('a UUID has one key, whether it comes as UUID or as Binary', () => {
  fc.assert(
    fc.property(uuid, (id) => {
      expect(documentKey('a', new Binary(id.buffer, Binary.SUBTYPE_UUID))).toBe(documentKey('a', id))
      const roomy = new Binary(undefined, Binary.SUBTYPE_UUID)
      roomy.write(id.buffer, 0)
      expect(documentKey('a', roomy)).toBe(documentKey('a', id))
    }),
    { numRuns: 300 },
  )
})

test('strings, and numbers below 2^53, are written as core writes them', () => {
  fc.assert(
    fc.property(text, fc.oneof(text, double), (collection, id) => {
      fc.pre(typeof id === 'string' || Math.abs(id) <= 2 ** 53)
      expect(documentKey(collection, id)).toBe(key(collection, id))
      expect(parts(documentKey(collection, id))).toEqual([collection, id === 0 ? 0 : id])
    }),
    { numRuns: 3000 },
  )
})

test('documentOf reads a text as documentKey writes it, or refuses it with BAD_KEY', () => {
  const junk = fc.string({ unit: fc.constantFrom(...'!#$&-./0159Lafpqxz~{}\0', '\u{1f600}'), maxLength: 6 })
  const key = fc.tuple(text, anyId).map(([collection, id]) => documentKey(collection, id))
  /** A key with a piece of it replaced. */
  const altered = fc
    .tuple(key, fc.nat({ max: 40 }), fc.nat({ max: 3 }), junk)
    .map(
      ([made, at, length, put]) =>
        made.slice(0, at % (made.length + 1)) + put + made.slice((at % made.length) + length),
    )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(junk).map((list) => list.join('/')),
        altered,
      ),
      (written) => {
        fc.pre(isWellFormed(written))
        let found: ReturnType<typeof documentOf>
        try {
          found = documentOf(written)
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_KEY', keys: [written] })
          return
        }
        expect(documentKey(found.collection, found.id)).toBe(written)
      },
    ),
    { numRuns: 5000 },
  )
})
