import type { Bench } from '../bench.ts'
import { ensure, fails, rejects, same, show } from '../check.ts'
import type { Part } from '../part.ts'
import { commitOf, refused } from './commit.ts'

/** Values that must come back as they went in. */
const goodValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  -0.001,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  1 - 2 ** 53,
  1e308,
  5e-324,
  '',
  ' ',
  'é😀\u0000\uffff',
  'x'.repeat(5_000),
  'undefined',
  '__proto__',
  new Uint8Array(0),
  Uint8Array.from({ length: 256 }, (_, i) => i),
  Uint8Array.of(0),
  new Uint8Array(5_000).fill(7),
  [],
  [[]],
  [null, [1, ['a', Uint8Array.of(1, 2)]], {}],
  Array.from({ length: 300 }, (_, i) => i),
  {},
  { '': 1 },
  { constructor: 1, toString: 'x', hasOwnProperty: null, length: 3 },
  { b: { a: [{ c: Uint8Array.of(9) }] } },
  { '😀': 1, '\uffff': 2, '0': 3, '10': 4 },
]

class Thing {
  readonly member = 1
}

/** Values that no store takes. */
const badValues: readonly (() => unknown)[] = [
  () => undefined,
  () => Number.NaN,
  () => Infinity,
  () => -Infinity,
  () => 10n,
  () => Symbol('s'),
  () => () => 1,
  () => '\ud800',
  () => 'a\udc00b',
  () => new Date(0),
  () => new Map(),
  () => new Set([1]),
  () => new Thing(),
  () => /a/u,
  () => new Error('no'),
  () => Promise.resolve(1),
  () => JSON.parse('{"__proto__": 1}') as unknown,
  () => ({ '\udc00': 1 }),
  () => cycle(),
]

/** What values are, and that they survive. */
export const valuing: Part = {
  name: 'values',
  scenarios: [
    {
      title: 'section 1: every value that is lawful comes back the same',
      needs: ['commit'],
      run: async (bench) => {
        if (bench.setup.values !== undefined) return 'the setup names the values that the store takes'
        const keys = bench.keys(bench.store.supports.single ? 1 : 3)
        for (const [i, value] of goodValues.entries()) {
          const key = keys[i % keys.length] ?? ''
          await commitOf(bench, [{ key, value }])
          const { entries } = await bench.fetch(key)
          same(entries[0]?.value, value, 'what came back')
        }
        await bench.fetch({})
        const feed = bench.follow({})
        await feed.catchUp()
      },
    },
    {
      title: 'threats: names of prototypes are keys like all others',
      needs: ['commit', 'manyKeys'],
      run: async (bench) => {
        const names = bench.pool.filter((key) => /proto|constructor|toString|length/u.test(key))
        if (names.length === 0) return 'no such names among the keys'
        for (const key of names) await commitOf(bench, [bench.change(key)])
        const { entries } = await bench.fetch({})
        for (const name of names)
          ensure(
            entries.some(({ key }) => key === name),
            () => `${name} is missing`,
          )
        const follower = bench.follow(names)
        await follower.catchUp()
        for (const key of names) await bench.delete(key)
        await follower.catchUp()
        await bench.fetch(names)
      },
    },
    {
      title: 'section 1: values that no one can carry are BAD_VALUE, at any depth, and nothing changes',
      needs: ['commit'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        await bench.put(key)
        for (const make of badValues) {
          await refused(bench, [{ key, value: make() }], 'BAD_VALUE')
          await refused(bench, [{ key, value: { a: [make()] } }], 'BAD_VALUE')
        }
      },
    },
    {
      title: 'section 1: a member called __proto__ inside a value is BAD_VALUE',
      needs: ['commit'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        await bench.put(key)
        const value = JSON.parse('[{"a": {"__proto__": {"b": 1}}}]') as unknown
        await refused(bench, [{ key, value }], 'BAD_VALUE')
      },
    },
    {
      title: 'section 8: a value nests 64 deep, and no deeper',
      needs: ['commit'],
      run: async (bench) => {
        if (bench.setup.values !== undefined) return 'the setup names the values that the store takes'
        const [key = ''] = bench.keys(1)
        await commitOf(bench, [{ key, value: nested(64) }])
        await bench.fetch(key)
        await refused(bench, [{ key, value: nested(65) }], 'BAD_VALUE')
        await refused(bench, [{ key, value: nested(100_000) }], 'BAD_VALUE')
      },
    },
    {
      title: 'section 1: a value that was handed over is the store\u2019s: what was answered stays',
      needs: ['commit'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        await bench.put(key)
        const { entries } = await bench.fetch(key)
        const before = show(entries)
        await bench.put(key)
        same(show(entries), before, 'an answer after the next commit')
      },
    },
    {
      title: 'section 8: more than 64 ranges are refused',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        await bench.fetch(Array.from({ length: 64 }, () => ({})))
        await tooMany(bench)
      },
    },
  ],
}

async function tooMany(bench: Bench): Promise<void> {
  const query = Array.from({ length: 65 }, () => ({}))
  await rejects(bench.store.fetch(query), 'BAD_QUERY')
  await rejects(bench.store.changes(query, { since: bench.latest }), 'BAD_QUERY')
  await fails(() => bench.store.watch(query), 'BAD_QUERY')
}

function nested(depth: number): unknown {
  let value: unknown = []
  for (let i = 1; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value }
  return value
}

function cycle(): unknown {
  const list: unknown[] = []
  list.push(list)
  return list
}
