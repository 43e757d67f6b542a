import { describe, expect, test } from 'vitest'
import type { Change, Entry, Update } from './store.ts'
import { applyUpdate, composeUpdates, diffEntries } from './update.ts'

const entry = (key: string, value: unknown = key): Entry => ({ key, value })
const gone = (key: string): Change => ({ key, gone: true })
const step = (changes: readonly Change[], replace?: Update['replace']): Update => ({
  generation: 0,
  changes,
  versions: { 'a@1': 1 },
  behind: {},
  folded: 1,
  ...(replace && { replace }),
})

describe('applyUpdate', () => {
  const a = entry('a')
  const c = entry('c')

  test('keeps the objects that did not change, and the list where nothing did', () => {
    const list = [a, c]
    expect(applyUpdate(list, step([]))).toBe(list)
    const after = applyUpdate(list, step([entry('b'), { key: 'c', value: 1 }]))
    expect(after).toEqual([a, entry('b'), entry('c', 1)])
    expect(after[0]).toBe(a)
    expect(list).toEqual([a, c])
  })

  test('forgets what is gone, and does not mind what was not there', () => {
    expect(applyUpdate([a, c], step([gone('a'), gone('b'), gone('d')]))).toEqual([c])
    expect(applyUpdate([], step([gone('a')]))).toEqual([])
  })

  test('keeps a descending list descending', () => {
    expect(applyUpdate([c, a], step([entry('b'), entry('d')]), true).map(({ key }) => key)).toEqual([
      'd',
      'c',
      'b',
      'a',
    ])
  })

  test('replaces in the ranges, then changes', () => {
    const fresh: Entry = { key: 'b', value: 2, version: 7 }
    const replace = { ranges: [{ gte: 'b', lt: 'd' }], entries: [fresh] }
    const after = applyUpdate([a, c, entry('e')], step([entry('c', 3), gone('e')], replace))
    expect(after).toEqual([a, fresh, entry('c', 3)])
    expect(after[1]).toBe(fresh)
  })

  test('replaces everything', () => {
    expect(applyUpdate([a, c], step([], { ranges: [{}], entries: [] }))).toEqual([])
    expect(applyUpdate([c, a], step([], { ranges: [{}], entries: [entry('b'), entry('d')] }), true)).toEqual([
      entry('d'),
      entry('b'),
    ])
  })

  test('is in code point order', () => {
    const after = applyUpdate([entry('\uffff')], step([entry('\u{1f600}'), entry('a')]))
    expect(after.map(({ key }) => key)).toEqual(['a', '\uffff', '\u{1f600}'])
  })

  test('changes a long list at a few places as it changes a short one', () => {
    const list = Array.from({ length: 1000 }, (_, i) => entry(String(i).padStart(4, '0')))
    const changes = [entry('0000', 'x'), entry('0499+'), gone('0500'), gone('nothing'), entry('~')]
    const after = applyUpdate(list, step(changes))
    expect(after).toHaveLength(1001)
    expect(after.slice(499, 502)).toEqual([entry('0499'), entry('0499+'), entry('0501')])
    expect(after[1]).toBe(list[1])
    expect([after[0], after.at(-1)]).toEqual([entry('0000', 'x'), entry('~')])
  })
})

describe('composeUpdates', () => {
  test('ends where the second ends, and counts the commits of both', () => {
    const first = { ...step([]), generation: 1, query: 'a', folded: 2, versions: { 'a@1': 3 } }
    const second = { ...step([]), generation: 1, folded: 0, versions: { 'a@1': 4 }, behind: { 'a@1': 1 } }
    expect(composeUpdates(first, second)).toEqual({
      generation: 1,
      query: 'a',
      changes: [],
      versions: { 'a@1': 4 },
      behind: { 'a@1': 1 },
      folded: 2,
    })
    expect(composeUpdates(first, { ...second, generation: 2, query: [] })).toMatchObject({ generation: 2, query: [] })
  })

  test('tells each key once, as it is after both', () => {
    const both = composeUpdates(step([entry('a'), entry('b'), gone('d')]), step([gone('a'), entry('c'), entry('d')]))
    expect(both.changes).toEqual([gone('a'), entry('b'), entry('c'), entry('d')])
    expect('replace' in both).toBe(false)
  })

  test('what a replacement forgets is forgotten from both', () => {
    const first = step([entry('a'), entry('z')], { ranges: [{ gte: 'c', lt: 'e' }], entries: [entry('c'), entry('d')] })
    const second = step([], { ranges: [{ lt: 'd' }], entries: [entry('b')] })
    expect(composeUpdates(first, second)).toMatchObject({
      replace: { entries: [entry('b'), entry('d')] },
      changes: [entry('z')],
    })
  })
})

describe('diffEntries', () => {
  test('tells what is gone, new and changed, and nothing else', () => {
    const same = { a: [1, { b: 2 }] }
    const before = [entry('a', same), entry('b'), entry('c')]
    const after = [{ key: 'a', value: structuredClone(same), version: 9 }, entry('b', 1), entry('d')]
    expect(diffEntries(before, after)).toEqual([entry('b', 1), gone('c'), entry('d')])
    expect(diffEntries(before, before)).toEqual([])
    expect(diffEntries(before.toReversed(), after.toReversed())).toEqual(diffEntries(before, after))
  })
})
