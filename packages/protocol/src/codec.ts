import { Packr } from 'msgpackr'
import { checkMessagePack } from './check-message-pack.ts'
import { badFrame } from './errors.ts'

/** Standard MessagePack: no records, no structures, 64-bit integers as numbers. */
const packr = new Packr({
  useRecords: false,
  int64AsType: 'number',
  mapsAsObjects: true,
  variableMapSize: true,
  copyBuffers: true,
})

/** The same, but that maps are read as such. */
const mapped = new Packr({ useRecords: false, int64AsType: 'number', mapsAsObjects: false })

/** How deep a message may be around the values in it. */
const envelope = 8

/** One message, or a piece of one. The bytes are the caller's. */
export function encode(message: unknown): Uint8Array {
  return packr.pack(message)
}

/**
 * Reads what `encode` made.
 *
 * @param depthMax how deep values may nest, checked before anything is built
 * @throws BAD_FRAME where it is no MessagePack of values, ends early, goes on behind its end, or is too deep
 */
export function decode(bytes: Uint8Array, depthMax: number): unknown {
  return checkMessagePack(bytes, depthMax + envelope) ? decodeExactly(bytes) : decodeTrusted(bytes)
}

/** Reads what comes from an end that is trusted: its length and depth are not looked at before. */
export function decodeTrusted(bytes: Uint8Array): unknown {
  try {
    // Of a Node Buffer, bytes in it would be Buffers too.
    return packr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  } catch (error) {
    throw badFrame('it is no MessagePack', error)
  }
}

/** Keeps a member called `__proto__` what it is, so that whoever checks the value finds it; the decoder would rename it. */
function decodeExactly(bytes: Uint8Array): unknown {
  try {
    return plain(mapped.unpack(bytes))
  } catch (error) {
    throw badFrame('it is no MessagePack', error)
  }
}

function plain(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(plain)
  if (!(item instanceof Map)) return item
  const object = {}
  for (const [name, value] of item) {
    Object.defineProperty(object, String(name), {
      value: plain(value),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return object
}

/** The first bytes of an array of so many items. */
export function arrayHeader(length: number): Uint8Array {
  if (length < 16) return Uint8Array.of(0x90 | length)
  if (length < 2 ** 16) return Uint8Array.of(0xdc, length >> 8, length & 0xff)
  return Uint8Array.of(0xdd, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff)
}

/** Pieces as one. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  let size = 0
  for (const piece of pieces) size += piece.length
  const whole = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}
