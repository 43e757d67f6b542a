import type { Update, Versions } from '../../store.ts'
import { turns } from '../../testing/turns.ts'
import { reaches } from '../../versions.ts'
import { ensure, fails, same, show } from '../check.ts'
import type { Part } from '../part.ts'

/** What a subscription tells, and when. */
export const feeding: Part = {
  name: 'feed',
  scenarios: [
    {
      title: 'L7: the first update is a replacement, also where there is nothing',
      run: async (bench) => {
        const empty = bench.follow({})
        const first = await empty.take()
        ensure(first?.replace !== undefined, () => `the first update replaces: ${show(first)}`)
        await bench.put(...bench.keys(1))
        const update = await bench.follow({}).take()
        ensure((update?.replace?.entries.length ?? 0) > 0, () => `the first update brings the answer: ${show(update)}`)
        same(update?.generation, 0, 'the generation of a first update')
        await empty.catchUp()
      },
    },
    {
      title: 'L6: each step leads to the answer at its point',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = '', c = ''] = bench.keys(3)
        const queries = [{}, a, [a, c], { limit: 1 }, { gte: b, reverse: true, limit: 2 }, { gt: a }, []]
        const followers = queries.map((query) => bench.follow(query))
        const step = async (): Promise<void> => {
          for (const follower of followers) await follower.catchUp()
        }
        await step()
        for (const keys of [[a], [a, b, c], [b], [c, a]]) {
          await bench.put(...keys)
          await step()
          await bench.delete(keys[0] ?? '')
          await step()
        }
      },
    },
    {
      title: 'section 3: the holder is told once, until it takes',
      run: async (bench) => {
        const keys = bench.keys(1)
        await bench.put(...keys)
        const follower = bench.follow({})
        let told = 0
        follower.feed.wake(() => told++)
        await bench.until(() => told > 0, 'the first wake of a feed')
        await follower.catchUp()
        told = 0
        await bench.put(...keys)
        await bench.until(() => told > 0, 'the wake of a feed')
        await bench.put(...keys)
        await turns()
        same(told, 1, 'how often the holder was told before it took')
        await follower.catchUp()
        told = 0
        await bench.put(...keys)
        await bench.until(() => told > 0, 'the next wake of a feed')
        await follower.catchUp()
      },
    },
    {
      title: 'section 3: a feed has one holder at a time',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        const { feed } = bench.follow({})
        const end = feed.wake(() => undefined)
        await fails(() => feed.wake(() => undefined), 'BAD_QUERY')
        end()
        let told = false
        feed.wake(() => (told = true))
        await bench.until(() => told, 'the wake of the second holder')
      },
    },
    {
      title: 'L6: take goes to exactly the point asked for',
      run: async (bench) => {
        const keys = bench.keys(1)
        const follower = bench.follow({})
        await follower.take()
        const points: Versions[] = []
        for (let i = 0; i < 4; i++) points.push(await bench.put(...keys))
        for (const point of points) {
          const update = await follower.take(point)
          ensure(update !== undefined && update.changes.length > 0, () => `a change at ${show(point)}: ${show(update)}`)
        }
        same(await follower.take(), undefined, 'what is left')
      },
    },
    {
      title: 'section 3: take does not go back',
      run: async (bench) => {
        const keys = bench.keys(1)
        const before = await bench.put(...keys)
        const follower = bench.follow({})
        await bench.put(...keys)
        await follower.catchUp()
        await fails(() => follower.feed.take(before), 'BAD_QUERY')
        await bench.put(...keys)
        await fails(() => follower.feed.take(before), 'BAD_QUERY')
        await follower.catchUp()
      },
    },
    {
      title: 'L9: take of a point ahead waits for it; another take meanwhile is refused',
      run: async (bench) => {
        const keys = bench.keys(1)
        await bench.put(...keys)
        const follower = bench.follow({})
        await follower.catchUp()
        const { next } = bench
        const asked = Promise.resolve(follower.feed.take(next))
        await turns()
        if (!reaches(bench.store.reached, next)) await fails(() => follower.feed.take(), 'BAD_QUERY')
        await bench.put(...keys)
        await bench.put(...keys)
        follower.accept(await bench.ended(asked, 'the take of a point ahead'), next)
        follower.holder.check(bench.model)
        await follower.catchUp()
      },
    },
    {
      title: 'L9: take of a point ahead waits for it, whatever other sources do meanwhile',
      run: async (bench) => {
        const [a, b] = new Map(bench.pool.map((key) => [bench.place(key), key])).values()
        if (a === undefined || b === undefined) return 'the keys are of one place'
        await bench.put(a)
        await bench.put(b)
        const follower = bench.follow(bench.effect([bench.change(b)]))
        await follower.catchUp()
        const { next } = bench
        const asked = Promise.resolve(follower.feed.take(next))
        await bench.put(a)
        await bench.put(b)
        await bench.put(a)
        follower.accept(await bench.ended(asked, 'the take of a point ahead'), next)
        follower.holder.check(bench.model)
        await follower.catchUp()
        return undefined
      },
    },
    {
      title: 'L8: what a slow reader missed comes as one update, which says how many commits went into it',
      run: async (bench) => {
        const keys = bench.keys(1)
        const follower = bench.follow({})
        await follower.take()
        for (let i = 0; i < 5; i++) await bench.put(...keys)
        await bench.settle()
        // A store across a wire hears of what was committed a moment later.
        const isTold = (): boolean => reaches(follower.feed.reached, follower.within(bench.latest))
        await bench.until(isTold, `the point ${show(bench.latest)} of a slow reader`)
        const [update, ...rest] = await follower.catchUp()
        same(rest.length, 0, 'how many updates came after the first')
        const { folded = 0 } = update ?? {}
        ensure(folded >= 1 && folded <= 5, () => `folded says ${folded} of 5 commits`)
        if (bench.store.supports.commit && bench.setup.write === undefined) same(folded, 5, 'folded')
      },
    },
    {
      title: 'L9: the point held moves on where nothing in the ranges changes',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = ''] = bench.keys(2)
        await bench.put(a)
        const seen = bench.effect([bench.change(b)])
        const query = bench.effect([bench.change(a)]).filter((key) => !seen.includes(key))
        const follower = bench.follow(query)
        await follower.catchUp()
        for (let i = 0; i < 3; i++) {
          const point = await bench.put(b)
          const moved = (): boolean => reaches(follower.feed.versions, follower.within(point))
          await bench.until(moved, `the point of a quiet feed at ${show(point)}`)
          same(await follower.take(), undefined, 'what a quiet feed tells')
        }
      },
    },
    {
      title: 'section 4: setQuery gives the generation that answers it, and wakes',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = '', c = ''] = bench.keys(3)
        await bench.put(a, b, c)
        const follower = bench.follow({ lte: a })
        await follower.catchUp()
        let told = 0
        follower.feed.wake(() => told++)
        let generation = 0
        for (const query of [{}, { gt: b }, a, [{ limit: 1 }, c], { limit: 2, reverse: true }, [], {}]) {
          told = 0
          const asked = follower.feed.setQuery(query)
          follower.holder.ask(query, asked)
          same(asked, ++generation, 'what setQuery gives')
          await bench.until(() => told > 0, 'the wake after setQuery')
          const updates = await follower.catchUp()
          same(updates.at(-1)?.generation, generation, 'the generation of the update')
          await bench.put(b)
          await follower.catchUp()
        }
      },
    },
    {
      title: 'section 4: of several queries set in a row, the last is answered',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = ''] = bench.keys(2)
        await bench.put(a, b)
        const follower = bench.follow(a)
        follower.holder.ask(b, follower.feed.setQuery(b))
        follower.holder.ask({}, follower.feed.setQuery({}))
        same((await follower.catchUp()).at(-1)?.generation, 2, 'the generation')
        follower.holder.ask(b, follower.feed.setQuery(b))
        await bench.put(a)
        follower.holder.ask(a, follower.feed.setQuery(a))
        same((await follower.catchUp()).at(-1)?.generation, 4, 'the generation')
      },
    },
    {
      title: 'L2: a feed starts no earlier than its min',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        const { next: min } = bench
        const feed = bench.store.watch({}, { min })
        const asked = Promise.resolve(feed.take())
        await turns()
        await bench.put(...bench.keys(1))
        const first = await bench.ended(asked, 'the first update of a feed with min')
        ensure(first !== undefined && reaches(first.versions, min), () => `${show(first)} is before ${show(min)}`)
        await feed.close()
      },
    },
    {
      title: 'section 3: for await gives the updates, until it is left',
      run: async (bench) => {
        const keys = bench.keys(1)
        const { feed, holder } = bench.follow({})
        const updates: Update[] = []
        for await (const update of feed) {
          updates.push(update)
          holder.apply(update)
          holder.check(bench.model)
          if (updates.length === 4) break
          await bench.put(...keys)
        }
        same(updates.length, 4, 'how many updates came')
        await feed.close()
      },
    },
    {
      title: 'section 4: the state of each source is told',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        const { feed } = bench.follow({})
        await feed.take()
        const { status } = feed.state[bench.source] ?? {}
        same(status, 'live', `the state of ${bench.source}`)
        ensure(reaches(feed.reached, bench.latest), () => `reached of the feed is ${show(feed.reached)}`)
      },
    },
  ],
}
