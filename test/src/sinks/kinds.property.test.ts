/** One history, mirrored into a sink of every kind: at each look each of them is what the query says at its watermark. */
import {
  type Change,
  type Entry,
  type Mirror,
  type Query,
  type Range,
  type Versions,
  createMemoryStore,
  key,
  mirror,
} from '@fanlight/core'
import { anyQuery, answer } from '@fanlight/core/conformance'
import { valuesEqual } from '@fanlight/core/kit'
import { breathe } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { long, needsMongod } from '../support/index.ts'
import { useReplicaSet } from '../mongo/replica-set.ts'
import { type Kind, type OpenSink, intrude, kinds, mongo, start } from './kinds.ts'

const keys = ['a', 'b', 'b/c', '😀', 42, ''].map((part) => key(part))
const watermarkKey = 'marks/own'

const changes: fc.Arbitrary<Change[]> = fc.uniqueArray(
  fc.oneof(
    fc.record({ key: fc.constantFrom(...keys), value: fc.record({ n: fc.nat({ max: 9 }) }) }),
    fc.record({ key: fc.constantFrom(...keys), gone: fc.constant(true as const) }),
  ),
  { selector: (change) => change.key, maxLength: 3 },
)

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ commit: changes }) },
  { weight: 2, arbitrary: fc.record({ foreign: changes }) },
  { weight: 2, arbitrary: fc.constantFrom('settle' as const, 'restart' as const, 'look' as const) },
)
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/** One sink, and the mirror that keeps it. */
interface Kept {
  readonly name: string
  open: OpenSink
  mirrored: Mirror
  /** Whether somebody else wrote there, and nobody looked yet whether it was put back. */
  isForeign: boolean
}

/** A wait that takes so many looks is for ever. */
const looksMax = 5_000

class Scene {
  readonly store
  readonly #query: Query
  readonly #states: Map<string, unknown>[] = [new Map()]
  readonly #all: Kept[] = []
  looks = 0

  constructor(query: Query, commits: number) {
    this.#query = query
    this.store = createMemoryStore({ name: 'from', history: { commits } })
  }

  async begin(some: readonly Kind[]): Promise<void> {
    for (const { name, open } of some) {
      const opened = await open()
      this.#all.push({ name, open: opened, mirrored: this.#mirror(opened), isForeign: false })
    }
  }

  async end(): Promise<void> {
    for (const { mirrored, open } of this.#all) {
      await mirrored.close()
      await open.close()
    }
  }

