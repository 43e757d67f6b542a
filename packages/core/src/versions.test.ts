import { describe, expect, test } from 'vitest'
import type { Versions } from './store.ts'
import {
  checkVersions,
  compareVersions,
  formatVersions,
  makeSourceId,
  mergeVersions,
  parseVersions,
  reaches,
  resolvePoint,
  sourceName,
} from './versions.ts'

const badQuery = expect.objectContaining({ code: 'BAD_QUERY' })

describe('compareVersions', () => {
  test.each<[Versions, Versions, string]>([
    [{}, {}, 'equal'],
    [{ 'a@1': 0 }, { 'a@1': 0 }, 'equal'],
    [{}, { 'a@1': 0 }, 'before'],
    [{ 'a@1': 1 }, { 'a@1': 0 }, 'after'],
    [{ 'a@1': 1 }, { 'a@1': 1, 'b@1': 0 }, 'before'],
    [{ 'a@1': 1 }, { 'b@1': 1 }, 'concurrent'],
    [{ 'a@1': 1 }, { 'a@2': 1 }, 'concurrent'],
    [{ 'a@1': 2, 'b@1': 1 }, { 'a@1': 1, 'b@1': 2 }, 'concurrent'],
    [{ '__proto__@1': 1 }, { 'constructor@1': 1 }, 'concurrent'],
  ])('%j, %j: %s', (a, b, order) => {
    expect(compareVersions(a, b)).toBe(order)
  })
})

test('mergeVersions takes the greater of each, and the same object where one is that', () => {
  const old = { 'a@1': 1 }
  const young = { 'a@1': 2, 'b@1': 0 }
  expect(mergeVersions(old, young)).toBe(young)
  expect(mergeVersions(young, old)).toBe(young)
  expect(mergeVersions(old, {})).toBe(old)
  expect(mergeVersions({ 'a@1': 2, '__proto__@1': 1 }, { 'a@1': 1, 'b@1': 0 })).toEqual({
    'a@1': 2,
    'b@1': 0,
    '__proto__@1': 1,
  })
})

test('reaches: an absent source is not reached, not even at version 0 (L2)', () => {
  expect(reaches({ 'a@1': 1 }, {})).toBe(true)
  expect(reaches({ 'a@1': 1 }, { 'a@1': 1 })).toBe(true)
  expect(reaches({ 'a@1': 1 }, { 'a@1': 2 })).toBe(false)
  expect(reaches({ 'a@1': 1 }, { 'b@1': 0 })).toBe(false)
})

describe('the text form', () => {
  test.each<[Versions, string]>([
    [{}, ''],
    [{ 'users@k3': 0 }, 'users@k3=0'],
    [{ 'users@k3': 12, 'my posts@x': 4 }, 'my%20posts@x=4&users@k3=12'],
    [{ 'a=b&c,d\'e"f%@g@h\n': 1 }, 'a%3Db%26c%2Cd%27e%22f%25@g@h%0A=1'],
    [{ '日本@1': Number.MAX_SAFE_INTEGER }, '%E6%97%A5%E6%9C%AC@1=9007199254740991'],
    [{ '__proto__@': 1 }, '__proto__@=1'],
  ])('of %j is %j', (versions, text) => {
    expect(formatVersions(versions)).toBe(text)
    expect(parseVersions(text)).toEqual(versions)
  })

  test.each([
    'a',
    'a@1',
    'a@1=',
    '=1',
    'a=1',
    '@1=1',
    'a@1=-1',
    'a@1=01',
    'a@1=1.5',
    'a@1=1e3',
    'a@1=9007199254740992',
    'a@1=NaN',
    'a@1=1&',
    '&a@1=1',
    'a@1=1&a@1=2',
    'a@1=1,b@1=2',
    'a b@1=1',
    'a@1 =1',
    'a@1=1\n',
    'a%@1=1',
    'a%zz@1=1',
    'a%41@1=1',
    'a%ff@1=1',
    "a'@1=1",
    '日@1=1',
    '%ED%A0%80@1=1',
    'a@1=99999999999999999999',
    undefined,
    1,
    null,
    {},
  ])('refuses %j', (text) => {
    expect(() => parseVersions(text as string)).toThrow(badQuery)
  })

  test('refuses to write what is no point', () => {
    expect(() => formatVersions({ a: 1 })).toThrow(badQuery)
  })
})

