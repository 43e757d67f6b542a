import { turns } from '../../testing/turns.ts'
import type { Versions } from '../../store.ts'
import type { Bench } from '../bench.ts'
import { ensure, fails, rejects, settle, show } from '../check.ts'
import type { Part } from '../part.ts'

/** How subscriptions end, and how they go on from the point that was held. */
export const resuming: Part = {
  name: 'resume',
  scenarios: [
    {
      title: 'L7: who comes back gets what changed since, and no more',
      needs: ['manyKeys'],
      run: async (bench) => {
        const keys = bench.keys(5)
        const [a = '', b = ''] = keys
        const since = await bench.put(...keys)
        await bench.delete(b)
        await bench.put(a)
        const follower = resumed(bench, since)
        const [update] = await follower.catchUp()
        ensure(update !== undefined && update.replace === undefined, () => `it is told what changed: ${show(update)}`)
      },
    },
    {
      title: 'L7: who comes back and missed nothing is told nothing, and then what follows',
      run: async (bench) => {
        const since = await bench.put(...bench.keys(1))
        const follower = resumed(bench, since)
        const updates = await follower.catchUp()
        ensure(
          updates.every(({ changes, replace }) => changes.length === 0 && replace === undefined),
          () => show(updates),
        )
        await bench.put(...bench.keys(1))
        await follower.catchUp()
      },
    },
    {
      title: 'L7: who comes back from a source that was reset gets a replacement',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        const { source } = bench
        const since = { [`${source.slice(0, source.lastIndexOf('@'))}@never-was`]: 1 }
        const follower = bench.follow({}, { since }, { entries: [{ key: 'of old', value: 1 }], versions: since })
        const [update] = await follower.catchUp()
        ensure(update?.replace !== undefined, () => `it gets a replacement: ${show(update)}`)
        await bench.put(...bench.keys(1))
        await follower.catchUp()
      },
    },
    {
      title: 'L7: who comes back with a point of nothing that the store has gets everything',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        for (const since of [{}, { 'elsewhere@1': 3 }]) {
          const follower = bench.follow({}, { since }, { entries: [], versions: since })
          await follower.catchUp()
        }
      },
    },
    {
      title: 'section 3: a signal closes the feed',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        const ender = new AbortController()
        const feed = bench.store.watch({}, { signal: ender.signal })
        await feed.take()
        const waiting = fails(() => feed.take(bench.never), 'CLOSED', 'ABORTED')
        await turns()
        ender.abort()
        await bench.ended(waiting, 'the end of a take')
        await fails(() => feed.take(), 'CLOSED', 'ABORTED')
      },
    },
    {
      title: 'L9: close ends a take that waits, and an iteration',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        const feed = bench.store.watch({})
        await feed.take()
        const waiting = rejects(Promise.resolve(feed.take(bench.never)), 'CLOSED')
        await turns()
        await feed.close()
        await bench.ended(waiting, 'the end of a take')
        await fails(() => feed.take(), 'CLOSED')
        await fails(() => feed.setQuery({}), 'CLOSED')
        await feed.close()
        const other = bench.store.watch({})
        let seen = 0
        const iteration = settle(
          (async () => {
            for await (const update of other) seen += 1 + update.changes.length
          })(),
        )
        await bench.until(() => seen > 0, 'the first update of an iteration')
        await other.close()
        await bench.ended(iteration, 'the end of an iteration')
      },
    },
    {
      title: 'L8: a feed that is not read holds up nobody, and a closed one is told nothing',
      run: async (bench) => {
        const keys = bench.keys(1)
        const lazy = bench.follow({})
        const busy = bench.follow({})
        const gone = bench.store.watch({})
        let told = 0
        gone.wake(() => told++)
        await turns()
        await gone.close()
        told = 0
        for (let i = 0; i < 20; i++) {
          await bench.put(...keys)
          await busy.catchUp()
        }
        await lazy.catchUp()
        ensure(told === 0, () => `a closed feed was told ${told} times`)
      },
    },
  ],
}

/** A follower that held everything at the point. */
export function resumed(bench: Bench, since: Versions): ReturnType<Bench['follow']> {
  const entries = bench.model.answerAt({}, since) ?? []
  return bench.follow({}, { since }, { entries, versions: since })
}
