import type { Query, Update, Versions } from '../../store.ts'
import { turns } from '../../testing/turns.ts'
import { reaches } from '../../versions.ts'
import type { Bench } from '../bench.ts'
import { ensure, rejects, same, show } from '../check.ts'
import { Holder } from '../holder.ts'
import type { Part } from '../part.ts'

/** The difference between two points. */
export const changing: Part = {
  name: 'changes',
  scenarios: [
    {
      title: 'L6: between any two points, of any query, the difference leads from one answer to the other',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = '', c = '', d = ''] = bench.keys(4)
        const points = [bench.latest, await bench.put(a, b, c), await bench.delete(a), await bench.put(d, b)]
        points.push(await bench.put(a), await bench.delete(b, d))
        const queries: readonly Query[] = [
          {},
          a,
          d,
          { gte: b },
          { limit: 2 },
          { limit: 1, reverse: true },
          { limit: 0 },
          [a, c],
          [{ limit: 1 }, { gt: a, limit: 1 }],
          { gt: 'b', lt: 'a' },
          [],
        ]
        for (const query of queries) {
          for (const [i, since] of points.entries()) {
            for (const until of points.slice(i)) await difference(bench, query, since, until)
          }
        }
      },
    },
    {
      title: 'section 3: without until, it goes to the newest point',
      run: async (bench) => {
        const keys = bench.keys(1)
        const since = await bench.put(...keys)
        await bench.put(...keys)
        const latest = await bench.put(...keys)
        const update = await difference(bench, {}, since)
        ensure(reaches(update.versions, latest), () => `${show(update.versions)} is not at ${show(latest)}`)
        ensure(update.folded >= 1, 'folded counts the commits')
      },
    },
    {
      title: 'section 4: where nothing changed, nothing is said, and folded is 0',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = ''] = bench.keys(2)
        const since = await bench.put(a)
        const untouched = bench.effect([bench.change(a)])
        await difference(bench, {}, since, since)
        const until = await bench.put(b)
        for (const query of untouched) {
          if (bench.effect([bench.change(b)]).includes(query)) continue
          const update = await difference(bench, query, since, until)
          same(
            [update.changes, update.replace, update.folded],
            [[], undefined, 0],
            'a difference where nothing changed',
          )
        }
      },
    },
    {
      title: 'L9: until ahead of the store waits, and is exactly reached',
      run: async (bench) => {
        const keys = bench.keys(1)
        const since = await bench.put(...keys)
        const { next: until } = bench
        const asked = bench.store.changes({}, { since, until })
        const empty = bench.store.changes([], { since, until })
        await turns()
        await bench.put(...keys)
        await bench.put(...keys)
        accept(bench, {}, since, await bench.ended(asked, 'the difference to a point ahead'), until)
        accept(bench, [], since, await bench.ended(empty, 'an empty difference to a point ahead'), until)
      },
    },
    {
      title: 'section 3: since after until is refused',
      run: async (bench) => {
        const until = await bench.put(...bench.keys(1))
        const since = await bench.put(...bench.keys(1))
        await rejects(bench.store.changes({}, { since, until }), 'BAD_QUERY')
      },
    },
    {
      title: 'section 1: of a source that is absent in since nothing is known, which is before every horizon',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        await rejects(bench.store.changes({}, { since: {} }), 'LOST_IN_FOG')
        await rejects(bench.store.changes({}, { since: { 'elsewhere@1': 3 }, until: bench.latest }), 'LOST_IN_FOG')
      },
    },
    {
      title: 'section 4: a pushed out key of a limited range is gone, and one that moves up comes',
      needs: ['manyKeys'],
      run: async (bench) => {
        const [a = '', b = '', c = ''] = bench.keys(3)
        const points = [await bench.put(b, c), await bench.put(a), await bench.delete(b), await bench.delete(a)]
        for (const query of [{ limit: 1 }, { limit: 2 }, { limit: 1, reverse: true }, { gt: a, limit: 1 }]) {
          for (let i = 1; i < points.length; i++) await difference(bench, query, points[i - 1] ?? {}, points[i])
        }
      },
    },
  ],
}

/** Asks for a difference and checks that it leads from the answer at `since` to that at the point it names. */
export async function difference(bench: Bench, query: Query, since: Versions, until?: Versions): Promise<Update> {
  const update: Update = await bench.store.changes(query, until === undefined ? { since } : { since, until })
  accept(bench, query, since, update, until)
  return update
}

function accept(bench: Bench, query: Query, since: Versions, update: Update, until: Versions = {}): void {
  const before = bench.model.answerAt(query, since)
  if (before === undefined) return
  const holder = new Holder(query, { entries: before, versions: since })
  holder.apply(update)
  for (const [source, version] of Object.entries(until)) {
    // A router names the sources of the mounts that the query touches.
    if (!(source in update.versions) && Object.keys(bench.model.start).length > 1) continue
    ensure(update.versions[source] === version, () => `until ${show(until)}, but it went to ${show(update.versions)}`)
  }
  holder.check(bench.model)
}
