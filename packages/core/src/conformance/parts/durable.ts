import type { Versions } from '../../store.ts'
import { reaches } from '../../versions.ts'
import type { Bench } from '../bench.ts'
import { ensure, rejects, same, show } from '../check.ts'
import type { Part } from '../part.ts'
import { commitOf, required } from './commit.ts'
import { idOf } from './ids.ts'

/** Whether a store that was opened again goes on from a point: as another incarnation, or as the same source. */
function isKept({ store }: Bench, point: Versions): boolean {
  const { sources, continues = [] } = store
  return Object.keys(point).some((id) => sources.includes(id) || continues.some((former) => former.id === id))
}

/** What outlives the process. */
export const durability: Part = {
  name: 'durable',
  scenarios: [
    {
      title: 'section 7: what was acknowledged is there when the store is opened again',
      needs: ['durable'],
      run: async (bench) => {
        await bench.put(...bench.pool)
        if (!bench.store.supports.single) await bench.delete(bench.pool[0] ?? '')
        await bench.reopen()
        await bench.fetch({})
        await bench.put(...bench.keys(1))
        await bench.reopen()
        await bench.fetch({})
        await bench.fetch({ limit: 2, reverse: true })
      },
    },
    {
      title: 'section 6: points of before count where they are continued, and are SOURCE_RESET elsewhere',
      needs: ['durable', 'manyKeys'],
      run: async (bench) => {
        const keys = bench.keys(3)
        const since = await bench.put(...keys)
        const first = keys[0] ?? ''
        const entries = bench.model.answerAt({}, since) ?? []
        await bench.delete(first)
        const until = await bench.put(...keys.slice(1))
        await bench.reopen()
        const kept = isKept(bench, since)
        const follower = bench.follow({}, { since }, { entries, versions: since })
        const [update] = await follower.catchUp()
        ensure(update !== undefined, 'who comes back is told what changed')
        if (!kept) {
          ensure(update.replace !== undefined, () => `what was reset is replaced: ${show(update)}`)
          return
        }
        const snapshot = await bench.store.fetch({}, { min: until })
        bench.keep({}, snapshot, { min: until })
        if (!reaches(bench.model.canonical(since), bench.model.canonical(bench.store.oldest))) return
        same(update.replace, undefined, 'a replacement of what is still known')
        for (const point of [since, until]) bench.keep({}, await bench.store.fetch({}, { max: point }), { max: point })
      },
    },
    {
      title: 'section 6: versions go on where they are continued',
      needs: ['durable'],
      run: async (bench) => {
        const written = await bench.put(...bench.keys(1))
        const before = bench.model.canonical(written)
        await bench.reopen()
        if (!isKept(bench, written)) return 'it continues nothing'
        const after = bench.model.canonical(await bench.put(...bench.keys(1)))
        ensure(reaches(after, before), () => `${show(after)} comes after ${show(before)}`)
        await bench.fetch({})
      },
    },
    {
      title: 'section 6: a retry is harmless when the store was opened again',
      needs: ['durable', 'commit', 'ids'],
      run: async (bench) => {
        const [key = ''] = bench.keys(1)
        await bench.put(key)
        const id = idOf(bench, 1)
        const changes = [bench.change(key)]
        const made = bench.model.canonical(await commitOf(bench, changes, { id }))
        await bench.reopen()
        if (!isKept(bench, id.born)) {
          const error = await rejects(required(bench).commit(changes, { id }), 'SOURCE_RESET')
          same(error.applied, 'unknown', 'applied of a retry at a store that continues nothing')
          await bench.fetch({})
          return
        }
        const again = await required(bench).commit(changes, { id })
        same(bench.model.canonical(again), made, 'the version of a retry')
        await bench.put(key)
        await bench.fetch({})
      },
    },
  ],
}
