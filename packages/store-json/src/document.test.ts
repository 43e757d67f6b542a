import { type Change, key } from '@fanlight/core'
import { describe, expect, test } from 'vitest'
import { JsonDocument } from './document.ts'

function changed(text: string, changes: readonly Change[], depth = 1): string {
  const document = JsonDocument.parse(text, depth).copy()
  document.growth(changes)
  document.change(changes)
  return document.text()
}

function put(name: string, value: unknown): Change {
  return { key: name, value }
}

function del(name: string): Change {
  return { key: name, gone: true }
}

describe('the layout of a document', () => {
  test.each([
    '{}',
    '{ }',
    '{\n}\n',
    '\ufeff{"a":1}\r\n',
    ' \n{"a" : 1 ,"b":[ 1,2 ]}\n\n',
    '{\n\t"a": {\n\t\t"b": 1\n\t}\n}',
    '{"\\u0061": 1, "a/b": "\\/", "n": 1.50e+3, "big": 12345678901234567890}',
    '{"__proto__": {"x": 1}, "": null}',
  ])('%j comes back as it was', (text) => {
    expect(JsonDocument.parse(text, 1).text()).toBe(text)
    expect(JsonDocument.parse(text, 3).text()).toBe(text)
  })

  test('what is not changed keeps its text: order, white space, escapes, long numbers', () => {
    const text = '{\n  "z" : 1.0,\n  "big": 12345678901234567890,\n    "odd":[1,  2],\n  "\\u0061": 5\n}\n'
    expect(changed(text, [put('a', 6)])).toBe(text.replace(': 5', ': 6'))
    expect(changed(text, [put('z', 1), put('odd', [1, 2])])).toBe(text)
    expect(changed(text, [del('odd')])).toBe('{\n  "z" : 1.0,\n  "big": 12345678901234567890,\n  "\\u0061": 5\n}\n')
  })

  test('a value that is the same as the rounded one keeps its digits', () => {
    const text = '{"id": 9007199254740993}'
    expect(changed(text, [put('id', 9007199254740992)])).toBe(text)
    expect(changed(text, [put('id', 7)])).toBe('{"id": 7}')
  })

  test('new members stand behind the others, in the order of keys', () => {
    expect(changed('{\n  "z": 1\n}', [put('c', 1), put('\u{10000}', 2), put('\uffff', 3), put('a', { b: [1] })])).toBe(
      '{\n  "z": 1,\n  "a": {\n    "b": [\n      1\n    ]\n  },\n  "c": 1,\n  "\uffff": 3,\n  "\u{10000}": 2\n}',
    )
  })

  test.each([
    ['two spaces', '{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "b": {\n    "c": 2\n  }\n}\n'],
    ['four spaces', '{\n    "a": 1\n}', '{\n    "a": 1,\n    "b": {\n        "c": 2\n    }\n}'],
    ['tabs', '{\n\t"a": 1\n}\n', '{\n\t"a": 1,\n\t"b": {\n\t\t"c": 2\n\t}\n}\n'],
    [
      'lines that end as on Windows',
      '{\r\n  "a": 1\r\n}\r\n',
      '{\r\n  "a": 1,\r\n  "b": {\r\n    "c": 2\r\n  }\r\n}\r\n',
    ],
    ['lines without indentation', '{\n"a": 1\n}', '{\n"a": 1,\n"b": {\n"c": 2\n}\n}'],
    ['one line', '{"a":1}', '{"a":1,"b":{"c":2}}'],
    ['one line with spaces', '{"a": 1, "z": 3}', '{"a": 1, "z": 3, "b": {"c":2}}'],
    ['one member with spaces', '{ "a": 1 }', '{ "a": 1, "b": {"c":2} }'],
    ['nothing', '{}', '{\n  "b": {\n    "c": 2\n  }\n}'],
    ['nothing, with a line end', '{}\n', '{\n  "b": {\n    "c": 2\n  }\n}\n'],
    ['nothing, with white space inside', '{ \n }', '{\n  "b": {\n    "c": 2\n  }\n}'],
    [
      'fourteen spaces',
      `{\n${' '.repeat(14)}"a": 1\n}`,
      `{\n${' '.repeat(14)}"a": 1,\n${' '.repeat(14)}"b": {\n${' '.repeat(28)}"c": 2\n${' '.repeat(14)}}\n}`,
    ],
  ])('%s is gone on with', (_, before, after) => {
    expect(changed(before, [put('b', { c: 2 })])).toBe(after)
  })

  test('members at the ends can go, and all of them', () => {
    const text = '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}\n'
    expect(changed(text, [del('a')])).toBe('{\n  "b": 2,\n  "c": 3\n}\n')
    expect(changed(text, [del('c')])).toBe('{\n  "a": 1,\n  "b": 2\n}\n')
    expect(changed(text, [del('c'), put('d', 4)])).toBe('{\n  "a": 1,\n  "b": 2,\n  "d": 4\n}\n')
    expect(changed(text, [del('a'), del('b'), del('c')])).toBe('{}\n')
    expect(changed(text, [del('a'), del('b'), del('c'), put('d', 4)])).toBe('{\n  "d": 4\n}\n')
    expect(changed(text, [del('x')])).toBe(text)
  })

  test('names that JavaScript treats in its own way are names like all others', () => {
    const text = changed(
      '{}',
      ['__proto__', 'constructor', '', '2', '10', 'toString'].map((name) => put(name, { is: name })),
    )
    const document = JsonDocument.parse(text, 1)
    expect([...document.leaves().keys()]).toEqual(['', '10', '2', '__proto__', 'constructor', 'toString'])
    expect(JSON.parse(document.leaves().get('__proto__') ?? '')).toEqual({ is: '__proto__' })
    expect(changed(text, [del('__proto__')])).not.toContain('__proto__')
  })
})

