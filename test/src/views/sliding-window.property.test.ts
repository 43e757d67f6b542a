import { type Entry, type Feed, type Query, type Versions, createMemoryStore, del, prefix, put } from '@fanlight/core'
import { Holder, type State, answer, createModel } from '@fanlight/core/conformance'
import { manualClock, turns } from '@fanlight/core/testing'
import { createRouter } from '@fanlight/router'
import { long } from '@fanlight/test/support'
import { createClockStore, createView } from '@fanlight/views'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

type Row = { readonly at: number }

type Op =
  | { readonly do: 'write'; readonly key: string; readonly at: number | undefined }
  | { readonly do: 'tick'; readonly ms: number }
  | { readonly do: 'fetch'; readonly query: Query }
  | { readonly do: 'take' }

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      // Before the time, at it, and after it.
      at: fc.option(fc.integer({ min: -30, max: 30 }), { nil: undefined, freq: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.constantFrom(1, 5, 10, 35) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fetch' as const),
      query: fc.constantFrom<Query[]>({}, prefix('last/'), [prefix('last/'), prefix('orders/')], ['now', 'last/all']),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'take' as const }) },
)

/** What was done, and what was seen: checked once everything is known. */
class Run {
  readonly #clock = manualClock(1_000)
  readonly #orders = createMemoryStore<{ '': { at: number } }>({ name: 'orders', clock: this.#clock })
  readonly #now = createClockStore({ everyMs: 5, clock: this.#clock })
  readonly #router = createRouter({ 'orders/': this.#orders, now: this.#now }, { clock: this.#clock })
  readonly #source = this.#orders.sources[0] ?? ''
  readonly #time = this.#now.sources[0] ?? ''
  readonly #model = createModel({ [this.#source]: 0 })
  readonly #feed: Feed
  readonly #holder = new Holder({})
  readonly #later: (() => void)[] = []
  readonly #waits: Promise<void>[] = []
  #taken: Promise<void> = Promise.resolve()
  checked = 0
  /** How many entries were seen outside of the window. */
  outside = 0

  constructor(delayMs: number) {
    const last = createView(this.#router, {
      query: prefix('orders/'),
      within: { at: ({ value }) => value.at, ms: 20, clock: 'now' },
      group: { by: () => 'all', of: ({ count, first }) => ({ n: count(), first: first({ of: ({ key }) => key }) }) },
      delayMs,
      clock: this.#clock,
    })
    this.#router.mount('last/', last)
    this.#feed = this.#router.watch({}) as Feed
  }

  async run(one: Op): Promise<void> {
    if (one.do === 'tick') return this.#clock.advance(one.ms)
    if (one.do === 'take') return this.#take()
    if (one.do === 'fetch') {
      this.#waits.push(this.#fetch(one.query))
      return turns(7)
    }
    const { key, at } = one
    const change = at === undefined ? del(key) : put(key, { at: this.#clock.now() + at })
    this.#model.commit(await this.#orders.commit([change]), [change])
  }

  /** Lets everything come to its end, and checks what was seen. */
  async finish(): Promise<void> {
    for (let i = 0; i < 10; i++) await this.#clock.advance(10)
    this.#take()
    for (let i = 0; i < 10; i++) await this.#clock.advance(10)
    await Promise.all(this.#waits)
    for (const look of this.#later) look()
    await this.#router.close()
  }

  #take(): void {
    const take = async (): Promise<void> => {
      const update = await this.#feed.take()
      if (update === undefined) return
      this.#holder.apply(update)
      const { entries } = this.#holder
      this.#later.push(() => this.#check({}, entries, update.versions))
    }
    this.#waits.push((this.#taken = this.#taken.then(take)))
  }

  async #fetch(query: Query): Promise<void> {
    const { entries, windows } = await this.#router.fetch(query)
    // What was not asked for is not in the answer: that is true at any point of it.
    const some = (source: string): readonly number[] => {
      const { from, to } = windows[source] ?? { from: 0, to: 0 }
      return [from, Math.min(to, from + 3), to]
    }
    this.#later.push(() => {
      for (const order of some(this.#source)) {
        for (const time of some(this.#time)) this.#check(query, entries, { [this.#source]: order, [this.#time]: time })
      }
    })
  }

  #check(query: Query, entries: readonly Entry[], at: Versions): void {
    const plain = ({ key, value }: Entry): unknown => [key, value]
    expect(entries.map(plain)).toEqual(answer(query, this.#stateAt(at)).map(plain))
    this.checked++
  }

  #stateAt(at: Versions): State {
    const nowMs = (at[this.#time] ?? 0) * 5
    const orders = [...(this.#model.stateAt({ [this.#source]: at[this.#source] ?? 0 }) ?? [])] as [string, Row][]
    const isIn = ([, row]: [string, Row]): boolean => row.at <= nowMs && row.at > nowMs - 20
    const found = orders.filter(isIn).toSorted(([a], [b]) => (a < b ? -1 : 1))
    this.outside += orders.length - found.length
    const last = { n: found.length, first: `orders/${found[0]?.[0] ?? ''}` }
    return new Map<string, unknown>([
      ...orders.map(([key, row]): [string, unknown] => [`orders/${key}`, row]),
      ...(found.length === 0 ? [] : [['last/all', last] as const]),
      ['now', nowMs],
    ])
  }
}

describe('L0, L3, L5: a store, a clock, and what is in the window, behind one router', () => {
  test.each([
    ['in memory', 0],
    ['that lag', 7],
  ])('%s', { timeout: 600_000 }, async (_name, delayMs) => {
    let checked = 0
    let outside = 0
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 10, maxLength: 60, size: 'max' }), async (ops) => {
        const run = new Run(delayMs)
        for (const one of ops) await run.run(one)
        await run.finish()
        checked += run.checked
        outside += run.outside
      }),
      { numRuns: long ? 1_000 : 40 },
    )
    expect(checked).toBeGreaterThan(300)
    expect(outside).toBeGreaterThan(300)
  })
})
