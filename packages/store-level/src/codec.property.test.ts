import { Buffer } from 'node:buffer'
import { compareKeys, isFanlightError } from '@fanlight/core'
import { anyValue, nastyKeys, sameValue } from '@fanlight/core/conformance'
import { deleted, isWellFormed } from '@fanlight/core/kit'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type LogGroup,
  decodeAll,
  decodeLog,
  decodeReplaced,
  decodeStored,
  encodeLog,
  encodeReplaced,
  encodeStored,
  storedVersion,
} from './codec.ts'
import { dataEnd, dataKey, historyEnd, historyKey, idKey, idName, logEnd, logKey, logVersion } from './keys.ts'

const text = fc.string({
  unit: fc.constantFrom('\0', '\x01', 'a', '~', '\uffff', '\ud7ff', '\ue000', '😀'),
  maxLength: 5,
})
const anyKey = fc.oneof(nastyKeys(), text, fc.string({ unit: 'binary' }).filter(isWellFormed))
const version = fc.oneof(fc.constantFrom(0, 1, 9, 10, Number.MAX_SAFE_INTEGER), fc.maxSafeNat())

/** How LevelDB compares keys. */
function inBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

describe('keys in LevelDB', () => {
  it('section 1: newest records are in the order of keys, and nothing else lies between', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        expect(Math.sign(inBytes(dataKey(a), dataKey(b)))).toBe(Math.sign(compareKeys(a, b)))
        expect(inBytes(dataKey(a), dataEnd)).toBe(-1)
      }),
    )
  })

  it('section 1: replaced records are in the order of keys, and of one key the newest comes first', () => {
    fc.assert(
      fc.property(anyKey, version, anyKey, version, (a, v, b, w) => {
        const wanted = a === b ? Math.sign(w - v) : Math.sign(compareKeys(a, b))
        expect(inBytes(historyKey(a, v), historyKey(b, w))).toBe(wanted === 0 ? 0 : wanted)
        expect(inBytes(dataKey(a), historyKey(b, w))).toBe(-1)
        expect(inBytes(historyKey(b, w), historyEnd)).toBe(-1)
      }),
      {
        examples: [
          ['a', 5, 'a\0', 5],
          ['a', 5, 'a\0\0', 5],
          ['', 0, '\0', 0],
          ['a', 5, 'a\x01', 1],
          ['a\0', 1, 'a\0\x01', 1],
        ],
      },
    )
  })

  it('the log is in the order of versions', () => {
    fc.assert(
      fc.property(version, version, (v, w) => {
        expect(logVersion(logKey(v))).toBe(v)
        expect(inBytes(logKey(v), logKey(w))).toBe(Math.sign(v - w))
        expect(inBytes(logKey(v), logEnd)).toBe(-1)
      }),
    )
  })

  it('ids do not meet', () => {
    const id = fc.record({ session: text, number: fc.integer(), born: fc.constant({}) })
    fc.assert(
      fc.property(id, id, (a, b) => {
        const same = a.session === b.session && a.number === b.number
        expect(idKey(idName(a)) === idKey(idName(b))).toBe(same)
      }),
    )
  })
})

const marks = fc.constantFrom<unknown>(
  -0,
  [-0],
  ['~'],
  ['~b', 'AAEC'],
  ['~z'],
  ['~a', '~a'],
  { a: ['~z', -0] },
  new Uint8Array(300),
)
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    anyValue(),
    marks,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(text, tie('tree'), { maxKeys: 3 }),
  ),
}))

