import type { Change, CommitId } from '../../store.ts'
import type { Bench } from '../bench.ts'
import { ensure, rejects, same } from '../check.ts'
import type { Part } from '../part.ts'
import { commitOf, required } from './commit.ts'

/** Commits with an id: a retry is harmless. */
export const identifying: Part = {
  name: 'commit ids',
  scenarios: [
    {
      title: 'section 6: a retry gets the same version, and nothing is applied twice',
      needs: ['commit', 'ids'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        await bench.put(key)
        const id = idOf(bench, 1)
        const changes = [bench.change(key)]
        const made = await commitOf(bench, changes, { id })
        same(await required(bench).commit(changes, { id }), made, 'the version of a retry')
        await bench.put(key)
        same(await required(bench).commit(changes, { id }), made, 'the version of a late retry')
        await bench.fetch({})
      },
    },
    {
      title: 'section 6: retries that are under way at once are applied once',
      needs: ['commit', 'ids'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        await bench.put(key)
        const id = idOf(bench, 1)
        const changes = [bench.change(key)]
        const [first, ...others] = await Promise.all([1, 2, 3].map(() => required(bench).commit(changes, { id })))
        bench.recordedInOrder(first ?? {}, changes)
        for (const other of others) same(other, first, 'the version of a retry')
        await bench.put(key)
        await bench.fetch({})
      },
    },
    {
      title: 'section 6: the id is looked up before the basis',
      needs: ['commit', 'ids'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        const basis = await bench.put(key)
        const id = idOf(bench, 1)
        const changes = [bench.change(key)]
        const made = await commitOf(bench, changes, { id, basis })
        await bench.put(key)
        same(await required(bench).commit(changes, { id, basis }), made, 'the version of a retry whose basis is old')
        await bench.fetch({})
      },
    },
    {
      title: 'section 6: the same id with other content is refused',
      needs: ['commit', 'ids'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        await bench.put(key)
        const id = idOf(bench, 1)
        await commitOf(bench, [bench.change(key)], { id })
        const others: readonly (readonly Change[])[] = [[bench.change(key)], [{ key, gone: true }]]
        for (const changes of others) {
          const error = await rejects(required(bench).commit(changes, { id }), 'BAD_QUERY')
          same(error.applied, 'no', 'applied of a commit with the id of another')
        }
        await bench.fetch({})
        await commitOf(bench, [bench.change(key)], { id: { ...id, number: 2 } })
        await commitOf(bench, [bench.change(key)], { id: { ...id, session: 'another' } })
        await bench.fetch({})
      },
    },
    {
      title: 'section 6: a commit that was refused has used up nothing',
      needs: ['commit', 'ids'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        const basis = await bench.put(key)
        await bench.put(key)
        const id = idOf(bench, 1)
        const changes = [bench.change(key)]
        await rejects(required(bench).commit(changes, { id, basis }), 'CONFLICT')
        await commitOf(bench, changes, { id, basis: bench.latest })
        await bench.fetch({})
      },
    },
    {
      title: 'section 6: an id that was born at another incarnation is SOURCE_RESET',
      needs: ['commit', 'ids'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        await bench.put(key)
        const { source } = bench
        const born = { [`${source.slice(0, source.lastIndexOf('@'))}@never-was`]: 1 }
        const error = await rejects(
          required(bench).commit([bench.change(key)], { id: { session: 's', number: 1, born } }),
          'SOURCE_RESET',
        )
        ensure(error.applied !== undefined, 'the error of a commit says `applied`')
        await bench.fetch({})
      },
    },
  ],
}

export function idOf(bench: Bench, number: number): CommitId {
  return { session: 'session of the suite', number, born: bench.latest }
}
