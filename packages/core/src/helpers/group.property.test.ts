import {
  type Change,
  type Entry,
  type Query,
  type StoreEvent,
  type Versions,
  createMemoryStore,
  group,
} from '@fanlight/core'
import { Holder, anyQuery, answer, compareCodePoints } from '@fanlight/core/conformance'
import { lagging, seededRandom, turns } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

const keys = ['a', 'b', 'c', '__proto__', '😀']

const changes: fc.Arbitrary<Change[]> = fc.uniqueArray(
  fc.oneof(
    fc.record({ key: fc.constantFrom(...keys), value: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ key: fc.constantFrom(...keys), gone: fc.constant(true as const) }),
  ),
  { selector: ({ key }) => key, maxLength: 3 },
)

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ raw: changes }) },
  { weight: 2, arbitrary: fc.record({ other: changes }) },
  { weight: 4, arbitrary: fc.constant('follow' as const) },
  { weight: 4, arbitrary: fc.constant('take' as const) },
  { weight: 2, arbitrary: fc.constantFrom('settle' as const, 'release' as const) },
)

/** The answer in key order, whatever the direction of the query. */
function sorted(query: Query, state: ReadonlyMap<string, unknown>): readonly Entry[] {
  return [...answer(query, state)].sort((a, b) => compareCodePoints(a.key, b.key))
}

test('L5, L6, L9: every step of a diamond is true at one point, however far the copy lags and however little is kept', async () => {
  let steps = 0
  let resets = 0
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(anyQuery(keys), anyQuery(keys), anyQuery(keys), anyQuery(keys)),
      fc.array(action, { maxLength: 40, size: 'max' }),
      fc.constantFrom(1, 2, 1000),
      fc.boolean(),
      async (queries, actions, commits, pulls) => {
        const onEvent = ({ type }: StoreEvent): void => void (resets += type === 'reset' ? 1 : 0)
        const raw = createMemoryStore({ name: 'raw', random: seededRandom(1), history: { commits }, onEvent })
        const copy = createMemoryStore({ name: 'raw', random: seededRandom(1) })
        const other = createMemoryStore({ name: 'other', history: { commits } })
        // It answers later, and lags until it is released.
        const late = lagging(other)
        const [source = ''] = raw.sources
        const [otherSource = ''] = other.sources
        const states = { raw: [new Map<string, unknown>()], other: [new Map<string, unknown>()] }
        const waiting: Change[][] = []
        const all = group(
          raw.watch(queries[0]),
          copy.watch(queries[1]),
          other.watch(queries[2]),
          late.watch(queries[3]),
        )
        const holders = queries.map((query) => new Holder(query))

        const apply = (step: Awaited<ReturnType<typeof all.take>>): void => {
          const point: Versions = all.versions
          step?.forEach((update, i) => {
            if (update === undefined) return
            for (const [id, version] of Object.entries(update.versions)) expect(version).toBe(point[id])
            holders[i]?.apply(update)
          })
          const [first, second] = [states.raw[point[source] ?? 0], states.other[point[otherSource] ?? 0]]
          expect(holders[0]?.entries).toEqual(sorted(queries[0], first ?? new Map()))
          expect(holders[1]?.entries).toEqual(sorted(queries[1], first ?? new Map()))
          expect(holders[2]?.entries).toEqual(sorted(queries[2], second ?? new Map()))
          expect(holders[3]?.entries).toEqual(sorted(queries[3], second ?? new Map()))
          if (step !== undefined) steps++
        }
        let taking: Promise<void> | undefined
        let isWoken = false
        const take = (): void => {
          if (taking !== undefined) return
          isWoken = false
          const taken = all.take()
          if (!(taken instanceof Promise)) return apply(taken)
          taking = taken.then(apply).finally(() => (taking = undefined))
        }
        all.wake(() => (isWoken = true))
        take()
        const commitTo = async (store: typeof raw, list: Map<string, unknown>[], change: Change[]): Promise<void> => {
          await store.commit(change)
          const next = new Map(list.at(-1))
          for (const { key, value, gone } of change) {
            if (gone === true) next.delete(key)
            else next.set(key, value)
          }
          list.push(next)
        }
        for (const step of actions) {
          if (step === 'take') take()
          else if (step === 'settle') await turns()
          else if (step === 'release') await late.release()
          else if (step === 'follow') {
            const change = waiting.shift()
            if (change !== undefined) await copy.commit(change)
          } else if ('other' in step) await commitTo(other, states.other, step.other)
          else {
            await commitTo(raw, states.raw, step.raw)
            waiting.push(step.raw)
          }
          if (pulls && isWoken) take()
        }
        // After the last commit, when the copy has followed, waking and taking lead to the newest point.
        for (const change of waiting) await copy.commit(change)
        await late.releaseAll()
        await turns()
        if (!pulls) isWoken = true
        for (let i = 0; i < 20; i++) {
          if (isWoken) take()
          await turns()
        }
        await taking
        expect(holders[0]?.entries).toEqual(sorted(queries[0], states.raw.at(-1) ?? new Map()))
        expect(holders[1]?.entries).toEqual(sorted(queries[1], states.raw.at(-1) ?? new Map()))
        expect(holders[2]?.entries).toEqual(sorted(queries[2], states.other.at(-1) ?? new Map()))
        expect(holders[3]?.entries).toEqual(sorted(queries[3], states.other.at(-1) ?? new Map()))
        await all.close()
      },
    ),
    { numRuns: 200 * Number(process.env['FANLIGHT_RUNS'] ?? 1) },
  )
  expect(steps).toBeGreaterThan(400)
  // Points were lost, or there was nothing to try.
  expect(resets).toBeGreaterThan(50)
})
