import {
  type Change,
  type Mirror,
  type Query,
  type Store,
  type Versions,
  FanlightError,
  createMemoryStore,
  everything,
  live,
  mirror,
  prefixed,
} from '@fanlight/core'
import { anyQuery, answer, compareCodePoints } from '@fanlight/core/conformance'
import { seededRandom, turns } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

const keys = ['', 'a', 'a/b', 'b', 'mark', '__proto__', '😀']
const watermarkKey = 'watermark'

const changes: fc.Arbitrary<Change[]> = fc.uniqueArray(
  fc.oneof(
    fc.record({ key: fc.constantFrom(...keys), value: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ key: fc.constantFrom(...keys), gone: fc.constant(true as const) }),
  ),
  { selector: ({ key }) => key, maxLength: 3 },
)

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ commit: changes }) },
  { weight: 3, arbitrary: fc.constant('settle' as const) },
  { weight: 1, arbitrary: fc.constantFrom('restart' as const, 'fail before' as const, 'fail after' as const) },
)

test('L4, L6, L7: a sink holds the query at its watermark after every commit, through failures and restarts', async () => {
  let steps = 0
  await fc.assert(
    fc.asyncProperty(
      anyQuery(keys),
      fc.array(action, { maxLength: 40, size: 'max' }),
      fc.constantFrom(1, 2, 1000),
      async (query: Query, actions, commits) => {
        const random = seededRandom(1)
        const store = createMemoryStore({ name: 'from', random, history: { commits } })
        const sink = createMemoryStore({ name: 'to', random })
        const [source = ''] = store.sources
        const states = [new Map<string, unknown>()]
        let planted: 'fail before' | 'fail after' | undefined
        const shown = prefixed(sink as Store, '')
        const commit = shown.commit?.bind(shown)
        Object.defineProperty(shown, 'commit', {
          value: async (list: Change[], options: never) => {
            const plan = planted
            planted = undefined
            await turns(3)
            if (plan === 'fail before') throw new FanlightError('UNAVAILABLE', 'planted', { applied: 'no' })
            const versions = await commit?.(list, options)
            if (plan === 'fail after') throw new FanlightError('UNAVAILABLE', 'planted', { applied: 'unknown' })
            return versions
          },
        })
        const clock = { now: () => 0, after: (_ms: number, run: () => void) => (queueMicrotask(run), () => undefined) }
        const start = (): Mirror => mirror(store, query, shown, { prefix: 'p/', watermarkKey, clock, random })
        const held = live(sink, everything)
        const check = (): void => {
          const entries = held.value ?? []
          const mark = entries.find(({ key }) => key === watermarkKey)?.value as { versions: Versions } | undefined
          if (mark === undefined) return
          const expected = answer(query, states[mark.versions[source] ?? 0] ?? new Map())
          const sorted = [...expected].sort((a, b) => compareCodePoints(a.key, b.key))
          expect(
            entries.filter(({ key }) => key.startsWith('p/')).map(({ key, value }) => [key.slice(2), value]),
          ).toEqual(sorted.map(({ key, value }) => [key, value]))
          steps++
        }
        const failures: unknown[] = []
        held.onChange(() => {
          try {
            check()
          } catch (error) {
            failures.push(error)
          }
        })
        let mirrored = start()
        for (const step of [...actions, 'settle' as const]) {
          if (step === 'settle') await turns(200)
          else if (step === 'restart') {
            void mirrored.close()
            mirrored = start()
          } else if (typeof step === 'string') planted = step
          else {
            const next = new Map(states.at(-1))
            for (const { key, value, gone } of step.commit) {
              if (gone === true) next.delete(key)
              else next.set(key, value)
            }
            states.push(next)
            await store.commit(step.commit)
          }
        }
        await mirrored.settled(undefined, Infinity)
        for (const failure of failures) throw failure
        const last = answer(query, states.at(-1) ?? new Map())
        const { entries } = await sink.fetch({ gte: 'p/', lt: 'p0' })
        expect(entries.map(({ key, value }) => [key.slice(2), value])).toEqual(
          [...last].sort((a, b) => compareCodePoints(a.key, b.key)).map(({ key, value }) => [key, value]),
        )
        await mirrored.close()
        await held.close()
      },
    ),
    { numRuns: 150 * Number(process.env['FANLIGHT_RUNS'] ?? 1) },
  )
  expect(steps).toBeGreaterThan(500)
})