describe('several members of one name', () => {
  const text = '{"a": 1, "b": 2, "a": 3, "a": 4, "c": 5}'

  test('the last counts, and the others stay while nobody changes it', () => {
    expect([...JsonDocument.parse(text, 1).leaves()]).toEqual([
      ['b', '2'],
      ['a', '4'],
      ['c', '5'],
    ])
    expect(changed(text, [put('b', 6)])).toBe(text.replace('2', '6'))
  })

  test('a change of it leaves one, or none', () => {
    expect(changed(text, [put('a', 6)])).toBe('{"b": 2, "a": 6, "c": 5}')
    expect(changed(text, [del('a')])).toBe('{"b": 2, "c": 5}')
  })
})

describe('a depth of two', () => {
  const text =
    '{\n  "version": 3,\n  "users": {\n    "ann": 1,\n    "bob": {"x": 1}\n  },\n  "none": {},\n  "list": [1]\n}\n'

  test('members of members are keys; what stands above is at its own key; what is empty stays in the file', () => {
    const document = JsonDocument.parse(text, 2)
    expect([...document.leaves()]).toEqual([
      [key('version'), '3'],
      [key('users', 'ann'), '1'],
      [key('users', 'bob'), '{"x": 1}'],
      [key('list'), '[1]'],
    ])
    expect(document.text()).toBe(text)
  })

  test('members come and go where they belong', () => {
    expect(changed(text, [put(key('users', 'cid'), [2])], 2)).toBe(
      text.replace('"bob": {"x": 1}\n', '"bob": {"x": 1},\n    "cid": [\n      2\n    ]\n'),
    )
    expect(changed(text, [put(key('none', 'a/b'), true)], 2)).toBe(text.replace('{}', '{\n    "a/b": true\n  }'))
    expect(changed('{}', [put(key('a', 'b'), 1)], 2)).toBe('{\n  "a": {\n    "b": 1\n  }\n}')
    expect(changed('{"a":{"b":1}}', [put(key('a', 'c'), {}), put(key('d', 'e'), 2)], 2)).toBe(
      '{"a":{"b":1,"c":{}},"d":{"e":2}}',
    )
  })

  test('an object that a commit emptied goes with its last member; one that was empty stays', () => {
    expect(changed('{"a":{"b":1},"c":{}}', [del(key('a', 'b')), del(key('c', 'd')), del(key('c'))], 2)).toBe('{"c":{}}')
    expect(changed('{"a":{"b":1},"c":2}', [del(key('a', 'b')), put(key('a', 'x'), 3)], 2)).toBe('{"a":{"x":3},"c":2}')
  })

  test('a key cannot be a value and hold others', () => {
    const clash = expect.objectContaining({ code: 'BAD_KEY' }) as unknown
    const refused = (changes: Change[]): unknown => {
      try {
        return changed(text, changes, 2)
      } catch (error) {
        return error
      }
    }
    expect(refused([put(key('users'), 5)])).toEqual(clash)
    expect(refused([put(key('version', 'x'), 5)])).toEqual(clash)
    expect(refused([put(key('new'), 1), put(key('new', 'x'), 5)])).toEqual(clash)
    expect(refused([put(key('users'), 5), del(key('users', 'ann'))])).toEqual(clash)
  })

  test('unless what is in the way goes with the same commit', () => {
    expect(changed('{"a":{"b":1,"c":2}}', [put(key('a'), 5), del(key('a', 'b')), del(key('a', 'c'))], 2)).toBe(
      '{"a":5}',
    )
    expect(changed('{"a":5,"z":0}', [del(key('a')), put(key('a', 'b'), 1)], 2)).toBe('{"a":{"b":1},"z":0}')
    expect(changed('{"a":{}}', [put(key('a'), 5)], 2)).toBe('{"a":5}')
  })
})

describe('what is no document', () => {
  test.each([
    ['{', 1, 2],
    ['{"a": 1,}', 1, 9],
    ['{\n  "a": tru\n}', 2, 8],
    ['{"a": "x', 1, 9],
    ['{"a": 1} x', 1, 10],
    ['{"a": 01}', 1, 8],
    ['{"a":1\r\n"b":2}', 2, 1],
    ["{'a': 1}", 1, 2],
    ['// no\n{}', 1, 1],
  ])('%j is CORRUPT at its place', (text, line, column) => {
    expect(() => JsonDocument.parse(text, 1)).toThrow(
      expect.objectContaining({
        code: 'CORRUPT',
        message: expect.stringContaining(`line ${line}, column ${column}:`) as unknown,
      }) as Error,
    )
  })

  test.each(['[]', '1', 'null', '"text"', ' [1] '])('%j has no object for a root', (text) => {
    expect(() => JsonDocument.parse(text, 1)).toThrow(expect.objectContaining({ code: 'CORRUPT' }) as Error)
  })
})
