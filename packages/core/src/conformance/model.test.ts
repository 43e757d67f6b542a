import { describe, expect, test } from 'vitest'
import type { Snapshot, Update } from '../store.ts'
import { checkSnapshot } from './check-snapshot.ts'
import { answer } from './evaluate.ts'
import { Holder } from './holder.ts'
import { createModel } from './model.ts'

const put = (key: string, value: unknown): { key: string; value: unknown } => ({ key, value })

describe('answer', () => {
  const state = new Map(['\uffff', '😀', 'b', 'a', ''].map((key, i) => [key, i]))
  const keys = (query: Parameters<typeof answer>[0]): string[] => answer(query, state).map(({ key }) => key)

  test('orders by code points, takes limits from the right end, and unites', () => {
    expect(keys({})).toEqual(['', 'a', 'b', '\uffff', '😀'])
    expect(keys({ reverse: true, limit: 2 })).toEqual(['😀', '\uffff'])
    expect(keys({ gt: 'a', lte: '\uffff' })).toEqual(['b', '\uffff'])
    expect(keys({ gte: 'a', lt: '\uffff' })).toEqual(['a', 'b'])
    expect(keys([{ limit: 1, reverse: true }, 'a', { limit: 2 }, 'missing'])).toEqual(['', 'a', '😀'])
    expect(
      keys([
        { limit: 1, reverse: true },
        { lt: 'b', reverse: true },
      ]),
    ).toEqual(['😀', 'a', ''])
    expect(keys([])).toEqual([])
    expect(keys({ gt: 'b', lt: 'a' })).toEqual([])
    expect(keys({ limit: 0 })).toEqual([])
  })
})

describe('the model', () => {
  test('knows the state at each point, in whatever order the commits are told', () => {
    const model = createModel({ 's@1': 0 })
    model.commit({ 's@1': 5 }, [{ key: 'a', gone: true }])
    model.commit({ 's@1': 2 }, [put('a', 1)])
    expect(model.latest).toEqual({ 's@1': 5 })
    expect([0, 1, 2, 4, 5, 9].map((at) => model.stateAt({ 's@1': at })?.has('a'))).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
    ])
    expect(() => model.commit({ 's@1': 5 }, [])).toThrow('two commits got one version')
  })

  test('knows several sources at every point, but none between which a commit is cut', () => {
    const model = createModel({ 'a@1': 0, 'b@1': 0 })
    model.commit({ 'a@1': 1 }, [put('a', 1)])
    model.commit({ 'b@1': 1 }, [put('b', 1)])
    expect(model.stateAt({ 'a@1': 0, 'b@1': 1 })).toEqual(new Map([['b', 1]]))
    model.commit({ 'a@1': 2, 'b@1': 2 }, [put('c', 1)])
    expect(model.stateAt({ 'a@1': 2, 'b@1': 1 })).toBeUndefined()
    const box = { 'a@1': { from: 0, to: 2 }, 'b@1': { from: 1, to: 1 } }
    expect(model.pointsIn(box)).toEqual([
      { 'a@1': 0, 'b@1': 1 },
      { 'a@1': 1, 'b@1': 1 },
    ])
  })

  test('reads points of what a source was before', () => {
    const model = createModel({ 's@1': 0 })
    model.commit({ 's@1': 1 }, [put('a', 1)])
    model.continue('s@1', 's@2')
    model.continue('s@2', 's@3')
    model.commit({ 's@3': 2 }, [put('a', 2)])
    expect(['s@1', 's@2', 's@3'].map((source) => model.stateAt({ [source]: 2 })?.get('a'))).toEqual([2, 2, 2])
  })
})

describe('checkSnapshot', () => {
  const model = createModel({ 's@1': 0 })
  model.commit({ 's@1': 1 }, [put('a', 1)])
  model.commit({ 's@1': 3 }, [{ key: 'a', gone: true }])
  const empty = (from: number, to: number): Snapshot => ({
    entries: [],
    windows: { 's@1': { from, to } },
    versions: { 's@1': to },
    more: [{ more: false, range: {} }],
    behind: {},
  })

  test('holds an answer against every point of its windows', () => {
    expect(checkSnapshot(model, {}, empty(3, 9))).toBe(2)
    expect(checkSnapshot(model, {}, empty(0, 0))).toBe(1)
    expect(() => checkSnapshot(model, {}, empty(0, 1))).toThrow('L1')
    expect(() => checkSnapshot(model, {}, empty(2, 3))).toThrow('L1')
    expect(() => checkSnapshot(model, {}, empty(0, 9))).toThrow('L1')
  })

  test('refuses windows that are none, and answers that lack them', () => {
    expect(() => checkSnapshot(model, {}, empty(4, 3))).toThrow('no window')
    expect(() => checkSnapshot(model, {}, { ...empty(3, 4), windows: {}, versions: {} })).toThrow('has no window')
    expect(() => checkSnapshot(model, {}, { ...empty(3, 4), versions: { 's@1': 3 } })).toThrow('upper corner')
  })

  test('refuses a span that is not the one that was read, and more that is not there', () => {
    const spans = (range: object, more = false): Snapshot => ({ ...empty(3, 4), more: [{ more, range }] })
    expect(() => checkSnapshot(model, { gte: 'a' }, spans({}))).toThrow('not asked for')
    expect(() => checkSnapshot(model, { gte: 'a' }, spans({ gt: 'a' }))).toThrow('lacks')
    expect(() => checkSnapshot(model, { gte: 'a' }, spans({ gte: 'a' }, true))).toThrow('not true anywhere')
  })
})

describe('a holder', () => {
  const update = (rest: Partial<Update>): Update => ({
    generation: 0,
    changes: [],
    versions: { 's@1': 1 },
    behind: {},
    folded: 1,
    ...rest,
  })

  test('applies replacements and changes, and no more than it is told', () => {
    const model = createModel({ 's@1': 0 })
    model.commit({ 's@1': 1 }, [put('a', 1), put('b', 2)])
    const holder = new Holder({})
    expect(holder.check(model)).toBe(false)
    holder.apply(update({ replace: { ranges: [{}], entries: [put('a', 1)] } }))
    expect(() => holder.check(model)).toThrow('L6')
    holder.apply(update({ changes: [put('b', 2)] }))
    expect(holder.check(model)).toBe(true)
    holder.apply(update({ replace: { ranges: [{ gte: 'b' }], entries: [] } }))
    expect(holder.entries).toEqual([put('a', 1)])
  })

  test('refuses what is malformed', () => {
    const holder = new Holder({})
    expect(() => holder.apply(update({ changes: [put('a', 1)] }))).toThrow('L7')
    const start = { entries: [], versions: { 's@1': 0 } }
    const resumed = new Holder({}, start)
    expect(() => resumed.apply(update({ changes: [put('b', 1), put('a', 1)] }))).toThrow('key order')
    expect(() => resumed.apply(update({ replace: { ranges: [{ gt: 'b' }], entries: [put('a', 1)] } }))).toThrow(
      'outside',
    )
    expect(() => resumed.apply(update({ replace: { ranges: [{ limit: 1 }], entries: [] } }))).toThrow('not plain')
    expect(() => resumed.apply(update({ generation: 1 }))).toThrow('which query')
  })
})
