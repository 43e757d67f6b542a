import { key } from '@fanlight/core'
import { inRange } from '@fanlight/core/conformance'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { searchKey, searchRange } from './index.ts'

/** Texts that people write, and any others. */
const anyText = fc.oneof(
  fc.string({
    unit: fc.constantFrom('a', 'A', 'ä', 'a\u0308', 'ß', 'ss', 'Σ', 'ς', 'ﬁ', 'İ', 'ı', '0', '/', '-', ' ', '😀'),
  }),
  fc.string({ unit: 'grapheme' }),
)

describe('searchKey', () => {
  test.each([
    ['Ångström', 'angstrom'],
    ['Ångström'.normalize('NFD'), 'angstrom'],
    ['STRASSE', 'strasse'],
    ['Straße', 'strasse'],
    ['ὈΔΥΣΣΕΎΣ', 'οδυσσευσ'],
    ['ὀδυσσεύς', 'οδυσσευσ'],
    ['İstanbul', 'istanbul'],
    ['ﬁn', 'fin'],
    ['Ⅻ ㎏', 'xii kg'],
    ['हिन्दी', 'हिन्दी'],
    ['が', 'か\u3099'],
  ])('%s', (text, expected) => {
    expect(searchKey(text)).toBe(expected)
  })

  test('is the same for what it gave, in either case, composed or not', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const made = searchKey(text)
        expect(searchKey(made)).toBe(made)
        expect(searchKey(text.normalize('NFC'))).toBe(made)
        expect(searchKey(text.normalize('NFD'))).toBe(made)
      }),
    )
  })
})

test('searchRange finds exactly what begins with what was typed', () => {
  fc.assert(
    fc.property(anyText, anyText, fc.boolean(), fc.string(), (typed, other, begins, id) => {
      const text = searchKey(begins ? typed + other : other)
      expect(inRange(searchRange(typed), key(text, id))).toBe(text.startsWith(searchKey(typed)))
    }),
  )
})
