import { expect, test } from 'vitest'
import { randomWord } from '../ambient.ts'
import { seededRandom } from './seeded-random.ts'

const draw = (seed: number): number[] => Array.from({ length: 1_000 }, seededRandom(seed))

test('a seed gives the same numbers each time, another one others', () => {
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
  expect(randomWord(seededRandom(7))).toMatch(/^[a-z0-9]{16}$/u)
})

test('the numbers lie from 0 to 1, spread evenly', () => {
  for (const seed of [0, 1, -1, 2 ** 31, 123_456_789]) {
    const numbers = draw(seed)
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
    const tenths = new Set(numbers.map((number) => Math.floor(number * 10)))
    expect(tenths.size).toBe(10)
    expect(numbers.reduce((sum, number) => sum + number) / numbers.length).toBeCloseTo(0.5, 1)
  }
})
