import { type Change, createMemoryStore, page } from '@fanlight/core'
import { compareCodePoints, inRange } from '@fanlight/core/conformance'
import { lagging, turns } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

const keys = ['', 'a', 'a/b', 'b', 'c', 'cc', 'd', '__proto__', '\uffff', '😀']

const key = fc.constantFrom(...keys)
const changes = fc.uniqueArray(fc.tuple(key, fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 3 }))), {
  selector: ([one]) => one,
  minLength: 1,
  maxLength: 4,
})
const action = fc.oneof(
  { weight: 3, arbitrary: changes },
  { weight: 2, arbitrary: fc.constantFrom('next' as const, 'previous' as const, 'first' as const) },
)
const range = fc.record(
  { gte: key, lt: fc.constantFrom(...keys, 'z'), reverse: fc.boolean() },
  { requiredKeys: [], noNullPrototype: true },
)

test('L6: a page is a run of the range at its versions, and its ends stay where they are', async () => {
  let turned = 0
  await fc.assert(
    fc.asyncProperty(
      range,
      fc.integer({ min: 1, max: 4 }),
      fc.array(action, { maxLength: 30 }),
      fc.boolean(),
      async (query, size, actions, lags) => {
        const memory = createMemoryStore()
        const late = lags ? lagging(memory) : undefined
        const shown = page(late ?? memory, query, size)
        const state = new Map<string, unknown>()
        for (const step of actions) {
          const [before, old] = [shown.entries?.map((entry) => entry.key) ?? [], shown.more]
          if (typeof step === 'string') await shown[step]()
          else {
            await memory.commit(
              step.map(([one, value]): Change =>
                value === undefined ? { key: one, gone: true } : { key: one, value },
              ),
            )
            for (const [one, value] of step) {
              if (value === undefined) state.delete(one)
              else state.set(one, value)
            }
            await late?.releaseAll()
          }
          await turns()
          const all = [...state.keys()].filter((one) => inRange(query, one)).sort(compareCodePoints)
          if (query.reverse === true) all.reverse()
          const { entries = [], more } = shown
          const run = entries.map((entry) => entry.key)
          const from = run[0] === undefined ? all.length : all.indexOf(run[0])
          // It is a run of what there is, with the values that there are.
          expect(all.slice(from, from + run.length)).toEqual(run)
          for (const entry of entries) expect(entry.value).toBe(state.get(entry.key))
          expect(shown.versions).toEqual(memory.reached)
          if (run.length > 0) expect(more).toEqual({ before: from > 0, after: from + run.length < all.length })
          expect(run.length).toBeLessThanOrEqual(2 * size)
          if (more.after) expect(run.length).toBeGreaterThanOrEqual(size)
          // A turn goes on where the page ended, or ends where it began.
          if (step === 'next' && old.after) expect(run[0]).toBe(all[all.indexOf(before.at(-1) ?? '') + 1])
          if (step === 'previous' && old.before && before.length > 0 && more.before) {
            expect(all[from + run.length]).toBe(before[0])
          }
          if (step === 'first') expect(more.before).toBe(false)
          if (typeof step === 'string') turned++
        }
        await shown.close()
        await memory.close()
      },
    ),
    { numRuns: 200 },
  )
  expect(turned).toBeGreaterThan(300)
})
