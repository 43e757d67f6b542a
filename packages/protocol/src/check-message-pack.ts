import { badFrame } from './errors.ts'

/** What decoders take for something else when it is the name of a member. */
const proto = new TextEncoder().encode('__proto__')

/**
 * Walks over MessagePack without building anything, so that bytes of strangers cannot make a decoder overflow its stack,
 * believe a length that lies, or read an extension that means something only to itself.
 *
 * @returns whether a text in it is `__proto__`, which a decoder would rename where it is the name of a member
 * @throws BAD_FRAME
 */
export function checkMessagePack(bytes: Uint8Array, depthMax: number): boolean {
  const walk = new Walk(bytes, depthMax)
  const end = walk.run()
  if (end !== bytes.length) throw badFrame(`${bytes.length - end} bytes follow its end`)
  return walk.hasProto
}

class Walk {
  hasProto = false
  readonly #bytes: Uint8Array
  readonly #depthMax: number
  /** How many items are left to read at each depth. */
  readonly #left: number[] = [1]
  #at = 0

  constructor(bytes: Uint8Array, depthMax: number) {
    this.#bytes = bytes
    this.#depthMax = depthMax
  }

  run(): number {
    const left = this.#left
    while (left.length > 0) {
      const depth = left.length - 1
      if (left[depth] === 0) {
        left.pop()
        continue
      }
      left[depth] = (left[depth] ?? 0) - 1
      this.#item()
    }
    return this.#at
  }

  #item(): void {
    const type = this.#number(1)
    if (type < 0x80 || type >= 0xe0) return
    if (type < 0x90) return this.#open(2 * (type & 0x0f))
    if (type < 0xa0) return this.#open(type & 0x0f)
    if (type < 0xc0) return this.#text(type & 0x1f)
    switch (type) {
      case 0xc0:
      case 0xc2:
      case 0xc3:
        return
      case 0xc4:
        return this.#skip(this.#number(1))
      case 0xc5:
        return this.#skip(this.#number(2))
      case 0xc6:
        return this.#skip(this.#number(4))
      case 0xd9:
        return this.#text(this.#number(1))
      case 0xda:
        return this.#text(this.#number(2))
      case 0xdb:
        return this.#text(this.#number(4))
      case 0xca:
        return this.#skip(4)
      case 0xcb:
        return this.#skip(8)
      case 0xcc:
      case 0xd0:
        return this.#skip(1)
      case 0xcd:
      case 0xd1:
        return this.#skip(2)
      case 0xce:
      case 0xd2:
        return this.#skip(4)
      case 0xcf:
      case 0xd3:
        return this.#skip(8)
      case 0xdc:
        return this.#open(this.#number(2))
      case 0xdd:
        return this.#open(this.#number(4))
      case 0xde:
        return this.#open(2 * this.#number(2))
      case 0xdf:
        return this.#open(2 * this.#number(4))
      default:
        throw badFrame('it holds an extension type')
    }
  }

  #open(items: number): void {
    // Each item takes a byte at least: a length that lies is found before anything is walked.
    if (items > this.#bytes.length - this.#at) throw badFrame('it ends early')
    if (this.#left.length > this.#depthMax) throw badFrame(`it is more than ${this.#depthMax} deep`)
    this.#left.push(items)
  }

  #text(size: number): void {
    const start = this.#at
    this.#skip(size)
    if (size === proto.length) this.hasProto ||= proto.every((byte, i) => byte === this.#bytes[start + i])
  }

  #skip(size: number): void {
    this.#at += size
    if (this.#at > this.#bytes.length) throw badFrame('it ends early')
  }

  #number(size: number): number {
    const start = this.#at
    this.#skip(size)
    let value = 0
    for (let i = start; i < this.#at; i++) value = value * 256 + (this.#bytes[i] ?? 0)
    return value
  }
}
