/**
 * The first state of a view is read part by part, while others write: whenever the view shows something, it is what its
 * upstream held at that point, and what was read stays read where the view stops in between.
 */
import {
  type Change,
  type FetchOptions,
  type MemoryStore,
  type Query,
  type Snapshot,
  type Store,
  type Versions,
  createMemoryStore,
  del,
  everything,
  prefix,
  put,
} from '@fanlight/core'
import { altered, manualClock, seededRandom, turns } from '@fanlight/core/testing'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

/** An upstream that takes some turns for each answer, and counts the entries that it gives. */
function slow(store: Store): { readonly store: Store; given: number; readonly questions: Query[] } {
  const counted = { given: 0, questions: [] as Query[], store }
  const fetch = async (query: Query, options: FetchOptions): Promise<Snapshot> => {
    counted.questions.push(query)
    await turns(3)
    const snapshot = await store.fetch(query, options)
    counted.given += snapshot.entries.length
    await turns(3)
    return snapshot
  }
  counted.store = altered(store, { '~atHand': undefined, fetch })
  return counted
}

const keys = Array.from({ length: 12 }, (_, i) => `${i % 2 === 0 ? 'l' : 'r'}/${String(i).padStart(2, '0')}`)

const change = fc
  .tuple(fc.constantFrom(...keys), fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined, freq: 3 }))
  .map(([key, value]): Change => (value === undefined ? del(key) : put(key, value)))

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ write: change }) },
  { weight: 4, arbitrary: fc.record({ turns: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
)

interface Case {
  readonly start: readonly Change[]
  readonly steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]
  readonly pageSize: number
  readonly commits: number
  readonly query: Query
  readonly isKept: boolean
  readonly isSlow: boolean
  readonly isRouter: boolean
}

const anyCase: fc.Arbitrary<Case> = fc.record({
  start: fc.uniqueArray(change, { selector: ({ key }) => key, maxLength: 12, size: 'max' }),
  steps: fc.array(step, { maxLength: 20, size: 'max' }),
  pageSize: fc.integer({ min: 1, max: 5 }),
  commits: fc.constantFrom(1, 3, 1_000),
  query: fc.constantFrom<Query>(everything, [prefix('l/'), prefix('r/')], [{ lt: 'l/06' }, { gte: 'l/06' }], 'l/00'),
  isKept: fc.boolean(),
  isSlow: fc.boolean(),
  isRouter: fc.boolean(),
})

class World {
  readonly #stores: Readonly<Record<'l/' | 'r/', MemoryStore>>
  readonly #query: Query
  readonly #into: Store
  readonly #case: Case
  readonly upstream: ReturnType<typeof slow>
  /** What each store held, by its source and version. */
  readonly #states = new Map<string, ReadonlyMap<string, unknown>>()
  readonly #held = new Map<MemoryStore, ReadonlyMap<string, unknown>>()
  view: ReturnType<typeof createView>

  constructor(one: Case) {
    const seams = { clock: manualClock(), random: seededRandom(1), history: { commits: one.commits } }
    this.#case = one
    this.#query = one.query
    const all = createMemoryStore({ ...seams, name: 'all' })
    this.#stores = one.isRouter
      ? { 'l/': createMemoryStore({ ...seams, name: 'left' }), 'r/': createMemoryStore({ ...seams, name: 'right' }) }
      : { 'l/': all, 'r/': all }
    this.#into = createMemoryStore({ ...seams, name: 'into' })
    const store = one.isRouter ? (createRouter(this.#stores) as Store) : all
    this.upstream = one.isSlow ? slow(store) : { store, given: 0, questions: [] }
    this.#note()
    this.view = this.make()
  }

  make(): ReturnType<typeof createView> {
    const { isKept, pageSize } = this.#case
    return createView<{ '': unknown }, Record<string, unknown>, unknown, Query>(this.upstream.store, {
      query: this.#query,
      definition: 'first',
      pageSize,
      ...(isKept ? { into: this.#into } : {}),
      group: {
        by: ({ key }) => key.slice(-1),
        of: ({ count, sum, top }) => ({ count: count(), sum: sum(({ value }) => value as number), top: top(2) }),
      },
      clock: manualClock(),
      random: seededRandom(2),
    })
  }

  async write({ key, ...rest }: Change): Promise<void> {
    const start = key.slice(0, 2) as 'l/' | 'r/'
    const store = this.#stores[start]
    await store.commit([{ ...rest, key: this.#case.isRouter ? key.slice(2) : key }])
    const held = new Map(this.#held.get(store))
    if (rest.gone === true) held.delete(key)
    else held.set(key, rest.value)
    this.#held.set(store, held)
    this.#note()
  }

  async check(): Promise<void> {
    const { entries, versions } = await this.view.fetch(everything, { timeoutMs: 0, stall: 'older' }).catch(() => ({
      entries: [],
      versions: undefined,
    }))
    if (versions !== undefined) expect(entries).toEqual(this.#shown(versions))
  }

  async end(): Promise<void> {
    const { entries } = await this.view.fetch(everything, { min: this.upstream.store.reached, timeoutMs: Infinity })
    expect(entries).toEqual(this.#shown(this.upstream.store.reached))
    expect(this.view.progress.isWhole).toBe(true)
    await this.view.close()
  }

  #note(): void {
    for (const store of new Set(Object.values(this.#stores))) {
      const [point] = Object.entries(store.reached)
      this.#states.set(String(point), this.#held.get(store) ?? new Map())
    }
  }

  #shown(versions: Versions): unknown {
    const points = Object.entries({ ...this.upstream.store.reached, ...versions })
    // The source of the view itself says nothing.
    const state = points.flatMap((point) => [...(this.#states.get(String(point)) ?? [])])
    const groups = new Map<string, number[]>()
    for (const [key, value] of state.sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (isIn(this.#query, key)) groups.set(key.slice(-1), [...(groups.get(key.slice(-1)) ?? []), value as number])
    }
    return [...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, all]) => ({
        key,
        value: { count: all.length, sum: all.reduce((sum, n) => sum + n, 0), top: all.toReversed().slice(0, 2) },
      }))
  }
}

function isIn(query: Query, key: string): boolean {
  if (typeof query === 'string') return key === query
  return [query].flat().some((range) => {
    const { gte = '', lt } = range as { gte?: string; lt?: string }
    return key >= gte && (lt === undefined || key < lt)
  })
}

test('L1, L4: what a view shows is true while it is made, restarted and written to, whatever the size of its parts', async () => {
  let restarts = 0
  await fc.assert(
    fc.asyncProperty(anyCase, async (one) => {
      const world = new World(one)
      for (const first of one.start) await world.write(first)
      await world.view.close()
      world.view = world.make()
      for (const next of one.steps) {
        if (next === 'restart') {
          restarts++
          await world.view.close()
          world.view = world.make()
        } else if ('turns' in next) await turns(next.turns)
        else await world.write(next.write)
        await world.check()
      }
      await world.end()
    }),
    { numRuns: 200 * Number(process.env['FANLIGHT_RUNS'] ?? 1) },
  )
  expect(restarts).toBeGreaterThan(20)
})

test('what was read is not read again after a restart', async () => {
  const raw = createMemoryStore()
  await raw.commit(Array.from({ length: 100 }, (_, i) => put(String(i).padStart(3, '0'), i)))
  const into = createMemoryStore()
  const upstream = slow(raw)
  const make = (): ReturnType<typeof createView> =>
    createView(upstream.store, { map: (entry) => entry, definition: 'd', into, pageSize: 5 })
  const first = make()
  while (first.progress.read < 30) await turns(1)
  await raw.commit([put('000', 'new'), del('099')])
  expect(first.progress).toEqual({ read: first.progress.read, isWhole: false })
  await first.close()
  const read = first.progress.read
  upstream.given = 0
  const second = make()
  const { entries } = await second.fetch(everything, { min: raw.reached })
  expect(entries).toHaveLength(99)
  expect(entries[0]?.value).toBe('new')
  expect(second.progress).toEqual({ read: upstream.given, isWhole: true })
  expect(upstream.given).toBeLessThanOrEqual(100 - read)
  await second.close()
})

test('an upstream that takes its time is read from both ends of each range, and asked ahead', async () => {
  const raw = createMemoryStore()
  await raw.commit(Array.from({ length: 40 }, (_, i) => put(String(i).padStart(2, '0'), i)))
  const upstream = slow(raw)
  const view = createView(upstream.store, { map: (entry) => entry, query: [{ lt: '20' }, { gte: '20' }], pageSize: 3 })
  await view.fetch(everything, { min: raw.reached })
  expect(upstream.questions[1]).toEqual([
    { gte: '02\0', lt: '20', limit: 3 },
    { gte: '02\0', lt: '20', limit: 3, reverse: true },
    { gte: '22\0', limit: 3 },
    { gte: '22\0', limit: 3, reverse: true },
  ])
  await view.close()
})
