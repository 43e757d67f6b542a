import { key } from '@fanlight/core'
import { compareKeys } from '@fanlight/core/kit'
import {
  BSONRegExp,
  BSONSymbol,
  Binary,
  Code,
  DBRef,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'mongodb'
import { describe, expect, test } from 'vitest'
import { documentKey, documentOf } from './document-key.ts'

const badKey = expect.objectContaining({ code: 'BAD_KEY' })
const hex = '507f1f77bcf86cd799439011'
const uuid = '018f3a5e-0000-7000-8000-0123456789ab'

describe('documentKey', () => {
  test.each<[string, string, unknown]>([
    ['users/ann', 'users', 'ann'],
    ['users/.', 'users', ''],
    ['users/a0.sb', 'users', 'a/b'],
    ['users/$507f1f77bcf86cd799439011', 'users', new ObjectId(hex)],
    ['users/&018f3a5e-0000-7000-8000-0123456789ab', 'users', new UUID(uuid)],
    ['posts/#b42', 'posts', 42],
    ['posts/#a3p5', 'posts', 3.5],
    ['posts/#-Lx~', 'posts', -5],
    ['posts/#0', 'posts', 0],
    ['posts/#p9007199254740991', 'posts', 2 ** 53 - 1],
    ['posts/#p9007199254740992', 'posts', 2 ** 53],
    ['posts/#p9007199254740993', 'posts', Long.fromString('9007199254740993')],
    ['posts/#s9223372036854775807', 'posts', Long.MAX_VALUE],
    ['posts/#z027100000000000000004764729344', 'posts', 1e26],
    ['a0.sb/by0-name', 'a/b', 'by-name'],
  ])('writes %j, and documentOf reads it', (text, collection, id) => {
    expect(documentKey(collection, id)).toBe(text)
    expect(documentOf(text)).toEqual({ collection, id })
  })

  test('numbers of one value are one key', () => {
    const fives = [5, 5n, new Int32(5), new Double(5), Long.fromNumber(5), Long.fromNumber(5, true)]
    expect(new Set(fives.map((five) => documentKey('a', five)))).toEqual(new Set([key('a', 5)]))
    const zeros = [0, -0, 0n, new Int32(0), new Double(-0), Long.ZERO]
    expect(new Set(zeros.map((zero) => documentKey('a', zero)))).toEqual(new Set([key('a', 0)]))
    const great = 2 ** 62
    expect(documentKey('a', great)).toBe(documentKey('a', Long.fromNumber(great)))
    expect(documentOf(documentKey('a', Long.fromNumber(great))).id).toBe(great)
  })

  test('ids of all kinds are in the documented order', () => {
    const ids = [
      -Number.MAX_VALUE,
      Long.MIN_VALUE,
      Long.MIN_VALUE.add(1),
      -(2 ** 53) - 2,
      Long.fromString('-9007199254740993'),
      -(2 ** 53),
      -5,
      0,
      5e-324,
      0.5,
      42,
      2 ** 53 - 1,
      2 ** 53,
      Long.fromString('9007199254740993'),
      2 ** 53 + 2,
      Long.MAX_VALUE,
      2 ** 63,
      1e20,
      1e26,
      Number.MAX_VALUE,
      new ObjectId('0'.repeat(24)),
      new ObjectId(hex),
      new UUID('0'.repeat(32)),
      new UUID(uuid),
      '',
      '\0',
      ' ',
      '$',
      '0',
      '00',
      'a',
      '\ufffd',
      '\u{1f600}',
    ]
    const keys = ids.map((id) => documentKey('a', id))
    expect(keys.toSorted(compareKeys)).toEqual(keys)
    expect(new Set(keys).size).toBe(keys.length)
  })

  test('takes what another copy of the driver made', () => {
    class Foreign {
      get _bsontype(): string {
        return 'ObjectId'
      }
      toHexString(): string {
        return hex
      }
    }
    expect(documentKey('a', new Foreign())).toBe(`a/$${hex}`)
  })

  test.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['true', true],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['-Infinity', new Double(-Infinity)],
    ['NaN', new Double(NaN)],
    ['a whole number of more than 64 bits', 2n ** 63n],
    ['a whole number of more than 64 bits', -(2n ** 63n) - 1n],
    ['a whole number of more than 64 bits', Long.MAX_UNSIGNED_VALUE],
    ['a Date', new Date(0)],
    ['an array', ['a']],
    ['an object', { a: 1 }],
    ['an object', Object.create(null)],
    ['an object', { _bsontype: 'ObjectId' }],
    ['an object', /a/],
    ['an object', new Uint8Array(16)],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['a Decimal128', Decimal128.fromString('1')],
    ['a Timestamp', new Timestamp({ t: 1, i: 1 })],
    ['a BSONRegExp', new BSONRegExp('a')],
    ['a BSONSymbol', new BSONSymbol('a')],
    ['a Code', new Code('a')],
    ['a DBRef', new DBRef('a', new ObjectId(hex))],
    ['a MinKey', new MinKey()],
    ['a MaxKey', new MaxKey()],
    ['binary data of subtype 0', new Binary(new Uint8Array(16))],
    ['binary data of subtype 3', new Binary(new Uint8Array(16), Binary.SUBTYPE_UUID_OLD)],
    ['binary data of subtype 4', new Binary(new Uint8Array(15), Binary.SUBTYPE_UUID)],
  ])('refuses %s, and says what it is', (what, id) => {
    expect(() => documentKey('users', id)).toThrow(badKey)
    expect(() => documentKey('users', id)).toThrow(`no key can stand for ${what}, the _id of a document in "users"`)
  })

  test.each([
    ['\ud800', 'a'],
    ['a', 'b\udc00'],
  ])('refuses half a surrogate pair: %j, %j', (collection, id) => {
    expect(() => documentKey(collection, id)).toThrow(badKey)
  })
})

describe('documentOf', () => {
  test.each([
    '',
    'users',
    'users/',
    '/ann',
    'users/ann/posts',
    'users/ann\0',
    'users/by-name',
    'users/10',
    'users/!',
    'users/!t',
    'users/-!9e9191~',
    '-!9e9191~/ann',
    '#a5/ann',
    '!/ann',
    'users/#',
    'users/#b5',
    'users/#a5p0',
    'users/#p9007199254740992p5',
    'users/#q9007199254740993',
    'users/#q09007199254740993',
    'users/#z0271' + '0'.repeat(26),
    'users/#z02099999999999999999999',
    'users/#t18446744073709551617',
    'users/#t10000000000000000001',
    'users/#z309' + '9'.repeat(309),
    'users/#z400' + '1'.padEnd(400, '0'),
    'users/#-=tvvxrzxxxwwwqyyz',
    'users/$507f1f77bcf86cd79943901',
    'users/$507f1f77bcf86cd7994390111',
    'users/$507F1F77BCF86CD799439011',
    'users/$507f1f77bcf86cd79943901g',
    'users/&018f3a5e-0000-7000-8000-0123456789a',
    'users/&018F3a5e-0000-7000-8000-0123456789ab',
    'users/&018f3a5e00007000800000123456789ab000',
    'users/%',
    '\ud800/ann',
    undefined as never,
  ])('refuses %j, which documentKey does not make', (text) => {
    expect(() => documentOf(text)).toThrow(badKey)
  })

  test('says which key it is', () => {
    expect(() => documentOf('users')).toThrow(expect.objectContaining({ keys: ['users'] }))
  })
})