  async play(step: Action): Promise<void> {
    if (step === 'settle') await this.settle()
    else if (step === 'look') await this.look()
    else if (step === 'restart') {
      for (const kept of this.#all) {
        await kept.mirrored.close()
        kept.open = await kept.open.reopen()
        kept.mirrored = this.#mirror(kept.open)
      }
    } else if ('commit' in step) {
      const next = new Map(this.#states.at(-1))
      for (const change of step.commit) {
        if (change.gone === true) next.delete(change.key)
        else next.set(change.key, change.value)
      }
      this.#states.push(next)
      await this.store.commit(step.commit)
    } else {
      for (const kept of this.#all.filter(({ open }) => open.store !== undefined)) {
        kept.isForeign = true
        await intrude(kept.open, step.foreign)
      }
    }
  }

  /** What a sink holds is the answer at its watermark, whole (L4); those that have none hold some answer there was. */
  async look(): Promise<void> {
    for (const { open, isForeign } of this.#all) {
      if (isForeign) continue
      const { held, mark } = await this.#read(open)
      if (open.store === undefined) expect(this.#states.map((state) => this.#answer(state))).toContainEqual(held)
      else if (mark !== undefined) expect(held).toEqual(this.#answer(this.#stateAt(mark)))
      this.looks++
    }
  }

  async settle(): Promise<void> {
    for (const kept of this.#all) {
      await kept.mirrored.settled()
      const now = this.#answer(this.#states.at(-1))
      // What somebody else wrote is put back in a moment.
      for (let i = 0; kept.isForeign && i < looksMax; i++) {
        kept.isForeign = !valuesEqual((await this.#read(kept.open)).held, now)
        if (kept.isForeign) await breathe(1)
      }
      const { held, mark } = await this.#read(kept.open)
      const marked = mark === undefined ? now : this.#answer(this.#stateAt(mark))
      expect({ name: kept.name, held, marked }).toEqual({ name: kept.name, held: now, marked: now })
      expect([kept.mirrored.error, kept.mirrored.behind]).toEqual([undefined, { [this.#source]: 0 }])
    }
  }

  get #source(): string {
    return this.store.sources[0] ?? ''
  }

  #mirror({ sink, store }: OpenSink): Mirror {
    const options = { prefix: start, watermarkKey, retryMs: 1, retryMsMax: 2 }
    if (store !== undefined) return mirror(this.store, this.#query, sink, options)
    // Also where the query is one key, the list.
    const value = (entries: readonly Entry[]): unknown =>
      entries.map((entry) => ({ key: entry.key, value: entry.value }))
    return mirror(this.store, this.#query, sink, { ...options, value })
  }

  #stateAt(point: Versions): Map<string, unknown> | undefined {
    return this.#states[point[this.#source] ?? -1]
  }

  #answer(state: Map<string, unknown> | undefined): Record<string, unknown> {
    if (state === undefined) throw new Error('a point that never was')
    return Object.fromEntries(answer(this.#query, state).map(({ key: at, value }) => [at, value]))
  }

  async #read(open: OpenSink): Promise<{ held: Record<string, unknown>; mark: Versions | undefined }> {
    const entries = await open.read()
    const mark = entries.find((entry) => entry.key === watermarkKey)?.value as { versions: Versions } | undefined
    const own = entries.filter((entry) => entry.key.startsWith(start) && this.#isAsked(entry.key.slice(start.length)))
    return {
      held: Object.fromEntries(own.map((entry) => [entry.key.slice(start.length), entry.value])),
      mark: mark?.versions,
    }
  }

  /** What others write beside the ranges stays there. */
  #isAsked(one: string): boolean {
    return answer(withoutLimits(this.#query), new Map([[one, 0]])).length > 0
  }
}

function withoutLimits(query: Query): Query {
  if (typeof query === 'string') return query
  if (Array.isArray(query)) return query.map(withoutLimits) as Query
  return { ...(query as Range), limit: undefined }
}

async function check(some: readonly Kind[], numRuns: number, maxLength: number): Promise<number> {
  let looks = 0
  await fc.assert(
    fc.asyncProperty(
      anyQuery(keys),
      fc.array(action, { maxLength, size: 'max' }),
      fc.constantFrom(1, 2, 1000),
      async (query, actions, commits) => {
        const scene = new Scene(query, commits)
        await scene.begin(some)
        try {
          for (const step of [...actions, 'settle', 'look'] as const) await scene.play(step)
        } finally {
          await scene.end()
        }
        looks += scene.looks
      },
    ),
    { numRuns },
  )
  return looks
}

test('L4, L6, L7: a variable, a Map, a memory store, a JSON file and LevelDB hold one history, each at its watermark', async () => {
  const runs = 100 * (long ? 10 : 1)
  expect(await check(kinds, runs, 30)).toBeGreaterThan(runs * 5)
})

const withMongod = await needsMongod()

withMongod.describe('with MongoDB', () => {
  const used = useReplicaSet()

  test('L4, L6, L7: so does MongoDB, beside a memory store', async () => {
    const runs = 15 * (long ? 10 : 1)
    const some = [...kinds.filter(({ name }) => name === 'memory'), mongo(() => used.database())]
    expect(await check(some, runs, 15)).toBeGreaterThan(runs)
  })
})
