import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareKeys } from './keys/order.ts'
import { readQuery, spansHave } from './ranges.ts'
import type { Change, Entry, Range, Update } from './store.ts'
import { applyUpdate, composeUpdates, diffEntries } from './update.ts'

const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\uffff', '\u{10000}'), minLength: 1, maxLength: 2 })
const value = fc.nat({ max: 3 })
const range: fc.Arbitrary<Range> = fc
  .tuple(fc.option(key, { nil: undefined }), fc.option(key, { nil: undefined }))
  .map(([gte, lt]) => ({ gte, lt }))

const sortKeys = <I extends { key: string }>(list: readonly I[]): I[] =>
  list.toSorted((a, b) => compareKeys(a.key, b.key))
const entries = fc.uniqueArray(fc.record({ key, value }), { selector: (e) => e.key, maxLength: 12 }).map(sortKeys)
/** Long enough that a few changes are searched for one by one. */
const long = fc
  .integer({ min: 0, max: 400 })
  .map((n) => Array.from({ length: n }, (_, i) => ({ key: `b${i}`, value: i })))
const change: fc.Arbitrary<Change<number>> = fc.oneof(
  fc.record({ key, value }),
  key.map((k) => ({ key: k, gone: true as const })),
)
const changes = fc.uniqueArray(change, { selector: (c) => c.key, maxLength: 8 }).map(sortKeys)
const replace = fc.tuple(fc.array(range, { minLength: 1, maxLength: 2 }), entries).map(([ranges, list]) => {
  const spans = readQuery(ranges)
  return { ranges, entries: list.filter((e) => spansHave(spans, e.key)) }
})
const update: fc.Arbitrary<Update<number>> = fc
  .tuple(changes, fc.option(replace, { nil: undefined }), fc.nat({ max: 3 }))
  .map(([list, replacement, folded]) => ({
    generation: 0,
    changes: list,
    versions: {},
    behind: {},
    folded,
    ...(replacement && { replace: replacement }),
  }))

/** What an update means, word by word. */
function naive(
  list: readonly Entry<number>[],
  { replace: replaced, changes: changed }: Update<number>,
): Entry<number>[] {
  const held = new Map(list.map((e) => [e.key, e.value]))
  if (replaced !== undefined) {
    const spans = readQuery(replaced.ranges)
    for (const k of held.keys()) if (spansHave(spans, k)) held.delete(k)
    for (const e of replaced.entries) held.set(e.key, e.value)
  }
  for (const c of changed) {
    if (c.gone === true) held.delete(c.key)
    else held.set(c.key, c.value)
  }
  return sortKeys([...held].map(([k, v]) => ({ key: k, value: v })))
}

test('applyUpdate does what the words say, in either direction (L6)', () => {
  const lists = fc.oneof(
    entries,
    fc.tuple(entries, long).map(([a, b]) => sortKeys([...a.filter((e) => !/^b\d/.test(e.key)), ...b])),
  )
  fc.assert(
    fc.property(lists, update, (list, u) => {
      const after = naive(list, u)
      expect(applyUpdate(list, u)).toEqual(after)
      expect(applyUpdate(list.toReversed(), u, true)).toEqual(after.toReversed())
      expect(applyUpdate(list.toReversed(), reversed(u), true)).toEqual(after.toReversed())
    }),
    { numRuns: 1000 },
  )
})

/** The same update with its lists in descending order. */
function reversed(u: Update<number>): Update<number> {
  return {
    ...u,
    changes: u.changes.toReversed(),
    ...(u.replace && { replace: { ...u.replace, entries: u.replace.entries.toReversed() } }),
  }
}

test('one composed update does what two do (L6)', () => {
  fc.assert(
    fc.property(entries, update, update, update, (list, a, b, c) => {
      const both = composeUpdates(a, b)
      expect(applyUpdate(list, both)).toEqual(applyUpdate(applyUpdate(list, a), b))
      const turned = applyUpdate(list.toReversed(), composeUpdates(reversed(a), reversed(b)), true)
      expect(turned).toEqual(applyUpdate(list, both).toReversed())
      expect(both.changes).toEqual(sortKeys(both.changes))
      expect(both.folded).toBe(a.folded + b.folded)
      const three = naive(naive(naive(list, a), b), c)
      expect(applyUpdate(list, composeUpdates(both, c))).toEqual(three)
      expect(applyUpdate(list, composeUpdates(a, composeUpdates(b, c)))).toEqual(three)
    }),
    { numRuns: 1000 },
  )
})

test('applying the difference of two answers to the first gives the second (L6)', () => {
  fc.assert(
    fc.property(entries, entries, (before, after) => {
      const diff = diffEntries(before, after)
      expect(naive(before, { generation: 0, changes: diff, versions: {}, behind: {}, folded: 1 })).toEqual(after)
      expect(applyUpdate(before, { changes: diff })).toEqual(after)
      expect(diff.every((c) => c.gone !== true || before.some((e) => e.key === c.key))).toBe(true)
      expect(
        diffEntries(
          after,
          after.map((e) => ({ ...e })),
        ),
      ).toEqual([])
    }),
    { numRuns: 1000 },
  )
})