describe('records in LevelDB', () => {
  it('L0: a value comes back as it was, bytes and -0 too', () => {
    fc.assert(
      fc.property(anyKey, version, tree, (key, at, value) => {
        const written = encodeStored(at, value)
        const stored = decodeStored(key, written)
        expect(stored).toEqual({ key, value: stored.value, version: at })
        expect(storedVersion(written)).toBe(at)
        expect(sameValue(stored.value, value)).toBe(true)
        expect(stored.value).toEqual(value)
      }),
      {
        examples: [
          ['', 1, -0],
          ['', 1, { toJSON: 1 }],
          ['', 1, ['~', '~~']],
          ['', 0, '~'],
          ['', 2, new Uint8Array([255])],
        ],
      },
    )
  })

  it('many records are read as each of them is, damaged ones too', () => {
    const kinds = fc.oneof(tree, fc.constant(deleted))
    fc.assert(
      fc.property(fc.array(fc.tuple(anyKey, version, kinds)), (records) => {
        const items = records.map(([key, at, value]): [string, string] => [dataKey(key), encodeStored(at, value)])
        const one = items.map(([, text], i) => decodeStored(records[i]?.[0] ?? '', text))
        expect(decodeAll(items)).toEqual(one)
      }),
    )
    const whole = encodeStored(1, 'a')
    for (const damaged of ['1 1,2', '1 ', '1 1],[2', '1 {', '1?1', '1']) {
      for (const texts of [[damaged], [whole, damaged], [damaged, whole, '2-']]) {
        const items = texts.map((written): [string, string] => ['da', written])
        expect(() => decodeAll(items)).toThrowError(expect.objectContaining({ code: 'CORRUPT' }))
      }
    }
  })

  it('bytes come back as bytes of their own', () => {
    const { value } = decodeStored('a', encodeStored(1, new Uint8Array([1, 2])))
    expect(value).toBeInstanceOf(Uint8Array)
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype)
    expect((value as Uint8Array).buffer.byteLength).toBe(2)
  })

  it('L0: what is read is frozen, as all that readers share', () => {
    for (const value of [{ a: [1] }, { a: [new Uint8Array([1])] }]) {
      const text = encodeStored(1, value)
      const read = [
        decodeStored('a', text),
        decodeReplaced('a', encodeReplaced(2, text)).stored,
        ...decodeAll([['da', text]]),
      ]
      for (const stored of read) {
        expect(Object.isFrozen(stored.value)).toBe(true)
        expect(Object.isFrozen((stored.value as typeof value).a)).toBe(true)
      }
    }
  })

  it('deletes and replaced records come back', () => {
    fc.assert(
      fc.property(anyKey, version, version, fc.option(tree), (key, at, until, value) => {
        const written = encodeStored(at, value ?? deleted)
        const { stored, ...rest } = decodeReplaced(key, encodeReplaced(until, written))
        expect(stored).toEqual(decodeStored(key, written))
        expect(rest).toEqual({ until })
      }),
    )
  })

  it('the commits of a batch come back', () => {
    const touched = fc.record({
      key: anyKey,
      gone: fc.boolean(),
      replaced: fc.option(version, { nil: undefined }),
      wasThere: fc.boolean(),
      idle: fc.boolean(),
    })
    const commit = fc.record({
      touched: fc.array(touched),
      id: fc.option(text, { nil: undefined }),
      meta: fc.option(tree, { nil: undefined }),
    })
    const group = fc.record({ at: fc.maxSafeNat(), sum: version, commits: fc.array(commit, { minLength: 1 }) })
    fc.assert(
      fc.property(group, (one: LogGroup) => {
        expect(decodeLog(encodeLog(one))).toEqual(one)
      }),
    )
  })

  it.each(['', 'x', ' 1', '-1', '12', '12?1', '12 {', '12~[', '12 '])('%j is CORRUPT', (damaged) => {
    for (const read of [
      () => decodeStored('a', damaged),
      () => decodeReplaced('a', damaged),
      () => decodeReplaced('a', `1:${damaged}`),
    ]) {
      expect(read).toThrowError(expect.objectContaining({ code: 'CORRUPT' }))
    }
  })

  it.each(['', '[]', '[1,2]', '{}', '[1,"a",[[]]]', '[1,2,3]'])('%j is CORRUPT as a batch of the log', (damaged) => {
    try {
      decodeLog(damaged)
      expect.unreachable()
    } catch (error) {
      expect(isFanlightError(error, 'CORRUPT')).toBe(true)
    }
  })
})
