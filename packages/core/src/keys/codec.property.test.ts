import fc from 'fast-check'
import { expect, test } from 'vitest'
import { spanHas, prefix, readQuery } from '../ranges.ts'
import { compareKeys } from './order.ts'
import { desc, key, type KeyPart, parts, type PlainPart } from './codec.ts'

/** Characters at the borders of the escapes, and of UTF-8. */
const character = fc.constantFrom(
  ...'\0\u001f !"#$%&\'()*+,-./01289:@AZ`adsz{|}~\u007f\u0080\u07ff\ud7ff\ue000\uf900\uffff',
  '\u{10000}',
  '\u{10ffff}',
)
const text = fc.oneof(
  fc.string({ unit: character, maxLength: 4 }),
  fc.string({ unit: fc.constantFrom('0', '.', 'a', '-', '/'), maxLength: 4 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
)
const number = fc.oneof(
  fc.integer({ min: -12, max: 12 }),
  fc.integer({ min: -1100, max: 1100 }).map((n) => n / 100),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const plain: fc.Arbitrary<PlainPart> = fc.oneof(text, number, fc.boolean(), fc.constant(null))
const part: fc.Arbitrary<KeyPart> = fc.oneof({ weight: 3, arbitrary: plain }, { weight: 1, arbitrary: plain.map(desc) })
const tuple = fc.array(part, { maxLength: 3 })
/** Tuples that often share their first parts. */
const tuples = fc.tuple(fc.array(part, { maxLength: 2 }), tuple, tuple).map(
  ([start, a, b]) =>
    [
      [...start, ...a],
      [...start, ...b],
    ] as const,
)

/** The order that the documentation promises, written down naively. */
function compareTuples(a: readonly KeyPart[], b: readonly KeyPart[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i]
    if (right === undefined) return 1
    const order = compareParts(left, right)
    if (order !== 0) return order
  }
  return a.length - b.length
}

function compareParts(a: KeyPart, b: KeyPart): number {
  const kind = kindOf(a) - kindOf(b)
  if (kind !== 0) return kind
  if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) return compareParts(b.desc, a.desc)
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)))
}

function kindOf(part: KeyPart): number {
  if (part === null) return 0
  return ['boolean', 'number', 'object', 'string'].indexOf(typeof part) + 1
}

test('keys are in the order of their parts, in UTF-8 too (L0)', () => {
  fc.assert(
    fc.property(tuples, ([a, b]) => {
      const order = Math.sign(compareTuples(a, b)) + 0
      expect(Math.sign(compareKeys(key(...a), key(...b))) + 0).toBe(order)
      expect(Buffer.compare(Buffer.from(key(...a)), Buffer.from(key(...b)))).toBe(order)
    }),
    { numRuns: 5000 },
  )
})

test('parts gives back what key was made of', () => {
  fc.assert(
    fc.property(tuple, (made) => {
      const found = parts(key(...made))
      expect(found).toEqual(made.map((p) => plus0(typeof p === 'object' && p !== null ? p.desc : p)))
    }),
    { numRuns: 2000 },
  )
})

function plus0(part: PlainPart): PlainPart {
  return part === 0 ? 0 : part
}

test('a key and a slash are the prefix of just the keys that go on from it', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 2 }), tuple, tuple, (start, more, other) => {
      const [span] = readQuery(prefix(`${key(...start)}/`)).list
      expect(span && spanHas(span, key(...start, ...more))).toBe(more.length > 0)
      const goesOn = other.length > start.length && start.every((p, i) => same(p, other[i]))
      expect(span && spanHas(span, key(...other))).toBe(goesOn)
    }),
    { numRuns: 2000 },
  )
})

function same(a: KeyPart, b: KeyPart | undefined): boolean {
  return b !== undefined && compareParts(a, b) === 0
}

test('parts reads a text as key writes it, or refuses it with BAD_KEY', () => {
  const segment = fc.string({ unit: fc.constantFrom(...'!#-./0159Lafpxz~{}'), maxLength: 6 })
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          segment,
          part.map((p) => key(p)),
        ),
        { minLength: 1, maxLength: 3 },
      ),
      (segments) => {
        const written = segments.join('/')
        let found: PlainPart[]
        try {
          found = parts(written)
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_KEY' })
          return
        }
        const again = found.map((p, i) => (segments.join('/').split('/')[i]?.startsWith('-') ? desc(p) : p))
        expect(key(...again)).toBe(written)
      },
    ),
    { numRuns: 2000 },
  )
})
