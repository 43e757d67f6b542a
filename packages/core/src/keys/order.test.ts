import { describe, expect, test } from 'vitest'
import { assertKey, compareKeys, isAstralKey } from './order.ts'

describe('compareKeys', () => {
  test('puts characters above U+FFFF last, where plain < puts them before U+E000 (L0: one order everywhere)', () => {
    expect('\u{1f600}' < '\ufffd').toBe(true)
    expect(compareKeys('\u{1f600}', '\ufffd')).toBeGreaterThan(0)
    expect(compareKeys('\ufffd', '\u{1f600}')).toBeLessThan(0)
    expect(compareKeys('a\uf900', 'a\u{50000}')).toBeLessThan(0)
  })

  test('puts a key before those that go on', () => {
    expect(compareKeys('', 'a')).toBeLessThan(0)
    expect(compareKeys('\u{1f600}', '\u{1f600}\0')).toBeLessThan(0)
    expect(compareKeys('a', 'a')).toBe(0)
  })
})

describe('assertKey', () => {
  test.each(['', '__proto__', 'constructor', 'toString', '\0', '/', '\u{1f600}', '\uffff'])('takes %j', (key) => {
    expect(() => assertKey(key)).not.toThrow()
  })

  test.each([undefined, null, 1, {}, ['a'], '\ud800', 'a\udc00b', '\udc00\ud800'])('refuses %j', (key) => {
    expect(() => assertKey(key)).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
  })
})

test('isAstralKey tells where plain < is not enough', () => {
  expect(isAstralKey('users/\ud7ff')).toBe(false)
  expect(isAstralKey('users/\ue000')).toBe(true)
  expect(isAstralKey('users/\u{1f600}')).toBe(true)
})
