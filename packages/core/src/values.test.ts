import { describe, expect, test } from 'vitest'
import { checkValue, valuesEqual } from './values.ts'

/** Arrays in each other, so many deep. */
function nested(depth: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

function sparse(): unknown[] {
  const array: unknown[] = [1, 2]
  array[3] = 4
  return array
}

class Point {
  readonly x = 1
}

const shared = { a: [1] }

const cycle: { self?: unknown } = {}
cycle.self = { inner: [cycle] }

describe('checkValue takes what standard MessagePack carries', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['booleans', [true, false]],
    ['numbers', [0, -0, 1.5, -1, Number.MAX_VALUE, 5e-324, 2 ** 53]],
    ['strings', ['', '\0', '\u{1f600}', '\uffff']],
    ['bytes', new Uint8Array([0, 255])],
    ['a Buffer', Buffer.from('ab')],
    ['empty things', [[], {}, new Uint8Array(0)]],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['names of the prototype', { constructor: 1, toString: 'a', hasOwnProperty: null, '': 0 }],
    ['what is frozen', Object.freeze({ a: Object.freeze([1]) })],
    ['the same object twice', [shared, { shared }]],
  ])('%s', (_, value) => {
    expect(checkValue(value, 64)).toBeGreaterThan(0)
  })

  test('to the depth that is allowed, and no deeper', () => {
    expect(() => checkValue(1, 0)).not.toThrow()
    expect(() => checkValue([], 0)).toThrow()
    expect(() => checkValue(nested(64), 64)).not.toThrow()
    expect(() => checkValue(nested(65), 64)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }))
    expect(() => checkValue({ a: [new Uint8Array(1)] }, 2)).not.toThrow()
  })

  test('and tells about how many bytes it takes', () => {
    const short = checkValue({ name: 'Ann' }, 64)
    expect(short).toBeLessThan(40)
    expect(checkValue({ name: 'x'.repeat(1000) }, 64)).toBeGreaterThan(1000)
    expect(checkValue(new Uint8Array(1000), 64)).toBeGreaterThanOrEqual(1000)
    expect(
      checkValue(
        Array.from({ length: 100 }, () => null),
        64,
      ),
    ).toBeGreaterThanOrEqual(100)
  })
})

describe('checkValue refuses', () => {
  test.each<[string, unknown, string]>([
    ['undefined', undefined, 'undefined is no value'],
    ['an undefined member', { a: undefined }, 'at .a: undefined'],
    ['NaN', [1, NaN], 'at [1]: NaN'],
    ['Infinity', { a: { b: [Infinity] } }, 'at .a.b[0]: Infinity'],
    ['-Infinity', -Infinity, '-Infinity'],
    ['a bigint', 1n, 'bigint'],
    ['a function', { then: () => 1 }, 'at .then: a function'],
    ['a symbol', Symbol('s'), 'a symbol'],
    ['a Date', { at: new Date(0) }, 'at .at: a Date'],
    ['a Map', new Map(), 'a Map'],
    ['a Set', new Set(), 'a Set'],
    ['an instance of a class', new Point(), 'a Point'],
    ['an object made from another', Object.create({ a: 1 }), 'no value'],
    ['another view of bytes', new Uint16Array(1), 'a Uint16Array'],
    ['a buffer without a view', new ArrayBuffer(1), 'a ArrayBuffer'],
    ['a boxed string', Object('a'), 'a String'],
    ['a regular expression', /a/, 'a RegExp'],
    ['a promise', Promise.resolve(), 'a Promise'],
    ['a hole in an array', sparse(), 'at [2]: undefined'],
    ['a member named by a symbol', { a: 1, [Symbol('s')]: 1 }, 'symbols'],
    ['a getter', Object.defineProperty({}, 'a', { get: () => 1, enumerable: true }), 'at .a: a member must be plain'],
    ['a setter', Object.defineProperty({}, 'a', { set: () => {}, enumerable: true }), 'at .a: a member must be plain'],
    ['__proto__ as a member', JSON.parse('{"a":{"__proto__":1}}'), 'at .a.__proto__: a member may not'],
    ['half a surrogate pair', ['\ud83d'], 'at [0]: a string must be well-formed'],
    ['half a surrogate pair in a name', { '\udc00': 1 }, 'the name of a member'],
    ['a cycle', cycle, 'too deep, or holds itself'],
    ['200,000 arrays in each other', nested(200_000), 'too deep'],
  ])('%s', (_, value, message) => {
    const refused = expect.objectContaining({ code: 'BAD_VALUE', message: expect.stringContaining(message) })
    expect(() => checkValue(value, 64)).toThrow(refused)
  })

  test('without calling what it looks at', () => {
    let called = 0
    const spy = {
      get a() {
        return ++called
      },
      toJSON: () => ++called,
    }
    expect(() => checkValue(spy, 64)).toThrow()
    expect(called).toBe(0)
  })
})

describe('valuesEqual', () => {
  test.each<[unknown, unknown]>([
    [null, null],
    [0, -0],
    ['a', 'a'],
    [
      [1, [2]],
      [1, [2]],
    ],
    [
      { a: 1, b: { c: 2 } },
      { b: { c: 2 }, a: 1 },
    ],
    [{ a: 1 }, Object.assign(Object.create(null) as object, { a: 1 })],
    [new Uint8Array([1, 2]), Buffer.from([1, 2])],
  ])('%j is %j', (a, b) => {
    expect(valuesEqual(a, b)).toBe(true)
    expect(valuesEqual(b, a)).toBe(true)
  })

  test.each<[unknown, unknown]>([
    [null, 0],
    [null, {}],
    [0, false],
    ['1', 1],
    [[], {}],
    [[1], [1, 1]],
    [
      [1, 2],
      [2, 1],
    ],
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: 1 }, { a: 1, b: 1 }],
    [{}, { toString: 1 }],
    [{ toString: 1 }, { constructor: 1 }],
    [new Uint8Array([1]), new Uint8Array([2])],
    [new Uint8Array([1]), new Uint8Array([1, 2])],
    [new Uint8Array([1]), [1]],
    [new Uint8Array([1]), { 0: 1 }],
    [new Uint8Array(0), {}],
  ])('%j is not %j', (a, b) => {
    expect(valuesEqual(a, b)).toBe(false)
    expect(valuesEqual(b, a)).toBe(false)
  })
})
