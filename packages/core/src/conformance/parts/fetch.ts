import type { Query, Range } from '../../store.ts'
import type { Bench } from '../bench.ts'
import { ensure, fails, rejects, same } from '../check.ts'
import type { Part } from '../part.ts'

const lowers = ['gt', 'gte', undefined] as const
const uppers = ['lt', 'lte', undefined] as const

/** Queries that must be refused, whatever the store holds. */
export const badQueries: readonly unknown[] = [
  { limit: -1 },
  { limit: 1.5 },
  { limit: Number.NaN },
  { limit: '1' },
  { gt: 'a', gte: 'a' },
  { lt: 'a', lte: 'a' },
  { start: 'a' },
  { offset: 1 },
  { gte: 1 },
  [{}, { limit: -1 }],
  [['a']],
  1,
  null,
]

/** What a query answers, at the newest point. */
export const fetching: Part = {
  name: 'fetch',
  scenarios: [
    {
      title: 'L1: a string is exactly that key, there or not',
      run: async (bench) => {
        const written = bench.pool.filter((_, i) => i % 2 === 0)
        await bench.put(...written)
        for (const key of new Set([...bench.pool, ...bench.state.keys()])) await bench.fetch(key)
      },
    },
    {
      title: 'section 1: keys are in the order of their code points, forwards and backwards',
      run: async (bench) => {
        await bench.put(...bench.pool)
        const up = await bench.fetch({})
        const down = await bench.fetch({ reverse: true })
        same(
          down.entries.map(({ key }) => key),
          up.entries.map(({ key }) => key).reverse(),
          'the keys backwards',
        )
      },
    },
    {
      title: 'section 3: every pair of bounds, inclusive, exclusive and absent, with empty and upside-down ranges',
      needs: ['manyKeys'],
      run: async (bench) => {
        const bounds = await someBounds(bench)
        for (const lower of lowers) {
          for (const upper of uppers) {
            for (const low of lower === undefined ? [''] : bounds) {
              const tops = upper === undefined ? [''] : bounds
              const ranges = tops.map((top) => rangeOf(lower, low, upper, top))
              await Promise.all(ranges.map((range) => bench.fetch(range)))
            }
          }
        }
      },
    },
    {
      title: 'section 3: limits, from either end',
      needs: ['manyKeys'],
      run: async (bench) => {
        const bounds = await someBounds(bench)
        for (const limit of [0, 1, 2, bounds.length, 1_000, Infinity, undefined]) {
          for (const reverse of [true, false, undefined]) {
            await bench.fetch({ limit, reverse })
            for (const low of bounds) {
              await bench.fetch({ gt: low, limit, reverse })
              await bench.fetch({ lte: low, limit, reverse })
              await bench.fetch({ gte: low, lt: bounds.at(-1), limit, reverse })
            }
          }
        }
      },
    },
    {
      title: 'section 4: several ranges answer their union, each key once, in one order',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = '', c = '', d = ''] = await someBounds(bench)
        const queries: readonly Query[] = [
          [],
          [a, a, b],
          [{ gte: a }, { gte: a }],
          [{ gte: b }, { lte: c }],
          [
            { lt: c, reverse: true },
            { gt: b, reverse: true },
          ],
          [{ lt: c, reverse: true }, { gt: b }],
          [{ limit: 2 }, { reverse: true, limit: 2 }],
          [{ gte: b, limit: 1 }, { gte: b, limit: 3 }, a],
          [d, { gt: c, lt: b }, a],
          [
            { limit: 1, reverse: true },
            { limit: 2, reverse: true },
          ],
        ]
        for (const query of queries) await bench.fetch(query)
      },
    },
    {
      title: 'section 3: an absent option and one that is undefined are the same',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        const none = {
          gt: undefined,
          gte: undefined,
          lt: undefined,
          lte: undefined,
          limit: undefined,
          reverse: undefined,
        }
        const { entries } = await bench.fetch(none, {
          min: undefined,
          max: undefined,
          stall: undefined,
          signal: undefined,
        })
        ensure(entries.length > 0, 'all entries')
      },
    },
    {
      title: 'section 3: a malformed query is refused by fetch, changes, watch and setQuery',
      run: async (bench) => {
        const since = await bench.put(...bench.keys(1))
        const feed = bench.store.watch({})
        for (const bad of badQueries) {
          const query = bad as Query
          await rejects(bench.store.fetch(query), 'BAD_QUERY', 'BAD_KEY')
          await rejects(bench.store.changes(query, { since }), 'BAD_QUERY', 'BAD_KEY')
          await fails(() => bench.store.watch(query), 'BAD_QUERY', 'BAD_KEY')
          await fails(() => feed.setQuery(query), 'BAD_QUERY', 'BAD_KEY')
        }
        await feed.close()
      },
    },
    {
      title: 'section 1: a bound or key with a lone surrogate is refused',
      run: async ({ store }) => {
        for (const key of ['\ud800', 'a\udc00', '\udfff\ud800']) {
          await rejects(store.fetch(key), 'BAD_KEY', 'BAD_QUERY')
          for (const name of ['gt', 'gte', 'lt', 'lte'])
            await rejects(store.fetch({ [name]: key }), 'BAD_KEY', 'BAD_QUERY')
        }
      },
    },
    {
      title: 'section 1: what was answered does not change with what was handed over',
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        await bench.put(key)
        const first = await bench.fetch({})
        await bench.put(key)
        await bench.fetch({})
        bench.recheck()
        ensure(first.entries.length > 0, 'an entry')
      },
    },
  ],
}

/** Writes some keys, of one place, and gives them with what lies beside them. */
export async function someBounds(bench: Bench): Promise<readonly string[]> {
  const keys = bench.keys(Math.min(bench.pool.length, 5))
  await bench.put(...keys.filter((_, i) => i !== 1))
  const shown = [...bench.state.keys()]
  return [...new Set([...keys, ...shown, `${keys[2]}\0`])]
}

function rangeOf(lower: string | undefined, low: string, upper: string | undefined, top: string): Range {
  return Object.assign({}, lower === undefined ? {} : { [lower]: low }, upper === undefined ? {} : { [upper]: top })
}
