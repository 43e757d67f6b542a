import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ExactSum } from './exact-sum.ts'

/** Doubles of all sizes, and those that sums are made of in practice. */
const anyNumber = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.integer({ min: -1_000, max: 1_000 }).map((cents) => cents / 100),
  fc.constantFrom(0, -0, 5e-324, -5e-324, 2 ** -1022, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53, 1e308, 0.1),
)

function sumOf(numbers: readonly number[]): ExactSum {
  const sum = new ExactSum()
  for (const number of numbers) sum.add(number)
  return sum
}

/** The sum in units of the smallest double. */
function unitsOf(numbers: readonly number[]): bigint {
  return numbers.reduce((units, number) => {
    let digits = number
    let scale = 0
    while (!Number.isInteger(digits)) {
      digits *= 2
      scale++
    }
    return units + (BigInt(digits) << BigInt(1074 - scale))
  }, 0n)
}

describe('an exact sum', () => {
  test('L0: is the same in any order, and what was taken away leaves no trace', () => {
    fc.assert(
      fc.property(fc.array(anyNumber), fc.array(anyNumber), (stay, leave) => {
        const one = sumOf(stay)
        const other = sumOf([...leave, ...stay.toReversed(), ...leave.toReversed().map((number) => -number)])
        expect(other.stored).toEqual(one.stored)
        expect(other.value).toBe(one.value)
      }),
    )
  })

  test('is as good as new when it comes back from where it was kept', () => {
    fc.assert(
      fc.property(fc.array(anyNumber), fc.array(anyNumber), (before, after) => {
        const sum = new ExactSum(sumOf(before).stored)
        for (const number of after) sum.add(number)
        expect(sum.stored).toEqual(sumOf([...before, ...after]).stored)
      }),
    )
  })

  test('shows the nearest double', () => {
    fc.assert(
      fc.property(fc.array(anyNumber, { maxLength: 8 }), (numbers) => {
        const { value } = sumOf(numbers)
        const units = unitsOf(numbers)
        if (!Number.isFinite(value)) {
          expect(units > unitsOf([Number.MAX_VALUE]) || units < unitsOf([-Number.MAX_VALUE])).toBe(true)
          return
        }
        const away = (double: number): bigint => {
          const distance = unitsOf([double]) - units
          return distance < 0n ? -distance : distance
        }
        for (const neighbour of neighbours(value)) expect(away(value) <= away(neighbour)).toBe(true)
      }),
    )
  })

  test('does not drift', () => {
    expect(sumOf([0.1, 0.2, -0.1, -0.2]).value).toBe(0)
    expect(sumOf([1e16, 1, -1e16]).value).toBe(1)
    expect(sumOf([1e308, 1e308, -1e308, -1e308, 5e-324]).value).toBe(5e-324)
    expect(sumOf([1e308, 1e308]).value).toBe(Infinity)
    expect(sumOf([5e-324, 1e308, -5e-324]).stored).toEqual(sumOf([1e308]).stored)
    expect(sumOf(Array.from({ length: 10 }, () => 0.1)).value).toBe(1)
  })
})

/** The doubles right beside one, where they are finite. */
function neighbours(value: number): number[] {
  const view = new DataView(new ArrayBuffer(8))
  if (value === 0) return [5e-324, -5e-324]
  return [-1n, 1n]
    .map((step) => {
      view.setFloat64(0, value)
      view.setBigUint64(0, view.getBigUint64(0) + step)
      return view.getFloat64(0)
    })
    .filter((double) => Number.isFinite(double))
}
