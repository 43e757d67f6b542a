import type { Change, CommitOptions, Store, Versions } from '../../store.ts'
import { reaches } from '../../versions.ts'
import type { Bench } from '../bench.ts'
import { coded, ensure, rejects, same, show } from '../check.ts'
import type { Part } from '../part.ts'

/** What a commit does, and when it is refused. */
export const committing: Part = {
  name: 'commit',
  scenarios: [
    {
      title: 'L4: all of a commit is there at its version, and nothing before',
      needs: ['commit', 'manyKeys'],
      run: async (bench) => {
        const keys = bench.keys(5)
        const before = await bench.put(...keys)
        const follower = bench.follow({})
        await follower.catchUp()
        const at = await bench.put(...keys)
        const [version = 0, first = 0] = [at[bench.source], before[bench.source]]
        ensure(version > first, () => `a commit gets a greater version: ${version} after ${first}`)
        await bench.exactly({}, { [bench.source]: version - 1 })
        await bench.exactly({}, at)
        await follower.take(at)
        await bench.write(...keys.map((key, i): Change => (i % 2 === 0 ? { key, gone: true } : bench.change(key))))
        await follower.catchUp()
        await bench.fetch({})
      },
    },
    {
      title: 'L4: a commit is seen whole by everyone who asks while it is made',
      needs: ['commit'],
      run: async (bench) => {
        const keys = bench.keys(bench.store.supports.single ? 1 : 4)
        await bench.put(...keys)
        const { store } = bench
        const seen: Promise<void>[] = []
        for (let i = 0; i < 5; i++) {
          const changes = keys.map((key) => bench.change(key))
          const made = commitOf(bench, changes)
          for (const query of [{}, keys[0] ?? '', { limit: 2 }]) {
            seen.push(store.fetch(query).then((snapshot) => bench.keep(query, snapshot, {})))
          }
          await made
        }
        await Promise.all(seen)
      },
    },
    {
      title: 'section 1: commits that are made at once get versions of their own, in their order',
      needs: ['commit'],
      run: async (bench) => {
        const keys = bench.keys(bench.store.supports.single ? 1 : 3)
        await Promise.all(
          Array.from({ length: 8 }, (_, i) => commitOf(bench, [bench.change(keys[i % keys.length] ?? '')])),
        )
        await bench.fetch({})
        for (const { at } of bench.model.commits) await bench.exactly({}, bench.present(at))
      },
    },
    {
      title: 'section 6: a commit without changes changes nothing',
      needs: ['commit'],
      run: async (bench) => {
        const before = await bench.put(...bench.keys(1))
        const versions = await required(bench).commit([])
        ensure(reaches({ ...before, ...versions }, before), () => `${show(versions)} is before ${show(before)}`)
        await bench.fetch({}, { min: versions })
        await bench.put(...bench.keys(1))
        await bench.fetch({})
      },
    },
    {
      title: 'section 6: a key that changed after basis is a conflict, which names it',
      needs: ['commit', 'manyKeys'],
      run: async (bench) => {
        const [a = '', b = '', c = ''] = bench.keys(3)
        const basis = await bench.put(a, b)
        await bench.put(a)
        await conflict(bench, [bench.change(a)], { basis }, [a])
        await conflict(bench, [bench.change(b), bench.change(a)], { basis }, [a])
        await conflict(bench, [{ key: a, gone: true }], { basis }, [a])
        await commits(bench, [bench.change(b)], { basis })
        await commits(bench, [bench.change(a)], { basis: bench.latest })
        await commits(bench, [bench.change(c)], { basis })
      },
    },
    {
      title: 'section 6: a key that came, went, or went and came again after basis is a conflict',
      needs: ['commit', 'manyKeys'],
      run: async (bench) => {
        const [a = '', b = '', c = '', d = ''] = bench.keys(4)
        const basis = await bench.put(b, c, d)
        await bench.put(a)
        await bench.delete(b)
        await bench.delete(c)
        await bench.put(c)
        for (const key of [a, b, c]) await conflict(bench, [bench.change(key)], { basis }, [key])
        await commits(bench, [bench.change(d)], { basis })
      },
    },
    {
      title: 'section 6: where basis says nothing of the source, all that was ever there is a conflict',
      needs: ['commit', 'manyKeys'],
      run: async (bench) => {
        const [a = '', b = '', c = ''] = bench.keys(3)
        await bench.put(a, b)
        await bench.delete(b)
        const { guard } = bench.store.supports
        for (const basis of [{}, { 'of another store@1': 1_000 }]) {
          await conflict(bench, [bench.change(a)], { basis }, [a])
          await conflict(bench, [{ key: a, gone: true }, bench.change(c)], { basis }, [a])
          await conflict(bench, [bench.change(b)], { basis }, [b])
          if (guard !== 'none') await conflict(bench, [bench.change(c)], { basis, guard: a }, [a])
        }
        if (bench.store.oldest[bench.source] === 0) await commits(bench, [bench.change(c)], { basis: {} })
      },
    },
    {
      title: 'section 6: of two commits on one basis, the second is a conflict',
      needs: ['commit'],
      run: async (bench) => {
        const keys = bench.keys(1)
        const basis = await bench.put(...keys)
        const tries = [0, 1, 2].map(() => keys.map((key) => bench.change(key)))
        const made = await Promise.allSettled(tries.map((changes) => commitOf(bench, changes, { basis })))
        same(made.filter(({ status }) => status === 'fulfilled').length, 1, 'how many of three commits went through')
        for (const one of made) if (one.status === 'rejected') coded(one.reason, 'CONFLICT')
        await bench.fetch({})
      },
    },
    {
      title: 'section 6: a key in guard that changed after basis is a conflict',
      needs: ['commit', 'manyKeys', 'guardedKeys'],
      run: async (bench) => {
        const [a = '', b = '', c = ''] = bench.keys(3)
        const basis = await bench.put(a, b)
        await bench.put(b)
        await conflict(bench, [bench.change(c)], { basis, guard: b }, [b])
        await commits(bench, [bench.change(c)], { basis, guard: a })
      },
    },
    {
      title: 'section 6: a range in guard holds its absent keys too',
      needs: ['commit', 'manyKeys', 'guardedRanges'],
      run: async (bench) => {
        if (bench.setup.place !== undefined) return 'a range may lie in several stores'
        const [a = '', b = '', c = '', d = ''] = bench.keys(4)
        const basis = await bench.put(a, c)
        await commits(bench, [bench.change(d)], { basis, guard: { lte: c } })
        const again = bench.latest
        await bench.put(b)
        await conflict(bench, [bench.change(d)], { basis: again, guard: { gt: a, lt: c } }, [b])
        await conflict(bench, [bench.change(d)], { basis: again, guard: [a, b] }, [b])
        await commits(bench, [bench.change(d)], { basis: again, guard: [{ lte: a }, { gte: c, lt: d }] })
        const last = bench.latest
        await bench.delete(b)
        await conflict(bench, [bench.change(d)], { basis: last, guard: { gt: a, lt: c } }, [b])
        await conflict(bench, [bench.change(d)], { basis: last, guard: b }, [b])
        return undefined
      },
    },
    {
      title: 'section 6: a guard that cannot be kept is refused',
      needs: ['commit', 'manyKeys'],
      run: async (bench) => {
        const { guard } = bench.store.supports
        if (guard === 'ranges') return 'every guard is kept'
        const keys = bench.keys(1)
        const basis = await bench.put(...keys)
        const error = await rejects(
          commitOf(
            bench,
            keys.map((key) => bench.change(key)),
            { basis, guard: {} },
          ),
          'UNSUPPORTED',
        )
        same(error.applied, 'no', 'applied')
        await bench.fetch({})
      },
    },
    {
      title: 'section 3: keys and points that are wrong are refused, and nothing changes',
      needs: ['commit'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        await bench.put(key)
        const change = bench.change(key)
        await refused(bench, [change, bench.change(key)], 'BAD_KEY')
        await refused(bench, [change, { key, gone: true }], 'BAD_KEY')
        for (const wrong of ['\ud800', 'a\udc00', 1, null, undefined, {}, ['a']]) {
          await refused(bench, [{ key: wrong as string, value: 1 }], 'BAD_KEY')
          await refused(bench, [{ key: wrong as string, gone: true }], 'BAD_KEY')
          await refused(bench, [change, { key: wrong as string, value: 1 }], 'BAD_KEY')
        }
        for (const version of [-1, 1.5, 2 ** 53, Number.NaN]) {
          const error = await rejects(commitOf(bench, [change], { basis: { [bench.source]: version } }), 'BAD_QUERY')
          same(error.applied, 'no', 'applied')
        }
        await bench.fetch({})
      },
    },
  ],
}

