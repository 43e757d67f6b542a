/**
 * The diamond with real views: data, and indexes of it that lag and fold, behind one router. In whatever order things
 * happen, every answer and every step of a feed shows index = f(data).
 */
import {
  type Change,
  type MemoryStore,
  type Query,
  type Snapshot,
  type Store,
  type Versions,
  createMemoryStore,
  del,
  isFanlightError,
  prefix,
  put,
} from '@fanlight/core'
import { Holder, type Model, type State, anyQuery, checkSnapshot, createModel } from '@fanlight/core/conformance'
import { type ManualClock, manualClock, seededRandom, turns } from '@fanlight/core/testing'
import { type Router, createRouter } from '@fanlight/router'
import { long } from '@fanlight/test/support'
import type { ViewBasics } from '@fanlight/views'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const keys = ['a', 'b', 'c', 'd']
/** A kind of view, as it stands in a diamond. */
export interface ViewKind {
  /** Makes a view of what its query finds in the router that it is mounted in. */
  make(upstream: Store, options: ViewBasics): Store
  /** What it shows of a state of its upstream, worked out in the simplest way. */
  naive(state: State): State
  /** Whether what it shows at a key may depend on several entries of its upstream, which may be of several sources. */
  readonly mixes?: boolean
  /** Whether it keeps no state. */
  readonly isOnDemand?: boolean
  /** Values that the kind makes something of. */
  readonly values: fc.Arbitrary<unknown>
}

/** What the router shows of what was written to its stores: two indexes of all of it. */
function shown(kind: ViewKind, state: State): State {
  const index = [...kind.naive(state)]
  return new Map([
    ...state,
    ...['one/', 'two/'].flatMap((start) => index.map(([key, value]): [string, unknown] => [start + key, value])),
  ])
}

interface Made {
  readonly router: Router
  readonly stores: ReadonlyMap<string, MemoryStore>
}

type Make = (kind: ViewKind, clock: ManualClock) => Made

const sides = [prefix('left/'), prefix('right/')]

/** Two stores, and two views of both in the router that they are mounted in. */
function make(delays: readonly number[], kept: boolean, commits: number): Make {
  return (kind, clock) => {
    const seams = { clock, random: seededRandom(1), history: { commits } }
    const stores = new Map(
      ['left/', 'right/'].map((start) => [start, createMemoryStore({ ...seams, name: start.slice(0, -1) })]),
    )
    const router = createRouter(Object.fromEntries(stores), { clock }) as Router
    const views = ['one', 'two'].map((name, i): [string, Store] => {
      const into = kept && i === 0 ? { into: createMemoryStore({ ...seams, name: `into-${name}` }) } : {}
      const options = { ...seams, ...into, definition: name, delayMs: delays[i], query: sides }
      return [`${name}/`, kind.make(router, options)]
    })
    for (const [start, view] of views) router.mount(start, view)
    return { router, stores }
  }
}

const pool = [
  ...['left/', 'right/'].flatMap((start) => keys.map((key) => start + key)),
  'one/',
  'one/by/1/',
  'two/first/2',
  'two/',
]

type Op =
  | {
      readonly do: 'write'
      readonly key: string
      readonly value: unknown
      readonly and: string
      readonly other: unknown
    }
  | { readonly do: 'tick'; readonly ms: number }
  | { readonly do: 'fetch'; readonly query: Query; readonly stall: 'wait' | 'older' }
  | { readonly do: 'take'; readonly feed: number }

const written = fc.constantFrom(...['left/', 'right/'].flatMap((start) => keys.map((key) => start + key)))
function anyOp({ values }: ViewKind): fc.Arbitrary<Op> {
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('write' as const),
        key: written,
        value: fc.option(values, { nil: undefined, freq: 3 }),
        and: fc.constantFrom(...keys),
        other: values,
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.constantFrom(0, 1, 3, 10) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('fetch' as const),
        query: fc.oneof(fc.constant({}), anyQuery(pool)),
        stall: fc.constantFrom('wait' as const, 'older' as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('take' as const), feed: fc.nat(2) }) },
  )
}

/** What was done, and what was seen: checked once everything is known. */
class Run {
  readonly #clock = manualClock()
  readonly #made: Made
  readonly #model: Model
  readonly #later: (() => void)[] = []
  readonly #waits: Promise<void>[] = []
  readonly #feeds: { readonly holder: Holder; readonly take: () => Promise<void> }[]
  answers = 0
  torn = 0

