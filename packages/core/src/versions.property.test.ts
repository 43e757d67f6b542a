import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareVersions, formatVersions, mergeVersions, parseVersions, reaches } from './versions.ts'

const few = fc.dictionary(fc.constantFrom('a@1', 'a@2', 'b@1'), fc.nat({ max: 2 }), { noNullPrototype: true })
const id = fc
  .tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }), fc.string({ unit: 'binary', maxLength: 5 }))
  .map(([name, incarnation]) => `${name}@${incarnation}`)
  .filter((text) => !text.startsWith('@'))
const any = fc.dictionary(id, fc.maxSafeNat(), { maxKeys: 4, noNullPrototype: true })

const opposite = { before: 'after', after: 'before', equal: 'equal', concurrent: 'concurrent' }

test('points are a lattice: compare and merge agree', () => {
  fc.assert(
    fc.property(few, few, few, (a, b, c) => {
      const order = compareVersions(a, b)
      const merged = mergeVersions(a, b)
      expect(compareVersions(b, a)).toBe(opposite[order])
      expect(mergeVersions(b, a)).toEqual(merged)
      expect(mergeVersions(merged, c)).toEqual(mergeVersions(a, mergeVersions(b, c)))
      expect(mergeVersions(a, a)).toBe(a)
      expect(reaches(a, b)).toBe(order === 'after' || order === 'equal')
      expect(reaches(merged, a) && reaches(merged, b)).toBe(true)
      if (order === 'before') expect(merged).toBe(b)
    }),
    { numRuns: 1000 },
  )
})

test('a point comes back from its text, which fits into a header and is the same for equal points (L0)', () => {
  fc.assert(
    fc.property(any, (versions) => {
      const text = formatVersions(versions)
      expect(text).toMatch(/^[!-~]*$/)
      expect(text).not.toMatch(/[ ,;"'\\]/)
      expect(parseVersions(text)).toEqual(versions)
      expect(formatVersions(Object.fromEntries(Object.entries(versions).toReversed()))).toBe(text)
    }),
    { numRuns: 500 },
  )
})

test('any other text is read as it would be written, or refused with BAD_QUERY', () => {
  const noise = fc.string({ unit: fc.constantFrom(...'a@=&%4012 ,;'), maxLength: 10 })
  fc.assert(
    fc.property(noise, (text) => {
      try {
        const read = parseVersions(text)
        expect(formatVersions(read).split('&').toSorted()).toEqual(text.split('&').toSorted())
      } catch (error) {
        expect(error).toMatchObject({ code: 'BAD_QUERY' })
      }
    }),
    { numRuns: 2000 },
  )
})