/** The store, which takes commits. */
export function required(bench: Bench): Required<Pick<Store, 'commit'>> {
  const { store } = bench
  ensure(store.commit !== undefined, 'supports says that it takes commits')
  return store as Required<Pick<Store, 'commit'>>
}

/** A commit that the model hears of. */
export async function commitOf(bench: Bench, changes: readonly Change[], options?: CommitOptions): Promise<Versions> {
  const versions = await required(bench).commit(changes, options)
  bench.recordedInOrder(versions, changes)
  return versions
}

/** A commit that must go through, with the answer after it. */
async function commits(bench: Bench, changes: readonly Change[], options: CommitOptions): Promise<void> {
  await commitOf(bench, changes, options)
  await bench.fetch({})
}

async function conflict(
  bench: Bench,
  changes: readonly Change[],
  options: CommitOptions,
  keys: string[],
): Promise<void> {
  const error = await rejects(commitOf(bench, changes, options), 'CONFLICT')
  same([...(error.keys ?? [])].sort(), keys, 'the keys that CONFLICT names')
  same(error.applied, 'no', 'applied of a conflict')
  await bench.fetch({})
}

/** A commit that must be refused with this code, and leave everything as it is. */
export async function refused(bench: Bench, changes: readonly Change[], code: 'BAD_KEY' | 'BAD_VALUE'): Promise<void> {
  const before = bench.store.reached
  const error = await rejects(required(bench).commit(changes), code)
  same(error.applied, 'no', `applied of a commit that is ${code}: ${show(changes)}`)
  const { entries } = await bench.fetch({})
  ensure(reaches(bench.store.reached, before), () => `reached went back to ${show(bench.store.reached)}`)
  ensure(entries.length > 0, 'the entries that were there before')
}
