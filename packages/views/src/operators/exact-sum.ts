/**
 * A sum of numbers that forgets nothing: what is added and taken away again leaves no trace, in whatever order. A double is
 * a whole number times a power of two, and so is each sum of them: that is what is kept, with all its digits.
 */

/** A sum as it is kept: a whole number, or a larger one in decimal digits and the power of two that it is to be multiplied by. */
export type StoredSum = number | readonly [digits: string, exponent: number]

/**
 * Sums numbers without rounding: only what it shows is rounded, once. Nearly all numbers are cut into pieces of 26 binary
 * digits, each of which is added to those of its size: so many fit into a double that no digit is lost for long.
 */
export class ExactSum {
  /** All of it while it is a whole number that a double holds exactly. */
  #whole = 0
  /** What else was added since somebody looked: pieces, by their size. */
  #pieces: Float64Array | undefined
  /** How many numbers are in them. */
  #cut = 0
  /** What else there is: `#digits` times 2 to the power of `#exponent`. */
  #digits = 0n
  #exponent = 0

  constructor(stored: StoredSum = 0) {
    if (typeof stored === 'number') {
      this.#whole = stored
      return
    }
    this.#digits = BigInt(stored[0])
    this.#exponent = stored[1]
  }

  /** Adds a finite number. */
  add(number: number): void {
    const sum = this.#whole + number
    if (Number.isSafeInteger(number) && Number.isSafeInteger(sum)) {
      this.#whole = sum
      return
    }
    if (!this.#addPieces(number)) this.#addParts(...parts(number))
  }

  /** The double that is nearest to the sum; Infinity where none is near. */
  get value(): number {
    this.#gather()
    return this.#digits === 0n ? this.#whole : nearest(this.#digits, this.#exponent)
  }

  /** The same for the same sum, whatever it came from. */
  get stored(): StoredSum {
    this.#gather()
    return this.#digits === 0n ? this.#whole : [String(this.#digits), this.#exponent]
  }

  /** @returns false where the number is too large, or has digits that are too small */
  #addPieces(number: number): boolean {
    if (Math.abs(number) >= pieceMax || (Math.abs(number) < pieceMin && number !== 0)) return false
    const pieces = (this.#pieces ??= new Float64Array(sizes.length))
    let rest = number
    for (let i = 0; rest !== 0; i++) {
      // Of a sum with so large a number no digit is left that is smaller than the piece: what is rounded off is the rest.
      const rounder = rounders[i] as number
      const piece = rest + rounder - rounder
      pieces[i] = (pieces[i] as number) + piece
      rest -= piece
    }
    if (++this.#cut === cutMax) this.#gatherPieces()
    return true
  }

  #gatherPieces(): void {
    const pieces = this.#pieces
    if (pieces === undefined || this.#cut === 0) return
    this.#cut = 0
    sizes.forEach((exponent, i) => {
      if (pieces[i] !== 0) this.#addParts(BigInt((pieces[i] as number) * 2 ** -exponent), exponent)
    })
    pieces.fill(0)
  }

  #addParts(digits: bigint, exponent: number): void {
    if (exponent < this.#exponent) {
      this.#digits <<= BigInt(this.#exponent - exponent)
      this.#exponent = exponent
    }
    this.#digits += digits << BigInt(exponent - this.#exponent)
  }

  /** Brings all of it into one place, with no more digits than it needs. */
  #gather(): void {
    this.#gatherPieces()
    if (this.#digits === 0n) {
      this.#exponent = 0
      return
    }
    if (this.#whole !== 0) this.#addParts(BigInt(this.#whole), 0)
    this.#whole = 0
    const zeros = trailingZeros(this.#digits)
    this.#digits >>= BigInt(zeros)
    this.#exponent += zeros
    const whole = this.#exponent < 0 || this.#exponent > 53 ? NaN : Number(this.#digits) * 2 ** this.#exponent
    if (this.#digits !== 0n && !Number.isSafeInteger(whole)) return
    this.#whole = this.#digits === 0n ? 0 : whole
    this.#digits = 0n
    this.#exponent = 0
  }
}

const bits = new DataView(new ArrayBuffer(8))

/** So many binary digits a piece has. */
const pieceBits = 26

/** The powers of two that pieces are whole multiples of. */
const sizes = [1, 0, -1, -2, -3, -4].map((n) => n * pieceBits)

/** Added to a number and taken away again, they round it to a multiple of a size. */
const rounders = sizes.map((exponent) => 1.5 * 2 ** (52 + exponent))

/** The numbers between these have no digits but those of pieces. */
const pieceMax = 2 ** (2 * pieceBits)
const pieceMin = 2 ** (52 - 4 * pieceBits)

/** After so many numbers a sum of pieces may have as many digits as a double holds. */
const cutMax = 2 ** pieceBits

/** So many digits a double has behind its first one. */
const mantissaBits = 52

/** The exponent of the last digit of the smallest doubles. */
const leastExponent = -1074

/** A double as a whole number times a power of two. */
function parts(number: number): readonly [digits: bigint, exponent: number] {
  bits.setFloat64(0, number)
  const mantissa = bits.getBigUint64(0) & (2n ** BigInt(mantissaBits) - 1n)
  const power = (bits.getUint16(0) >> 4) & 0x7ff
  const digits = power === 0 ? mantissa : mantissa | (1n << BigInt(mantissaBits))
  return [number < 0 ? -digits : digits, Math.max(power, 1) - 1 + leastExponent]
}

function trailingZeros(digits: bigint): number {
  if (digits === 0n) return 0
  let zeros = 0
  // Between the first digit of the largest double and the last one of the smallest lie 2,098 others.
  for (let step = 2048; step >= 1; step /= 2) {
    if (BigInt.asUintN(step, digits >> BigInt(zeros)) === 0n) zeros += step
  }
  return zeros
}

/** So many digits are more than a double holds, and few enough that they are one. */
const enoughBits = 200

/** Rounds once, to the nearest double, to the even one of two. */
function nearest(digits: bigint, exponent: number): number {
  const size = (digits < 0n ? -digits : digits).toString(16).length * 4
  const surplus = size - enoughBits
  if (surplus <= 0) return Number(digits) * 2 ** exponent
  // What is cut off decides only whether this is exactly half-way: its last digit stands for all of it.
  const kept = (digits >> BigInt(surplus)) | 1n
  return Number(kept) * 2 ** (exponent + surplus)
}
