import { compareKeys, valuesEqual } from '@fanlight/core'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { JsonDocument } from './document.ts'
import { roundedNumber } from './json-values.ts'
import { locate } from './locate.ts'

const name = fc.oneof(
  fc.constantFrom('', 'a', 'b', '__proto__', '2', '10', 'a/b', 'é', '😀', '\n', '"', '\\'),
  fc.string({ unit: 'grapheme', maxLength: 3 }),
)
const value = fc.jsonValue({ maxDepth: 3 })
const indent = fc.constantFrom('', ' ', '  ', '\t', '    ')

/** An object as text, whatever its names are called. */
function textOf(members: readonly (readonly [string, unknown])[], space: string): string {
  const line = space === '' ? '' : '\n'
  const texts = members.map(
    ([member, held]) => `${line}${space}${JSON.stringify(member)}:${JSON.stringify(held, null, space)}`,
  )
  return `{${texts.join(',')}${line}}`
}

test('a document means what JSON.parse says, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 6 }), indent, (members, space) => {
      const text = textOf(members, space)
      const document = JsonDocument.parse(text, 1)
      expect(document.text()).toBe(text)
      const parsed = new Map(Object.entries(JSON.parse(text) as object))
      const leaves = document.leaves()
      expect(leaves.size).toBe(parsed.size)
      for (const [member, raw] of leaves) expect(valuesEqual(JSON.parse(raw), parsed.get(member))).toBe(true)
    }),
  )
})

test('a changed document holds what a map would, the members that stay in their order', () => {
  const change = fc.oneof(fc.record({ key: name, value }), fc.record({ key: name, gone: fc.constant(true as const) }))
  const changes = fc.uniqueArray(change, { maxLength: 5, selector: ({ key }) => key })
  const members = fc.uniqueArray(fc.tuple(name, value), { maxLength: 6, selector: ([member]) => member })
  fc.assert(
    fc.property(members, indent, fc.array(changes, { maxLength: 4 }), (before, space, commits) => {
      const document = JsonDocument.parse(textOf(before, space), 1).copy()
      const expected = new Map<string, unknown>(before)
      for (const commit of commits) {
        document.change(commit)
        for (const one of commit.toSorted((a, b) => compareKeys(a.key, b.key))) {
          if ('gone' in one) expected.delete(one.key)
          else expected.set(one.key, one.value)
        }
      }
      const again = JsonDocument.parse(document.text(), 1)
      expect([...again.leaves().keys()]).toEqual([...expected.keys()])
      for (const [member, raw] of again.leaves()) expect(valuesEqual(JSON.parse(raw), expected.get(member))).toBe(true)
    }),
  )
})

test('where a text stops to be JSON is found in every text that JSON.parse refuses', () => {
  const tokens = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '1',
    '-',
    '01',
    '1.',
    '1e5',
    'true',
    'nul',
    ' ',
    '\n',
    '\\',
    '"\\u00"',
    '\u0001',
  )
  let refused = 0
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.array(tokens).map((list) => list.join('')),
      ),
      fc.nat(),
      fc.boolean(),
      (text, cut, whole) => {
        const broken = whole ? text : text.slice(0, cut % (text.length + 1))
        const { line, column } = locate(broken)
        const at =
          broken
            .split('\n')
            .slice(0, line - 1)
            .join('\n').length +
          (line > 1 ? 1 : 0) +
          column -
          1
        let isJson = true
        try {
          JSON.parse(broken)
        } catch (error) {
          isJson = false
          refused++
          // The engine says where in some of its messages: at the end of a token that is cut off, or at its beginning.
          const said = /position (\d+)/.exec((error as Error).message)?.[1]
          if (said !== undefined) expect(at).toBeLessThanOrEqual(Number(said))
          // All before the place can be gone on with: what stands there is the first mistake.
          expect(canGoOn(broken.slice(0, at))).toBe(true)
        }
        if (isJson) expect(at).toBe(broken.length)
      },
    ),
    { numRuns: 2_000 },
  )
  expect(refused).toBeGreaterThan(200)
})

/** Whether a text is the beginning of some JSON: the engine complains of its end, of nothing before. */
function canGoOn(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    const { message } = error as Error
    const at = /position (\d+)/.exec(message)?.[1]
    return message.includes('end of JSON') || (at !== undefined && Number(at) >= text.length)
  }
}

test('whole numbers that a double cannot hold are found, and no others', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), fc.string(), (number, text) => {
      const raw = `[${JSON.stringify(text)}, {"${number}": ${number}}, 1.5, "${number}\\""]`
      expect(roundedNumber(raw)).toBe(BigInt(Number(number)) === number ? undefined : `${number}`)
    }),
  )
})

test('text of great depth or length is no trouble', () => {
  const deep = `{"a": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`
  expect(JsonDocument.parse(deep, 1).text()).toBe(deep)
  const long = `{"a": "${'\\n'.repeat(2_000_000)}"}`
  expect(JsonDocument.parse(long, 1).text()).toBe(long)
  expect(locate(`${long}x`).line).toBe(1)
  expect(() => JsonDocument.parse(`${deep}}`, 1)).toThrow(expect.objectContaining({ code: 'CORRUPT' }) as Error)
})
