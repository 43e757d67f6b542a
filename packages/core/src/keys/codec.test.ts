import { describe, expect, test } from 'vitest'
import { compareKeys } from './order.ts'
import { desc, key, type KeyPart, parts } from './codec.ts'

const badKey = expect.objectContaining({ code: 'BAD_KEY' })

describe('key', () => {
  test.each<[string, KeyPart[]]>([
    ['', []],
    ['users/ann', ['users', 'ann']],
    ['Users/日本/\u{1f600}', ['Users', '日本', '\u{1f600}']],
    ['year/2026', ['year', '2026']],
    ['__proto__/constructor', ['__proto__', 'constructor']],
    ['posts/#b42', ['posts', 42]],
    ['log/#m1700000000000', ['log', 1_700_000_000_000]],
    ['#a3p5', [3.5]],
    ['#0p05', [0.05]],
    ['#0', [0]],
    ['#-Lx~', [-5]],
    ['#z0271' + '0'.repeat(26), [1e26]],
    ['!/!f/!t', [null, false, true]],
    ['.', ['']],
    ['./.', ['', '']],
    ['by0-name/Smith0 `Jones', ['by-name', 'Smith Jones']],
    ['a0.sb/a0.db/0 @', ['a/b', 'a.b', '\0']],
    ['10.z/a001', ['10', 'a001']],
    ['-!9e9191~', [desc('ann')]],
    ['-!104440~', [desc('\ufeff')]],
    ['-!~', [desc('')]],
    ['-#-Lx~', [desc(5)]],
    ['-0/-1/-2', [desc(true), desc(false), desc(null)]],
  ])('writes %j, and parts reads it', (text, made) => {
    expect(key(...made)).toBe(text)
    expect(parts(text)).toEqual(made.map((part) => (typeof part === 'object' && part !== null ? part.desc : part)))
  })

  test('keeps numbers in order over all powers of ten', () => {
    const powers = Array.from({ length: 632 }, (_, i) => Number(`1e${i - 323}`)).flatMap((n) => [n, n * 9.5])
    const numbers = [...powers.map((n) => -n).toReversed(), 0, ...powers].filter(Number.isFinite)
    const written = numbers.map((n) => key(n))
    expect(written.toSorted(compareKeys)).toEqual(written)
    expect(written.map((text) => parts(text)[0])).toEqual(numbers)
  })

  test('takes -0 as 0', () => {
    expect(key(-0, desc(-0))).toBe(key(0, desc(0)))
    expect(parts(key(-0, desc(-0)))).toEqual([0, 0])
  })

  test('what is longer than a part comes after all that goes on behind it', () => {
    const sorted = [
      key('a'),
      key('a', ''),
      key('a', '\u{10ffff}'),
      key('a!'),
      key('a/b'),
      key('a0'),
      key('a0', 1),
      key('a00'),
      key('ab'),
    ]
    expect(sorted.toSorted(compareKeys)).toEqual(sorted)
  })

  test('puts descending parts the other way round', () => {
    const times = [5e-324, 0.5, 1, 9, 10, 1_700_000_000_000, 1e300].map((time) => key('log', desc(time)))
    expect(times.toSorted(compareKeys)).toEqual(times.toReversed())
    const names = ['', '\0', 'Ann', 'Anna', '\uffff', '\u{1f600}'].map((name) => key(desc(name), 'x'))
    expect(names.toSorted(compareKeys)).toEqual(names.toReversed())
  })

  test.each([[NaN], [Infinity], [-Infinity], ['\ud800'], [desc('\udc00')], [desc(NaN)]])('refuses %j', (part) => {
    expect(() => key('a', part)).toThrow(badKey)
  })

  test.each([[undefined], [1n], [Symbol('s')], [() => 1], [['a']], [{}], [new Date(0)], [desc(desc(1) as never)]])(
    'refuses what is no part: %s',
    (part) => {
      expect(() => key('a', part as never)).toThrow(badKey)
    },
  )
})

describe('parts', () => {
  test.each([
    '/',
    'a/',
    '/a',
    'a//b',
    'by-name',
    'a b',
    '10',
    'a0.x',
    '#',
    '#5',
    '#a',
    '#b5',
    '#a5p',
    '#a5p0',
    '#a05',
    '#0p',
    '#05',
    '#z0011',
    '#-',
    '#-~',
    '#-Lx',
    '#-}~',
    '#-#-Lx~',
    '-',
    '-3',
    '-00',
    '-a',
    '-!',
    '-!9~',
    '-!9E~',
    '-!gg~',
    '-!00~',
    '-#',
    '-#-}~',
    '!!',
    '!x',
    '..',
    '.a',
    '\0',
  ])('refuses %j, which key does not make', (text) => {
    expect(() => parts(text)).toThrow(badKey)
  })

  test('refuses half a surrogate pair', () => {
    expect(() => parts('\ud800')).toThrow(badKey)
  })
})