  constructor(kind: ViewKind, made: Make) {
    this.#made = made(kind, this.#clock)
    const { router } = this.#made
    const start = {
      ...(Object.assign({}, ...[...this.#made.stores.values()].map(({ reached }) => reached)) as Versions),
    }
    this.#model = createModel(start, { expected: (state) => shown(kind, state) })
    this.#feeds = ([{}, [prefix('one/'), prefix('left/')], { gte: 'one/', limit: 3 }] as Query[]).map((query) => {
      const feed = router.watch(query)
      const holder = new Holder(query)
      let last = Promise.resolve()
      const step = async (): Promise<void> => {
        const update = await feed.take()
        if (update === undefined) return holder.versions === undefined ? undefined : holder.moved(feed.versions)
        holder.apply(update)
        const seen = new Holder(query, { entries: holder.entries, versions: update.versions })
        this.#later.push(() => void seen.check(this.#model))
        this.answers++
      }
      return { holder, take: () => (last = last.then(step)) }
    })
  }

  async run(op: Op): Promise<void> {
    if (op.do === 'tick') return this.#clock.advance(op.ms)
    if (op.do === 'write') return this.#write(op)
    if (op.do === 'take') return void this.#waits.push(this.#feeds[op.feed]?.take() ?? Promise.resolve())
    this.#waits.push(this.#fetch(op.query, op.stall))
    await turns(7)
  }

  async #write({ key, value, and, other }: Extract<Op, { do: 'write' }>): Promise<void> {
    const start = key.slice(0, key.indexOf('/') + 1)
    const changes = new Map<string, Change>([
      [start + and, put(start + and, other)],
      [key, value === undefined ? del(key) : put(key, value)],
    ])
    const own = [...changes.values()].map((change) => ({ ...change, key: change.key.slice(start.length) }))
    this.#model.commit(await (this.#made.stores.get(start) as MemoryStore).commit(own), [...changes.values()])
  }

  async #fetch(query: Query, stall: 'wait' | 'older'): Promise<void> {
    try {
      const snapshot: Snapshot = await this.#made.router.fetch(query, { stall })
      this.answers++
      this.#later.push(() => this.#check(query, snapshot))
    } catch (error) {
      // A history that is too short for the lag is said so, by name.
      if (!isFanlightError(error, 'STALLED') && !isFanlightError(error, 'LOST_IN_FOG')) throw error
    }
  }

  #check(query: Query, { windows, versions, ...rest }: Snapshot): void {
    // What was not asked is not in the answer: everything is true of it.
    const all = Object.fromEntries(Object.keys(this.#model.start).map((source) => [source, { from: 0, to: 0 }]))
    const known = (source: string): boolean => source in all
    const own = { ...all, ...Object.fromEntries(Object.entries(windows).filter(([source]) => known(source))) }
    const at = Object.fromEntries(Object.entries(own).map(([source, { to }]) => [source, to]))
    expect(
      Object.entries(versions)
        .filter(([source]) => known(source))
        .every(([source, to]) => at[source] === to),
    ).toBe(true)
    checkSnapshot(this.#model, query, { ...rest, windows: own, versions: at })
  }

  /** Lets everything come to its end, and checks what was seen. */
  async finish(): Promise<void> {
    for (let i = 0; i < 30; i++) await this.#clock.advance(10)
    for (const { take } of this.#feeds) for (let i = 0; i < 3; i++) this.#waits.push(take())
    for (let i = 0; i < 10; i++) await this.#clock.advance(10)
    await this.#clock.advance(60_000)
    await Promise.all(this.#waits)
    for (const check of this.#later) check()
    for (const { holder } of this.#feeds) {
      expect(holder.check(this.#model)).toBe(true)
      for (const [source, version] of Object.entries(this.#model.latest))
        expect(holder.versions?.[source]).toBe(version)
    }
    await this.#made.router.close()
  }
}

/** Declares the tests of a kind of view behind one router with its upstream. */
export function diamonds(name: string, kind: ViewKind, runs: number = 25): void {
  describe(`L3, L5, L6: a diamond of two stores and two views of both: ${name}`, () => {
    test.each<[string, Make]>([
      ['in memory', make([0, 0], false, 1_000)],
      ['of which one lags', make([0, 5], false, 1_000)],
      ['that lag apart', make([3, 7], false, 1_000)],
      ['of which one is kept in a store', make([0, 0], true, 1_000)],
      ['that lag apart, one of them kept in a store', make([7, 3], true, 1_000)],
      ['with little history', make([0, 2], true, 6)],
    ])('%s', { timeout: 600_000 }, async (_name, made) => {
      let answers = 0
      await fc.assert(
        fc.asyncProperty(fc.array(anyOp(kind), { minLength: 5, maxLength: 60, size: 'max' }), async (ops) => {
          const run = new Run(kind, made)
          for (const op of ops) await run.run(op)
          await run.finish()
          answers += run.answers
        }),
        { numRuns: long ? 40 * runs : runs },
      )
      expect(answers).toBeGreaterThan(4 * runs)
    })
  })
}
