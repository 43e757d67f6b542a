import * as fc from 'fast-check'
import type { Query, Range } from '../store.ts'

const nasty = [
  '',
  'a',
  'a/',
  'a/b',
  'a0',
  'b',
  '\0',
  'a\0',
  '__proto__',
  'constructor',
  'toString',
  'length',
  '0',
  '10',
  '2',
  'é',
  'e\u0301',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '😀',
  '😀/a',
  'a/😀',
]

/**
 * Keys at which stores go wrong: empty, nested, names of prototypes, numbers as text, and those above U+FFFF, whose order
 * is not that of JavaScript's strings.
 *
 * @example
 * ```ts
 * import { nastyKeys } from '@fanlight/core/conformance'
 *
 * const mounted = nastyKeys().map((key) => `users/${key}`)
 * console.log(typeof mounted.generate) // function
 * ```
 */
export function nastyKeys(): fc.Arbitrary<string> {
  return fc.constantFrom(...nasty)
}

/** Values of every kind that a store must take, each small. */
export function anyValue(): fc.Arbitrary<unknown> {
  const text = fc.string({ unit: 'grapheme', maxLength: 4 })
  const plain = fc.oneof(
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    text,
    fc.uint8Array({ maxLength: 4 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
  )
  return fc.oneof(
    plain,
    fc.array(plain, { maxLength: 3 }),
    fc.record({ a: plain, constructor: text }, { noNullPrototype: true }),
  )
}

/** One range with bounds among `keys`: now and then empty, upside-down, limited or reversed. */
export function anyRange(keys: readonly string[]): fc.Arbitrary<Range> {
  const key = fc.constantFrom(...keys)
  const lower = fc.oneof(
    key.map((gt) => ({ gt })),
    key.map((gte) => ({ gte })),
    fc.constant({}),
  )
  const upper = fc.oneof(
    key.map((lt) => ({ lt })),
    key.map((lte) => ({ lte })),
    fc.constant({}),
  )
  const limit = fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    { weight: 2, arbitrary: fc.constantFrom(0, 1, 2, 3, Infinity).map((most) => ({ limit: most })) },
  )
  const order = fc.constantFrom<Range[]>({}, {}, { reverse: true }, { reverse: false })
  return fc.tuple(lower, upper, limit, order).map((parts) => Object.assign({}, ...parts) as Range)
}

/** A query with bounds among `keys`: a key, a range, or several that may overlap; now and then everything, or nothing. */
export function anyQuery(keys: readonly string[]): fc.Arbitrary<Query> {
  const item = fc.oneof({ weight: 1, arbitrary: fc.constantFrom(...keys) }, { weight: 3, arbitrary: anyRange(keys) })
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant<Query>({}) },
    { weight: 5, arbitrary: item },
    { weight: 3, arbitrary: fc.array(item, { maxLength: 4, size: 'max' }) },
  )
}
