import type { Versions } from '../../store.ts'
import { reaches } from '../../versions.ts'
import type { Bench } from '../bench.ts'
import { coded, ensure, fails, rejects, same, show } from '../check.ts'
import type { Part, Scenario } from '../part.ts'
import { difference } from './changes.ts'
import { commitOf, required } from './commit.ts'
import { idOf } from './ids.ts'
import { resumed } from './resume.ts'

const history = { commits: 3 }
const nothingForgotten = 'the store kept all of its past: its setup does not pass on `history`'

/** What holds at, before and after the horizon of a store that keeps little of its past. */
export const horizon: Part = {
  name: 'horizon',
  scenarios: [
    forgetful('L2: max at the horizon and after it is answered, before it is LOST_IN_FOG', async (bench, at) => {
      const { store, source } = bench
      await bench.exactly({}, { [source]: at })
      await bench.exactly({}, { [source]: at + 1 })
      await bench.fetch({}, { max: { [source]: at + 1 } })
      const error = await rejects(store.fetch({}, { max: { [source]: at - 1 } }), 'LOST_IN_FOG')
      ensure((error.horizon?.[source] ?? -1) >= at, () => `LOST_IN_FOG names the horizon: ${show(error.horizon)}`)
    }),
    forgetful(
      'section 3: changes since the horizon and after it are told, before it are LOST_IN_FOG',
      async (bench, at) => {
        const { store, source, latest } = bench
        for (const since of [at, at + 1]) await difference(bench, {}, { ...latest, [source]: since })
        const lost = { ...latest, [source]: at - 1 }
        await rejects(store.changes({}, { since: lost }), 'LOST_IN_FOG')
        await rejects(store.changes([], { since: lost, until: latest }), 'LOST_IN_FOG')
      },
    ),
    forgetful(
      'L7: who comes back from before the horizon gets a replacement, from after it what changed',
      async (bench, at) => {
        const { source } = bench
        const [lost] = await resumed(bench, { ...bench.latest, [source]: at - 1 }).catchUp()
        ensure(lost?.replace !== undefined, () => `what is lost is replaced: ${show(lost)}`)
        for (const since of [at, at + 1]) await resumed(bench, { ...bench.latest, [source]: since }).catchUp()
        const empty = bench.follow({}, { since: {} }, { entries: [], versions: {} })
        await empty.catchUp()
      },
    ),
    forgetful('L1: what a store has forgotten is not in its windows', async (bench) => {
      for (const key of bench.pool) await bench.fetch(key)
      await bench.fetch({})
      await bench.fetch({ limit: 1 })
      await bench.fetch({ limit: 2, reverse: true })
    }),
    {
      title: 'L7, L8: a feed that was not read until its point was lost is replaced',
      needs: ['manyKeys'],
      history,
      run: async (bench) => {
        const keys = bench.keys(3)
        await bench.put(...keys)
        const follower = bench.follow({})
        const limited = bench.follow({ limit: 1 })
        await follower.catchUp()
        await limited.catchUp()
        const held = follower.feed.versions
        if ((await forget(bench)) === undefined) return nothingForgotten
        const [update] = await follower.catchUp()
        if (!reaches(held, bench.store.oldest)) {
          ensure(update?.replace !== undefined, () => `what is lost is replaced: ${show(update)}`)
        }
        await limited.catchUp()
        await bench.put(...keys)
        await follower.catchUp()
        await limited.catchUp()
      },
    },
    {
      title: 'L6: a take of a point that was lost is LOST_IN_FOG, and the feed goes on',
      needs: ['manyKeys'],
      history,
      run: async (bench) => {
        const keys = bench.keys(2)
        const follower = bench.follow({})
        await follower.take()
        const point = await bench.put(...keys)
        if ((await forget(bench)) === undefined || reaches(point, bench.store.oldest)) return nothingForgotten
        await fails(() => follower.feed.take(point), 'LOST_IN_FOG')
        await follower.catchUp()
      },
    },
    {
      title: 'section 6: a basis before the horizon is LOST_IN_FOG, or proves a conflict',
      needs: ['commit', 'manyKeys'],
      history,
      run: async (bench) => {
        const [a = '', b = ''] = bench.keys(2)
        const basis = await bench.put(a)
        if ((await forget(bench)) === undefined || reaches(basis, bench.store.oldest)) return nothingForgotten
        for (const key of [a, b]) {
          const error = await rejects(commitOf(bench, [bench.change(key)], { basis }), 'LOST_IN_FOG', 'CONFLICT')
          same(error.applied, 'no', 'applied')
        }
        await bench.fetch({})
      },
    },
    {
      title: 'section 6: a retry of what may have been forgotten is never applied again',
      needs: ['commit', 'manyKeys', 'ids'],
      history,
      run: async (bench) => {
        const [a = ''] = bench.keys(1)
        await bench.put(a)
        const id = idOf(bench, 1)
        const changes = [bench.change(a)]
        const made = await commitOf(bench, changes, { id })
        if ((await forget(bench)) === undefined) return nothingForgotten
        try {
          same(await required(bench).commit(changes, { id }), made, 'the version of a retry')
        } catch (failure) {
          const error = coded(failure, 'LOST_IN_FOG')
          same(error.applied, 'unknown', 'applied of a retry whose outcome is not known')
        }
        await bench.fetch({})
      },
    },
  ],
}

/** A scenario on a store that has forgotten some of its past: `at` is its horizon. */
function forgetful(title: string, run: (bench: Bench, at: number) => Promise<void>): Scenario {
  return {
    title,
    needs: ['manyKeys'],
    history,
    run: async (bench) => {
      const oldest = await forget(bench)
      if (oldest === undefined) return nothingForgotten
      await run(bench, oldest[bench.source] ?? 0)
      return undefined
    },
  }
}

/** Writes until the horizon has moved past a delete and a key that was made again. undefined: it does not move. */
async function forget(bench: Bench): Promise<Versions | undefined> {
  const [a = '', b = ''] = bench.keys(3).slice(1)
  await bench.put(a)
  const start = bench.store.oldest[bench.source] ?? 0
  for (let i = 0; i < 4; i++) {
    await bench.delete(a)
    await bench.put(b)
    await bench.put(a)
  }
  await bench.delete(a)
  await bench.put(b)
  await bench.fetch({})
  const { oldest, reached } = bench.store
  ensure(reaches(reached, oldest), () => `oldest ${show(oldest)} is after reached ${show(reached)}`)
  const at = oldest[bench.source] ?? 0
  return at > start && at + 1 <= (bench.latest[bench.source] ?? 0) ? oldest : undefined
}
