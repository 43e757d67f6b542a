import { type Change, createMemoryStore, live } from '@fanlight/core'
import { anyQuery, anyValue } from '@fanlight/core/conformance'
import { lagging, turns } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

const keys = ['', 'a', 'a/b', 'b', '__proto__', '\uffff', '😀']

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ key: fc.constantFrom(...keys), value: anyValue() }),
  fc.record({ key: fc.constantFrom(...keys), gone: fc.constant(true as const) }),
)

/** Changes with each key once; some at least, since the store that lags does not hear of a horizon that moves without a change. */
const commit = fc.uniqueArray(change, { selector: ({ key }) => key, minLength: 1, maxLength: 4 })

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ commit }) },
  { weight: 2, arbitrary: fc.constant({ release: true as const }) },
  { weight: 1, arbitrary: fc.constant({ settle: true as const }) },
)

test('L6: a list is the answer at its versions, whatever happens; equal entries are the same objects', async () => {
  let answers = 0
  await fc.assert(
    fc.asyncProperty(
      anyQuery([...keys, 'c']),
      fc.array(action, { maxLength: 30 }),
      fc.constantFrom(1, 3, 1000),
      fc.boolean(),
      async (query, actions, commits, lags) => {
        const memory = createMemoryStore({ history: { commits } })
        const late = lags ? lagging(memory) : undefined
        const store = late ?? memory
        const list = live(store, query)
        let before = list.value ?? []
        let isKept = true
        list.onChange(() => {
          for (const entry of list.value ?? []) {
            const same = before.find(({ key }) => key === entry.key)
            const isEqual = same !== undefined && fc.stringify(same.value) === fc.stringify(entry.value)
            if (isEqual && same !== entry) isKept = false
          }
          before = list.value ?? []
        })
        for (const step of [...actions, { release: true }, { settle: true }]) {
          if ('commit' in step) await memory.commit(step.commit)
          else if ('release' in step) await late?.releaseAll()
          else await turns(200)
          expect(isKept, 'equal entries are the same objects').toBe(true)
          const { value = [], versions } = list
          const [source = ''] = store.sources
          if (list.value === undefined || (versions[source] ?? 0) < (memory.oldest[source] ?? 0)) continue
          const { entries } = await memory.fetch(query, { min: versions, max: versions })
          expect(value.map(({ key, value: held }) => [key, held])).toEqual(
            entries.map(({ key, value: held }) => [key, held]),
          )
          answers++
        }
        await turns(200)
        expect(list.versions).toEqual(memory.reached)
        await store.close()
      },
    ),
    { numRuns: 150 * Number(process.env['FANLIGHT_RUNS'] ?? 1) },
  )
  expect(answers).toBeGreaterThan(500)
})
