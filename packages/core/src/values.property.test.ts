import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkValue, valuesEqual } from './values.ts'

const text = fc.string({ unit: 'binary', maxLength: 6 })
const name = fc
  .oneof(text, fc.constantFrom('a', 'b', 'constructor', 'toString', 'length'))
  .filter((n) => n !== '__proto__')
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true }), text),
    fc.uint8Array({ maxLength: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: false }),
  ),
}))

/** The same value with its members in the opposite order. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([n, v]) => [n, turned(v)]),
  )
}

test('what is made of lawful parts is a value, and equals its copy and itself with members turned around', () => {
  fc.assert(
    fc.property(value, (v) => {
      expect(checkValue(v, 64)).toBeGreaterThan(0)
      expect(valuesEqual(v, structuredClone(v))).toBe(true)
      expect(valuesEqual(v, turned(v))).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('two values are equal where their canonical text is', () => {
  fc.assert(
    fc.property(value, value, (a, b) => {
      expect(valuesEqual(a, b)).toBe(canonical(a) === canonical(b))
    }),
    { numRuns: 1000 },
  )
})

function canonical(value: unknown): string {
  if (value instanceof Uint8Array) return `<${value.join()}>`
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([n, v]) => `${JSON.stringify(n)}:${canonical(v)}`)
    .sort()
    .join()}}`
}

test('one bad thing anywhere is found (BAD_VALUE)', () => {
  const bad = fc.constantFrom<unknown>(undefined, NaN, 1n, new Date(0), new Map(), () => 1, '\ud800')
  fc.assert(
    fc.property(value, fc.array(fc.boolean(), { maxLength: 5 }), bad, (good, path, thing) => {
      const holder = path.reduce<unknown>((inner, list) => (list ? [good, inner] : { good, inner }), thing)
      expect(() => checkValue(holder, 64)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }))
    }),
  )
})