describe('checkVersions', () => {
  test('gives back the point itself', () => {
    const point = { 'a@1': 0, '__proto__@x': Number.MAX_SAFE_INTEGER }
    expect(checkVersions(point, 'min')).toBe(point)
  })

  test.each<[unknown]>([
    [undefined],
    [null],
    [1],
    ['a@1=1'],
    [[]],
    [[1]],
    [{ a: 1 }],
    [{ '@1': 1 }],
    [{ '': 1 }],
    [{ '\ud800@1': 1 }],
    [{ 'a@1': -1 }],
    [{ 'a@1': 1.5 }],
    [{ 'a@1': NaN }],
    [{ 'a@1': Infinity }],
    [{ 'a@1': 2 ** 53 }],
    [{ 'a@1': '1' }],
    [{ 'a@1': 1n }],
    [{ 'a@1': undefined }],
    [{ 'a@1': null }],
    [JSON.parse('{"__proto__":1}')],
  ])('refuses %o', (point) => {
    expect(() => checkVersions(point, 'min')).toThrow(badQuery)
    expect(() => checkVersions(point, 'min')).toThrow(/^min /)
  })
})

test('makeSourceId and sourceName', () => {
  expect(makeSourceId('users', 'k3')).toBe('users@k3')
  expect(sourceName('users@k3')).toBe('users')
  expect(sourceName(makeSourceId('view', 'v1@beta'))).toBe('view')
  for (const name of ['', 'a@b', '@', '\ud800']) expect(() => makeSourceId(name, 'k3')).toThrow(badQuery)
})

describe('resolvePoint', () => {
  const sources = ['users@new', 'posts@1']
  const continues = [
    { id: 'users@old', upTo: 5, as: 'users@new' },
    { id: 'people@1', upTo: 9, as: 'users@new' },
  ]

  test('keeps what is its own, as the same object', () => {
    const point = { 'users@new': 3, 'posts@1': 0 }
    expect(resolvePoint(point, sources)).toBe(point)
  })

  test('drops sources of others', () => {
    expect(resolvePoint({ 'users@new': 3, 'files@1': 7 }, sources, continues)).toEqual({ 'users@new': 3 })
    expect(resolvePoint({ 'user@new': 3, 'users2@new': 3 }, sources, continues)).toEqual({})
  })

  test('reads a continued incarnation as the present one, by the greater version', () => {
    expect(resolvePoint({ 'users@old': 5 }, sources, continues)).toEqual({ 'users@new': 5 })
    expect(resolvePoint({ 'users@old': 0, 'posts@1': 2 }, sources, continues)).toEqual({ 'users@new': 0, 'posts@1': 2 })
    expect(resolvePoint({ 'users@old': 4, 'users@new': 3, 'people@1': 2 }, sources, continues)).toEqual({
      'users@new': 4,
    })
    expect(resolvePoint({ 'users@new': 7, 'users@old': 4 }, sources, continues)).toEqual({ 'users@new': 7 })
  })

  test.each<[string, Versions]>([
    ['an incarnation that is not continued', { 'users@older': 1 }],
    ['a version beyond what is continued', { 'users@old': 6 }],
    ['the same where the name has changed', { 'people@1': 10 }],
    ['one bad source among good ones', { 'users@new': 1, 'posts@0': 0 }],
  ])('SOURCE_RESET for %s', (_, point) => {
    expect(() => resolvePoint(point, sources, continues)).toThrow(expect.objectContaining({ code: 'SOURCE_RESET' }))
  })

  test('says which source was reset, and what was asked of it', () => {
    expect(() => resolvePoint({ 'users@old': 6 }, sources, continues)).toThrow(
      expect.objectContaining({ source: 'users@old', wanted: { 'users@old': 6 } }),
    )
  })

  test('does so with many sources too', () => {
    const many = Array.from({ length: 100 }, (_, i) => `s${i}@1`)
    expect(resolvePoint({ 's7@1': 1, 'x@1': 1 }, many)).toEqual({ 's7@1': 1 })
    expect(() => resolvePoint({ 's7@2': 1 }, many)).toThrow(expect.objectContaining({ code: 'SOURCE_RESET' }))
  })
})
