/**
 * A sum of numbers that forgets nothing: what is added and taken away again leaves no trace, in whatever order. A double is
 * a whole number times a power of two, and so is each sum of them: that is what is kept, with all its digits.
 */

/** A sum as it is kept: a whole number, or a larger one in decimal digits and the power of two that it is to be multiplied by. */
export type StoredSum = number | readonly [digits: string, exponent: number]

/** Sums numbers without rounding: only what it shows is rounded, once. */
export class ExactSum {
  /** All of it while it is a whole number that a double holds exactly. */
  #whole = 0
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
    const [digits, exponent] = parts(number)
    this.#addParts(digits, exponent)
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

  #addParts(digits: bigint, exponent: number): void {
    if (exponent < this.#exponent) {
      this.#digits <<= BigInt(this.#exponent - exponent)
      this.#exponent = exponent
    }
    this.#digits += digits << BigInt(exponent - this.#exponent)
  }

  /** Brings all of it into one place, with no more digits than it needs. */
  #gather(): void {
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
  for (let step = 1024; step >= 1; step /= 2) {
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
