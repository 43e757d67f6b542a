import type { Update } from '../../store.ts'
import { turns } from '../../testing/turns.ts'
import { reaches } from '../../versions.ts'
import { coded, ensure, fails, rejects, same, settle, show } from '../check.ts'
import type { Part } from '../part.ts'

/** How a store begins and ends. */
export const lifecycle: Part = {
  name: 'lifecycle',
  scenarios: [
    {
      title: 'section 1: sources are named, and a fresh store knows the points it stands at',
      run: async ({ store }) => {
        ensure(store.sources.length > 0, 'a store has a source at least')
        for (const source of store.sources) {
          ensure(/^.+@[^@]+$/su.test(source), () => `a source id is name@incarnation: ${show(source)}`)
          const [oldest, reached] = [store.oldest[source], store.reached[source]]
          ensure(Number.isSafeInteger(oldest) && (oldest ?? -1) >= 0, () => `oldest of ${source} is ${oldest}`)
          ensure(Number.isSafeInteger(reached), () => `reached of ${source} is ${reached}`)
        }
        ensure(reaches(store.reached, store.oldest), 'oldest is not after reached')
        ensure(Object.keys(store.reached).length === store.sources.length, 'reached names the sources, and no others')
      },
    },
    {
      title: 'section 3: commit is there where supports says so; elsewhere it is absent, or refuses',
      run: async (bench) => {
        const { store } = bench
        if (store.supports.commit) return ensure(store.commit !== undefined, 'there is a commit')
        const changes = bench.keys(1).map((key) => bench.change(key))
        if (store.commit === undefined) return
        for (const some of [changes, []]) {
          const error = await rejects(store.commit(some), 'READ_ONLY', 'NOT_MOUNTED')
          same(error.applied, 'no', 'applied of a commit to a store that takes none')
        }
      },
    },
    {
      title: 'section 3: closing twice is harmless, also at the same time',
      run: async ({ store }) => {
        await Promise.all([store.close(), store.close()])
        await store.close()
      },
    },
    {
      title: 'section 3: Symbol.asyncDispose closes stores and feeds',
      run: async ({ store }) => {
        const feed = store.watch({})
        await feed[Symbol.asyncDispose]()
        await fails(() => feed.take(), 'CLOSED')
        await store[Symbol.asyncDispose]()
        await rejects(store.fetch({}), 'CLOSED')
      },
    },
    {
      title: 'L9: after close every method ends with CLOSED',
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        const point = await bench.put(key)
        const { store } = bench
        const feed = store.watch({})
        await feed.take()
        await store.close()
        await rejects(store.fetch({}), 'CLOSED')
        await rejects(store.changes({}, { since: point }), 'CLOSED')
        await fails(() => store.watch({}), 'CLOSED')
        await fails(() => feed.take(), 'CLOSED')
        if (store.commit === undefined) return
        const error = await rejects(store.commit([{ key, value: bench.value() }]), 'CLOSED')
        same(error.applied, 'no', 'applied of a commit to a closed store')
      },
    },
    {
      title: 'L9: close ends everything that waits with CLOSED',
      run: async (bench) => {
        const point = await bench.put(...bench.keys(1))
        const { store, never } = bench
        const feed = store.watch({})
        await feed.take()
        const waits = [
          store.fetch({}, { min: never }),
          store.changes({}, { since: point, until: never }),
          Promise.resolve(feed.take(never)),
        ].map((wait) => rejects(wait, 'CLOSED'))
        await turns()
        await store.close()
        await bench.ended(Promise.all(waits), 'the end of all waits')
      },
    },
    {
      title: 'L9: close ends an iteration',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        const seen: Update[] = []
        const iteration = settle(
          (async () => {
            for await (const update of bench.store.watch({})) seen.push(update)
          })(),
        )
        await bench.until(() => seen.length > 0, 'the first update of an iteration')
        await bench.store.close()
        const { error } = await bench.ended(iteration, 'the end of an iteration')
        if (error !== undefined) coded(error, 'CLOSED')
      },
    },
    {
      title: 'L4, section 6: a commit that close meets ends, and says whether it was applied',
      needs: ['commit'],
      run: async (bench) => {
        const keys = bench.keys(1)
        await bench.put(...keys)
        const commits = keys.map((key) => settle(bench.commit([bench.change(key)])))
        await bench.store.close()
        for (const { error } of await bench.ended(Promise.all(commits), 'the end of all commits')) {
          if (error === undefined) continue
          const failure = coded(error, 'CLOSED', 'UNAVAILABLE')
          ensure(failure.applied !== undefined, 'the error of a commit says `applied`')
        }
      },
    },
  ],
}
