import { isFanlightError } from '@fanlight/core'
import { anyValue } from '@fanlight/core/conformance'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { arrayHeader, concat, decode, encode } from './codec.ts'
import { frameOf, readClientFrame } from './frame.ts'
import { Kind } from './messages.ts'

const depth = 64

function refused(work: () => unknown): boolean {
  try {
    work()
    return false
  } catch (error) {
    if (!isFanlightError(error, 'BAD_FRAME')) throw error
    return true
  }
}

describe('values', () => {
  test('cross as they are (L0)', () => {
    fc.assert(
      fc.property(anyValue(), (value) => {
        expect(decode(encode([value]), depth)).toEqual([value])
      }),
      { numRuns: 500 },
    )
  })

  test('keys that are names of members elsewhere are just keys', () => {
    const changes = ['__proto__', 'constructor', 'toString', ''].map((key) => [key, key])
    const frame = frameOf([encode([Kind.commit, 1, changes, null, null, null])])
    expect(readClientFrame(frame, depth)).toEqual([[Kind.commit, 1, changes, null, null, null]])
  })
})

describe('bytes of strangers', () => {
  test('any bytes are a frame or BAD_FRAME, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        refused(() => readClientFrame(bytes, depth))
      }),
      { numRuns: 5_000 },
    )
  })

  test('a frame that was cut, or goes on, is refused', () => {
    const frame = frameOf([encode([Kind.fetch, 7, { gte: 'a' }, null, null, 'wait', 1000]), encode([Kind.cancel, 7])])
    for (let end = 0; end < frame.length; end++) {
      expect(refused(() => readClientFrame(frame.slice(0, end), depth))).toBe(true)
    }
    expect(refused(() => readClientFrame(concat([frame, Uint8Array.of(0)]), depth))).toBe(true)
    expect(readClientFrame(frame, depth)).toHaveLength(2)
  })

  test('L8: what is deeper than a value may be is refused before anything is built of it, in arrays as in maps', () => {
    const nested = (levels: number, wrap: (inner: unknown) => unknown): Uint8Array => {
      let value: unknown = 0
      for (let i = 0; i < levels; i++) value = wrap(value)
      return frameOf([encode([Kind.commit, 1, [['a', value]], null, null, null])])
    }
    for (const wrap of [(inner: unknown) => [inner], (inner: unknown) => ({ inner })]) {
      expect(readClientFrame(nested(depth, wrap), depth)).toHaveLength(1)
      expect(refused(() => readClientFrame(nested(depth + 8, wrap), depth))).toBe(true)
    }
  })

  test.each<[string, Uint8Array]>([
    ['200,000 arrays in each other', new Uint8Array(200_000).fill(0x91)],
    ['200,000 maps in each other', new Uint8Array(200_000).fill(0x81)],
    ['an array of 2^31 - 1 items in 5 bytes', Uint8Array.of(0xdd, 0x7f, 0xff, 0xff, 0xff)],
    ['a map of 2^32 - 1 members in 5 bytes', Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff)],
    ['text of 4 GiB in 5 bytes', Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff)],
    ['a record of msgpackr', Uint8Array.of(0x91, 0xd4, 0x72, 0x40)],
    ['any extension', Uint8Array.of(0x91, 0xd4, 0x00, 0x00)],
    ['the byte that means nothing', Uint8Array.of(0x91, 0xc1)],
    ['a number', encode(5)],
    ['a message of no kind', frameOf([encode(['fetch', 1])])],
    ['a kind that there is not', frameOf([encode([99, 1])])],
    ['a message of the server', frameOf([encode([Kind.step, {}])])],
    ['an id that is no number', frameOf([encode([Kind.cancel, 'a'])])],
    ['an id that is negative', frameOf([encode([Kind.cancel, -1])])],
    ['an id beyond what is safe', frameOf([encode([Kind.cancel, 2 ** 60])])],
    ['a message with more than it has', frameOf([encode([Kind.cancel, 1, 2])])],
    ['a point that is a list', frameOf([encode([Kind.watch, 1, 'a', [1]])])],
    ['nothing', new Uint8Array(0)],
  ])('%s: BAD_FRAME', (_, bytes) => {
    expect(refused(() => readClientFrame(bytes, depth))).toBe(true)
  })

  const whole: readonly (readonly [name: string, message: readonly unknown[], least: number])[] = [
    ['hello', [Kind.hello, 1, null], 2],
    ['fetch', [Kind.fetch, 1, 'a', null, null, null, null], 7],
    ['changes', [Kind.changes, 1, 'a', {}, null, null], 6],
    ['watch', [Kind.watch, 1, 'a', null], 4],
    ['unwatch', [Kind.unwatch, 1], 2],
    ['commit', [Kind.commit, 1, [['a', 1]], null, null, null, 'meta'], 6],
    ['commit with an id', [Kind.commit, 1, [['a']], null, null, ['s', 1, {}], null], 6],
    ['cancel', [Kind.cancel, 1], 2],
  ]

  test.each(whole)('%s is whole, or BAD_FRAME', (_, message, least) => {
    for (let length = 1; length <= message.length + 1; length++) {
      const frame = frameOf([encode([...message, null].slice(0, length))])
      expect([length, refused(() => readClientFrame(frame, depth))]).toEqual([
        length,
        length < least || length > message.length,
      ])
    }
  })

  test('TOO_MANY: a frame has so many messages', () => {
    const cancels = frameOf(Array.from({ length: 5 }, (__, id) => encode([Kind.cancel, id])))
    expect(readClientFrame(cancels, depth, 5)).toHaveLength(5)
    expect(() => readClientFrame(cancels, depth, 4)).toThrow(expect.objectContaining({ code: 'TOO_MANY' }))
  })

  test('headers of arrays are those of the packer', () => {
    for (const length of [0, 15, 16, 65_535, 65_536]) {
      const packed = encode(Array.from({ length }, () => 0))
      expect(Buffer.compare(arrayHeader(length), packed.slice(0, packed.length - length))).toBe(0)
    }
  })
})
