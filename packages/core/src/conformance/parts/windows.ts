import type { Query, Versions } from '../../store.ts'
import type { Bench } from '../bench.ts'
import { ensure, show } from '../check.ts'
import type { Part } from '../part.ts'

/** The versions in which an answer holds: the traps of L1. */
export const windows: Part = {
  name: 'windows',
  scenarios: [
    {
      title: 'L1: a deleted key leaves no entry, but its delete is in the window',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = ''] = bench.keys(2)
        await bench.put(a, b)
        await bench.delete(b)
        await bench.fetch({})
        await bench.fetch(b)
        await bench.fetch([{ gte: a, limit: 5 }, b])
      },
    },
    {
      title: 'L1: an absent key has a window, from its delete on and until it comes',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = ''] = bench.keys(2)
        await bench.put(a)
        const absent = await bench.fetch(b)
        await bench.put(b)
        await bench.delete(b)
        await bench.fetch(b)
        await bench.put(a)
        await bench.fetch(b)
        ensure(Object.keys(absent.windows).includes(bench.source), 'an answer without entries has windows')
      },
    },
    {
      title: 'L1: the answer to nothing has windows',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        await bench.fetch([])
        await bench.fetch({ limit: 0 })
        await bench.fetch({ gt: 'b', lt: 'a' })
      },
    },
    {
      title: 'L1: a limited range depends on what lies in the span that was scanned',
      needs: ['manyKeys'],
      run: async (bench) => {
        const keys = bench.keys(5)
        const [a = '', b = '', c = '', d = '', e = ''] = keys
        const look = (): Promise<unknown> => lookAt(bench, keys)
        await bench.put(b, c, d)
        await look()
        await bench.put(a)
        await look()
        await bench.delete(a)
        await look()
        await bench.delete(c)
        await bench.put(e)
        await look()
        await bench.put(c)
        await look()
      },
    },
    {
      title: 'L1: a key that was deleted and made again keeps the delete in its past',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = ''] = bench.keys(2)
        const points = [
          await bench.put(a, b),
          await bench.delete(a),
          await bench.put(b),
          await bench.put(a),
          await bench.put(b),
        ]
        for (const point of points) for (const query of [a, {}, { lte: a }, [a, b]]) await bench.exactly(query, point)
      },
    },
    {
      title: 'L0, L1: every point of the past answers as it did',
      needs: ['manyKeys'],
      run: async (bench) => {
        const keys = bench.keys(4)
        const [a = '', b = '', c = ''] = keys
        const points: Versions[] = [await bench.put(...keys)]
        points.push(await bench.delete(a), await bench.put(b), await bench.delete(b, c), await bench.put(a, b))
        const queries: readonly Query[] = [{}, a, { gte: b }, { limit: 2 }, { limit: 1, reverse: true }, [a, c]]
        for (const point of points) for (const query of queries) await bench.exactly(query, point)
        for (const point of points) for (const query of queries) await bench.fetch(query, { max: point })
      },
    },
    {
      title: 'L9: a window moves on with what its store has reached, also where nothing in the ranges changes',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = ''] = bench.keys(2)
        await bench.put(a)
        for (let i = 0; i < 3; i++) {
          const point = await bench.put(b)
          const { versions } = await bench.fetch(a, { min: point })
          ensure(
            (versions[bench.source] ?? 0) >= (point[bench.source] ?? 0),
            () => `${show(versions)} is not at ${show(point)}`,
          )
        }
      },
    },
    {
      title: 'L1: windows do not end after what the store has reached, and stay true whatever is written then',
      run: async (bench) => {
        const keys = bench.keys(bench.store.supports.single ? 1 : 3)
        for (let i = 0; i < 6; i++) {
          await bench.put(keys[i % keys.length] ?? '')
          await bench.fetch({})
          for (const key of keys) await bench.fetch(key)
          await bench.fetch({ limit: 1 })
        }
      },
    },
    {
      title: 'section 4: behind says how far each source is behind what was reached',
      run: async (bench) => {
        const keys = bench.keys(1)
        const first = await bench.put(...keys)
        await bench.put(...keys)
        await bench.put(...keys)
        const { source } = bench
        for (const max of [first, bench.latest]) {
          const { behind, versions } = await bench.fetch({}, { max })
          const expected = (bench.store.reached[source] ?? 0) - (versions[source] ?? 0)
          const told = behind[source] ?? 0
          ensure(told >= 0 && told <= expected, () => `behind says ${told}, but it is ${expected}`)
          ensure(told > 0 || expected === 0, () => `behind says nothing, but it is ${expected}`)
        }
      },
    },
  ],
}

async function lookAt(bench: Bench, keys: readonly string[]): Promise<void> {
  for (const limit of [1, 2, 3]) {
    for (const reverse of [false, true]) {
      await bench.fetch({ limit, reverse })
      await bench.fetch({ gt: keys[0], limit, reverse })
      await bench.fetch({ lt: keys[3], limit, reverse })
    }
  }
}
