import type { FetchOptions, Versions } from '../../store.ts'
import { turns } from '../../testing/turns.ts'
import { reaches } from '../../versions.ts'
import type { Bench } from '../bench.ts'
import { ensure, fails, rejects, same, show } from '../check.ts'
import type { Part } from '../part.ts'

/** What no version may be. */
const badVersions: readonly unknown[] = [-1, 1.5, 2 ** 53, Number.NaN, Infinity, '1', null]

/** `min`, `max` and how waits end. */
export const bounds: Part = {
  name: 'bounds',
  scenarios: [
    {
      title: 'L2: who asks for what was just written is answered with it',
      run: async (bench) => {
        for (let i = 0; i < 3; i++) {
          const min = await bench.put(...bench.keys(1))
          await bench.fetch({}, { min })
        }
      },
    },
    {
      title: 'L2, L9: a min ahead of the store waits until it is reached',
      run: async (bench) => {
        const keys = bench.keys(1)
        await bench.put(...keys)
        const { next } = bench
        let answered = false
        const asked = bench.store.fetch({}, { min: next }).then((snapshot) => {
          answered = true
          return snapshot
        })
        await turns()
        ensure(!answered || reaches(bench.store.reached, next), 'answered before the point was reached')
        await bench.put(...keys)
        const snapshot = await bench.ended(asked, 'the answer to a fetch that waited')
        bench.keep({}, snapshot, { min: next })
      },
    },
    {
      title: 'L2: a wait that lasts too long ends with STALLED, which says who is behind, and how far',
      run: async (bench) => {
        const point = await bench.put(...bench.keys(1))
        const { never: min, store } = bench
        const waits = [
          store.fetch({}, { min, timeoutMs: 20 }),
          store.changes({}, { since: point, until: min, timeoutMs: 20 }),
        ].map((wait) => rejects(wait, 'STALLED'))
        for (const error of await bench.ended(Promise.all(waits), 'STALLED', 20)) checkStalled(bench, error, min)
      },
    },
    {
      title: 'L2: with stall fail, what is not reached ends with STALLED at once',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        const { never: min } = bench
        const asked = rejects(bench.store.fetch({}, { min, stall: 'fail' }), 'STALLED')
        checkStalled(bench, await bench.ended(asked, 'STALLED'), min)
        await bench.fetch({}, { min: bench.latest, stall: 'fail' })
      },
    },
    {
      title: 'L2: with stall older, an answer that is there is given',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        const snapshot = await bench.store.fetch({}, { stall: 'older' })
        bench.keep({}, snapshot, {})
      },
    },
    {
      title: 'L2: a signal ends a wait with ABORTED, an AbortError with the reason as its cause',
      run: async (bench) => {
        const since = await bench.put(...bench.keys(1))
        const { store, never } = bench
        const ender = new AbortController()
        const { signal } = ender
        const waits = [store.fetch({}, { min: never, signal }), store.changes({}, { since, until: never, signal })].map(
          (wait) => rejects(wait, 'ABORTED'),
        )
        await turns()
        const reason = new Error('enough')
        ender.abort(reason)
        for (const error of await bench.ended(Promise.all(waits), 'ABORTED')) {
          same(error.name, 'AbortError', 'the name of the error')
          ensure(error.cause === reason, 'the cause is the reason of the signal')
        }
      },
    },
    {
      title: 'L2: a signal that was given before ends every method with ABORTED',
      run: async (bench) => {
        const keys = bench.keys(1)
        const since = await bench.put(...keys)
        const { store } = bench
        const signal = AbortSignal.abort(new Error('enough'))
        await rejects(store.fetch({}, { signal }), 'ABORTED')
        await rejects(store.fetch({}, { min: bench.never, signal }), 'ABORTED')
        await rejects(store.changes({}, { since, signal }), 'ABORTED')
        await fails(() => store.watch({}, { signal }).take(), 'ABORTED', 'CLOSED')
        if (store.commit === undefined || !store.supports.commit) return
        const changes = keys.map((key) => bench.change(key))
        const error = await rejects(store.commit(changes, { signal }), 'ABORTED')
        same(error.applied, 'no', 'applied of a commit whose signal was given before')
        await bench.fetch({})
      },
    },
    {
      title: 'L2: max gives the answer of the past',
      run: async (bench) => {
        const keys = bench.keys(1)
        const points: Versions[] = []
        for (let i = 0; i < 4; i++) points.push(await bench.put(...keys))
        for (const point of points) {
          const { entries } = await bench.fetch({}, { max: point })
          ensure(entries.length > 0, () => `entries at ${show(point)}`)
          await bench.fetch(keys[0] ?? '', { min: points[0], max: point })
        }
        await bench.fetch({}, { max: bench.never })
      },
    },
    {
      title: 'section 3: versions 0 are versions',
      run: async (bench) => {
        await bench.put(...bench.keys(1))
        await bench.fetch({}, { min: { [bench.source]: 0 } })
        const start = bench.present(bench.model.start)
        if (reaches(bench.store.oldest, start) && reaches(start, bench.store.oldest)) await bench.exactly({}, start)
      },
    },
    {
      title: 'section 5: min after max is refused',
      run: async (bench) => {
        const max = await bench.put(...bench.keys(1))
        const min = await bench.put(...bench.keys(1))
        await rejects(bench.store.fetch({}, { min, max }), 'BAD_QUERY')
      },
    },
    {
      title: 'section 3: sources that the store does not have count as absent',
      run: async (bench) => {
        const since = await bench.put(...bench.keys(1))
        const elsewhere = { 'elsewhere@1': 5, 'elsewhere@2': Number.MAX_SAFE_INTEGER }
        await bench.fetch({}, { min: elsewhere })
        await bench.fetch({}, { max: elsewhere, min: {} })
        await bench.fetch({}, { min: { ...elsewhere, ...since } })
        const update = await bench.store.changes({}, { since: { ...elsewhere, ...since }, until: elsewhere })
        same(update.changes, [], 'the changes since what was written last')
      },
    },
    {
      title: 'section 6: the same name with an incarnation that it does not continue is SOURCE_RESET',
      run: async (bench) => {
        const since = await bench.put(...bench.keys(1))
        const { store } = bench
        const other = { [`${nameOf(bench.source)}@never-was`]: 1 }
        await rejects(store.fetch({}, { min: other }), 'SOURCE_RESET')
        await rejects(store.fetch({}, { max: other }), 'SOURCE_RESET')
        await rejects(store.fetch({}, { min: { ...since, ...other } }), 'SOURCE_RESET')
        await rejects(store.changes({}, { since: other }), 'SOURCE_RESET')
        if (store.commit === undefined || !store.supports.commit) return
        const [change] = bench.keys(1).map((key) => bench.change(key))
        if (change === undefined) return
        const error = await rejects(store.commit([change], { basis: other }), 'SOURCE_RESET')
        same(error.applied, 'no', 'applied of a commit with a basis of another incarnation')
      },
    },
    {
      title: 'section 3: a version that is no safe integer from 0 on is refused',
      run: async (bench) => {
        const since = await bench.put(...bench.keys(1))
        const { store, source } = bench
        for (const bad of badVersions) {
          const point = { [source]: bad } as Versions
          const tries: readonly FetchOptions[] = [{ min: point }, { max: point }]
          for (const options of tries) await rejects(store.fetch({}, options), 'BAD_QUERY')
          await rejects(store.changes({}, { since: point }), 'BAD_QUERY')
          await rejects(store.changes({}, { since, until: point }), 'BAD_QUERY')
          await fails(() => store.watch({}, { since: point }).take(), 'BAD_QUERY')
        }
        await rejects(store.fetch({}, { min: 7 as unknown as Versions }), 'BAD_QUERY')
      },
    },
  ],
}

function nameOf(source: string): string {
  return source.slice(0, source.lastIndexOf('@'))
}

function checkStalled(bench: Bench, error: Awaited<ReturnType<typeof rejects>>, wanted: Versions): void {
  const { source } = bench
  ensure(typeof error.store === 'string' && error.store !== '', () => `STALLED names the store: ${show(error.store)}`)
  same(error.source, source, 'the source that STALLED names')
  same(error.wanted?.[source], wanted[source], 'the version that was wanted')
  const { [source]: reached } = error.reached ?? {}
  ensure(Number.isSafeInteger(reached), () => `STALLED says what was reached: ${show(error.reached)}`)
}
