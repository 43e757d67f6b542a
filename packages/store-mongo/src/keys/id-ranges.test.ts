import { prefix } from '@fanlight/core'
import { Long, ObjectId, UUID } from 'mongodb'
import { describe, expect, test } from 'vitest'
import { collectionSpan, type IdFilter, idRanges, mayHold } from './id-ranges.ts'

const greatest = Number.MAX_VALUE
const hex = '507f1f77bcf86cd799439011'
const uuid = '018f3a5e-0000-7000-8000-0123456789ab'
const objectId = (start: string): ObjectId => new ObjectId(start.padEnd(24, start.endsWith('f') ? 'f' : '0'))
const uuidOf = (start: string): UUID => new UUID(start.padEnd(32, start.endsWith('f') ? 'f' : '0'))

const numbers: IdFilter = { _id: { $gte: -greatest, $lte: greatest } }
const objectIds: IdFilter = { _id: { $gte: objectId('0'), $lte: objectId('f') } }
const uuids: IdFilter = { _id: { $gte: uuidOf('0'), $lte: uuidOf('f') } }
const strings: IdFilter = { _id: { $gte: '' } }
const all = [numbers, objectIds, uuids, strings]

describe('idRanges', () => {
  test.each<[string, string | undefined, IdFilter[]]>([
    // All of the collection, by bounds in and out of it.
    ['', undefined, all],
    ['users/', 'users0', all],
    ['a', 'z', all],
    ['users/#', undefined, all],
    // The ends of kinds.
    ['users/$', undefined, [objectIds, uuids, strings]],
    ['users/%', undefined, [uuids, strings]],
    ['users/&', undefined, [uuids, strings]],
    ["users/'", undefined, [strings]],
    ['users/.', undefined, [strings]],
    ['', 'users/$', [numbers]],
    ['', 'users/%', [numbers, objectIds]],
    ['', "users/'", [numbers, objectIds, uuids]],
    ['', 'users/.', [numbers, objectIds, uuids]],
    ['', 'users/.\0', [numbers, objectIds, uuids, { _id: '' }]],
    // Nothing.
    ['', 'users/', []],
    ['', 'users/#', []],
    ['', 'users', []],
    ['users0', undefined, []],
    ['usersx/', undefined, []],
    ['users/b', 'users/a', []],
    ['users/a', 'users/a', []],
    ['users/%', 'users/&', []],
    ["users/'", 'users/.', []],
    ['users/#~', 'users/$', []],
    ['users/$g', 'users/%', []],
    ['users/&~', "users/'", []],
    ['users/a/', 'users/a0', []],
    ['users/a\0', 'users/a0 ', []],
    // One key.
    ['users/ann', 'users/ann\0', [{ _id: 'ann' }]],
    ['users/by0-name', 'users/by0-name\0', [{ _id: 'by-name' }]],
    ['users/#b42', 'users/#b42\0', [{ _id: 42 }]],
    ['users/#p9007199254740993', 'users/#p9007199254740993\0', [{ _id: Long.fromString('9007199254740993') }]],
    [`users/$${hex}`, `users/$${hex}\0`, [{ _id: new ObjectId(hex) }]],
    [`users/&${uuid}`, `users/&${uuid}\0`, [{ _id: new UUID(uuid) }]],
    // Between keys.
    ['users/a', 'users/b', [{ _id: { $gte: 'a', $lt: 'b' } }]],
    ['users/a\0', 'users/b\0', [{ _id: { $gt: 'a', $lte: 'b' } }]],
    ['users/#a1', 'users/#a9\0', [{ _id: { $gte: 1, $lte: 9 } }]],
    ['users/#-Lx~\0', 'users/#a9', [{ _id: { $gt: -5, $lt: 9 } }]],
    [
      `users/$${hex}\0`,
      'users/b',
      [{ _id: { $gt: new ObjectId(hex), $lte: objectId('f') } }, uuids, { _id: { $gte: '', $lt: 'b' } }],
    ],
    // Prefixes.
    ['users/an', 'users/ao', [{ _id: { $gte: 'an', $lt: 'ao' } }]],
    ['users/$507f', 'users/$507g', [{ _id: { $gte: objectId('507f0'), $lt: objectId('50800') } }]],
    ['users/$f', 'users/$g', [{ _id: { $gte: objectId('f0'), $lte: objectId('f') } }]],
    ['users/&018f3a5e-', 'users/&018f3a5e.', [{ _id: { $gte: uuidOf('018f3a5e0'), $lt: uuidOf('018f3a5f0') } }]],
    ['users/#b4', 'users/#b5', [{ _id: { $gte: 40, $lt: 50 } }]],
    ['users/#0', 'users/#1', [{ _id: { $gte: 0, $lt: 1 } }]],
    ['users/#-', 'users/#.', [{ _id: { $gte: -greatest, $lt: 0 } }]],
    ['users/#p900719925474099', 'users/#q', [{ _id: { $gte: 9007199254740990, $lt: 1e16 } }]],
    ['users/#s9223372036854775805!', 'users/#t', [{ _id: { $gte: Long.MAX_VALUE.sub(1), $lt: 1e19 } }]],
    // Ends that are no keys.
    ['users/a0', 'users/a0.', [{ _id: { $gt: 'a', $lt: 'a.' } }]],
    ['users/a0.s', 'users/a0.t', [{ _id: { $gte: 'a/', $lt: 'a0' } }]],
    ['users/a0.z', 'users/a0.z\0', [{ _id: 'a0' }]],
    ['users/a0.z0', 'users/a00', []],
    // A double and a Long that read the same in decimals: 2^62 is ...7904.
    [
      'users/#s4611686018427387904',
      'users/#s4611686018427388000\0',
      [{ _id: { $gte: 2 ** 62, $lte: Long.fromString('4611686018427388000') } }],
    ],
  ])('from %j to %j', (lo, hi, filters) => {
    expect(idRanges('users', lo, hi).map(({ filter }) => filter)).toEqual(filters)
  })

  test('names the kinds', () => {
    expect(idRanges('users', '', undefined).map(({ kind }) => kind)).toEqual(['number', 'objectId', 'uuid', 'string'])
  })

  test('looks for the name of the collection as keys have it', () => {
    const { gte = '', lt } = prefix('a0.sb/')
    expect(idRanges('a/b', gte, lt).map(({ filter }) => filter)).toEqual(all)
    expect(idRanges('a', gte, lt)).toEqual([])
  })
})

test.each<[string, string, string | undefined, boolean]>([
  ['users', '', undefined, true],
  ['users', 'users/', 'users/\0', true],
  ['users', '', 'users/', false],
  ['users', 'users', 'users/', false],
  ['users', 'users/~', undefined, true],
  ['users', 'users0', undefined, false],
  ['users', 'users/b', 'users/b', false],
  ['users', 'users/b', 'users/a', false],
  ['users', 'z', 'a', false],
  ['a/b', 'a0.sb/', undefined, true],
  ['a/b', 'a0.sb0', undefined, false],
])('mayHold(%j, %j, %j) is %j', (collection, lo, hi, expected) => {
  expect(mayHold(collection, lo, hi)).toBe(expected)
})

test('collectionSpan is the prefix of the keys of a collection', () => {
  expect(collectionSpan('users')).toEqual({ lo: 'users/', hi: 'users0' })
  expect(collectionSpan('a/b')).toEqual({ lo: 'a0.sb/', hi: 'a0.sb0' })
})
