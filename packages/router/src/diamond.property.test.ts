/**
 * The diamond: a raw store, and an index of it that lags, behind one router. Whatever the order in which things happen,
 * every answer and every step shows index = f(raw).
 */
import {
  applyUpdate,
  type Change,
  createMemoryStore,
  del,
  diffEntries,
  type Entry,
  everything,
  type Feed,
  isFanlightError,
  type MemoryStore,
  put,
  type Query,
  type SourceId,
  type Stall,
  type Store,
  type Supports,
  type Update,
  type Versions,
} from '@fanlight/core'
import {
  anyQuery,
  answer,
  checkSnapshot,
  createModel,
  Holder,
  type Model,
  type State,
} from '@fanlight/core/conformance'
import { BaseStore, type Difference, type Reading, type Spans } from '@fanlight/core/kit'
import { breathe } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRouter, type Router } from './index.ts'

/** What the index makes of raw: the keys by their values, and how many there are. */
function f(raw: State): Map<string, unknown> {
  const index = new Map<string, unknown>([['count', raw.size]])
  for (const [key, value] of raw) index.set(`by/${String(value)}/${key}`, key)
  return index
}

/** An index that has seen every state of the raw store, and shows them when it is told; in raw's own source. */
class Index extends BaseStore {
  readonly supports: Supports = { commit: false, guard: 'none', ids: false, single: false, durable: false }
  readonly sources: readonly SourceId[]
  readonly #source: SourceId
  readonly #raw: MemoryStore
  readonly #feed: Feed
  readonly #states = new Map<number, State>()
  readonly #delay: (<T>(result: T) => Promise<T>) | undefined
  readonly #kept: number
  #shown: number
  #forgotten = 0
  #reached: Versions

  /**
   * @param kept  how many versions back it knows
   * @param delay what its reads wait for; absent: it answers at once
   */
  constructor(raw: MemoryStore, kept: number, delay: (<T>(result: T) => Promise<T>) | undefined) {
    super({ name: 'index' }, 'index')
    this.#raw = raw
    this.#source = raw.sources[0] ?? ''
    this.sources = [this.#source, 'index@f']
    this.#kept = kept
    this.#delay = delay
    this.#shown = this.#newest
    this.#reached = { [this.#source]: this.#shown, 'index@f': 0 }
    this.#feed = raw.watch(everything)
    let held: readonly Entry[] = []
    const note = (): void => {
      if (this.isClosed) return
      const update = this.#feed.take() as Update | undefined
      if (update === undefined) return
      held = applyUpdate(held, update)
      this.#states.set(update.versions[this.#source] ?? 0, new Map(held.map(({ key, value }) => [key, value])))
    }
    note()
    this.#feed.wake(note)
  }

  get oldest(): Versions {
    return { [this.#source]: this.#forgotten, 'index@f': 0 }
  }

  get reached(): Versions {
    return this.#reached
  }

  get #newest(): number {
    return this.#raw.reached[this.#source] ?? 0
  }

  /** Shows so many versions more, at once. */
  show(count: number): void {
    const next = Math.min(this.#newest, this.#shown + count)
    if (next === this.#shown) return
    const touched = new Set<string>()
    for (let at = this.#shown; at < next; at++) {
      for (const { key } of diffEntries(answer({}, this.#stateAt(at)), answer({}, this.#stateAt(at + 1))))
        touched.add(key)
    }
    this.#shown = next
    this.#forgotten = Math.max(this.#forgotten, next - this.#kept)
    this.#reached = { [this.#source]: next, 'index@f': 0 }
    this.advanced(touched)
  }

  protected override release(): Promise<void> {
    return this.#feed.close()
  }

  protected read({ query, list }: Spans, at: Versions): Reading | Promise<Reading> {
    const version = at[this.#source] ?? 0
    const state = this.#stateAt(version)
    const entries = answer(query, state)
    const more = list.map(({ lo, hi, limit, reverse }) => {
      const whole = hi === undefined ? { gte: lo } : { gte: lo, lt: hi }
      const all = answer({ ...whole, reverse }, state)
      const last = all[limit - 1]?.key ?? lo
      if (all.length <= limit) return { more: false, range: whole }
      return {
        more: true,
        range: limit === 0 ? { gte: lo, lt: lo } : reverse ? { ...whole, gte: last } : { gte: lo, lte: last },
      }
    })
    const reading = {
      entries,
      windows: { [this.#source]: { from: version, to: version }, 'index@f': { from: 0, to: 0 } },
      more,
    }
    return this.#delay?.(reading) ?? reading
  }

  protected difference({ query }: Spans, since: Versions, until: Versions): Difference | Promise<Difference> {
    const [from, to] = [since[this.#source] ?? 0, until[this.#source] ?? 0]
    const changes = diffEntries(answer(query, this.#stateAt(from)), answer(query, this.#stateAt(to)))
    return this.#delay?.({ changes, folded: to - from }) ?? { changes, folded: to - from }
  }

  #stateAt(version: number): State {
    // A commit that changed nothing left no state of its own.
    const known = Math.max(...[...this.#states.keys()].filter((at) => at <= version))
    return f(this.#states.get(known) ?? new Map())
  }
}

type Op =
  | { readonly do: 'write'; readonly changes: readonly Change[] }
  | { readonly do: 'show'; readonly count: number }
  | { readonly do: 'fetch'; readonly query: Query; readonly stall: Stall; readonly min: boolean }
  | { readonly do: 'changes'; readonly query: Query; readonly back: number }
  | { readonly do: 'watch'; readonly query: Query }
  | { readonly do: 'take'; readonly feed: number }
  | { readonly do: 'setQuery'; readonly feed: number; readonly query: Query }

const keys = ['a', 'b', 'c/d', '😀']
const values = ['red', 'green', 'blue']
const bounds = [
  'raw/',
  'raw/a',
  'raw/b',
  'index/',
  'index/by/',
  'index/by/green/',
  'index/by/red/a',
  'index/count',
  'other',
]

const change = fc
  .tuple(fc.constantFrom(...keys), fc.option(fc.constantFrom(...values)))
  .map(([key, value]): Change => (value === null ? del(key) : put(key, value)))
const query: fc.Arbitrary<Query> = fc.oneof(fc.constant<Query>({}), anyQuery(bounds))

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      changes: fc.uniqueArray(change, { selector: ({ key }) => key, minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('show' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('fetch' as const),
      query,
      stall: fc.constantFrom<Stall>('wait', 'older'),
      min: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('changes' as const), query, back: fc.nat({ max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('watch' as const), query }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('take' as const), feed: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('setQuery' as const), feed: fc.nat({ max: 5 }), query }) },
)

/** What was done, so that no run proves nothing. */
const traffic = { answers: 0, steps: 0, quiet: 0, differences: 0, carries: 0, forgotten: 0 }

/** A feed with its holder. */
interface Followed {
  readonly feed: Feed
  readonly holder: Holder
  busy: boolean
  /** Whether it was woken since it last took. */
  told: boolean
}

class Play {
  readonly raw: MemoryStore
  readonly index: Index
  readonly router: Router
  readonly model: Model
  readonly #feeds: Followed[] = []
  readonly #points: Versions[] = []
  readonly #pending: Promise<unknown>[] = []
  readonly #mayForget: boolean

  constructor(kept: number, delay: (<T>(result: T) => Promise<T>) | undefined) {
    this.#mayForget = kept !== Infinity
    this.raw = createMemoryStore({ name: 'raw', history: { commits: kept } })
    this.index = new Index(this.raw, kept, delay)
    const onEvent = ({ type }: { readonly type: string }): void => void (type === 'carry' && traffic.carries++)
    this.router = createRouter({ 'raw/': this.raw, 'index/': this.index as Store }, { onEvent }) as Router
    this.model = createModel(this.router.reached, { expected: shownOf })
    this.#points.push(this.router.reached)
  }

  async run(op: Op): Promise<void> {
    switch (op.do) {
      case 'write': {
        const at = await this.raw.commit(op.changes)
        this.model.commit(at, op.changes)
        this.#points.push({ ...this.#points.at(-1), ...at })
        return
      }
      case 'show':
        return this.index.show(op.count)
      case 'fetch':
        return this.#later(this.#fetch(op.query, op.stall, op.min))
      case 'changes':
        return this.#later(this.#changes(op.query, this.#points.at(-1 - op.back) ?? this.#points[0] ?? {}))
      case 'watch': {
        const followed = { feed: this.router.watch(op.query), holder: new Holder(op.query), busy: false, told: false }
        followed.feed.wake(() => (followed.told = true))
        this.#feeds.push(followed)
        return
      }
      case 'take':
        return this.#later(this.#take(this.#feeds[op.feed % Math.max(1, this.#feeds.length)]))
      case 'setQuery': {
        const followed = this.#feeds[op.feed % Math.max(1, this.#feeds.length)]
        followed?.holder.ask(op.query, followed.feed.setQuery(op.query))
      }
    }
  }

  /** Lets the index catch up: then everything ends, and every feed comes to the newest point. */
  async finish(): Promise<void> {
    for (let i = 0; i < 8; i++) {
      this.index.show(1)
      await breathe()
    }
    this.index.show(Infinity)
    await Promise.all(this.#pending)
    // From here on they take only when they are woken.
    for (let i = 0; i < 20; i++) {
      await breathe()
      for (const followed of this.#feeds) if (followed.told) await this.#take(followed)
    }
    const newest = { ...this.router.reached, 'index@f': 0 }
    for (const { feed } of this.#feeds) expect(newest).toMatchObject(feed.versions)
    this.verify()
    await this.router.close()
  }

  #later(work: Promise<void>): void {
    this.#pending.push(work)
    work.catch(() => undefined)
  }

  async #fetch(query: Query, stall: Stall, withMin: boolean): Promise<void> {
    const min = withMin ? this.raw.reached : undefined
    try {
      const snapshot = await this.router.fetch(query, { stall, min })
      traffic.answers++
      expect(checkSnapshot(this.model, query, snapshot)).toBeGreaterThan(0)
      const [source = ''] = this.raw.sources
      const { [source]: window } = snapshot.windows
      if (window !== undefined) expect(window.to).toBeGreaterThanOrEqual(min?.[source] ?? 0)
    } catch (error) {
      this.#forgave(error, 'STALLED')
    }
  }

  async #changes(query: Query, since: Versions): Promise<void> {
    const before = this.model.answerAt(query, since) ?? []
    try {
      const update = await this.router.changes(query, { since })
      traffic.differences++
      const holder = new Holder(query, { entries: before, versions: since })
      holder.apply(update)
      expect(holder.check(this.model)).toBe(true)
    } catch (error) {
      this.#forgave(error, 'LOST_IN_FOG')
    }
  }

  /** What is held is the answer at the point that the feed says is held, at any time. */
  verify(): void {
    for (const { feed, holder, busy } of this.#feeds) {
      if (busy || holder.versions === undefined) continue
      const { query, entries } = holder
      const held = new Holder(query, { entries, versions: feed.versions })
      expect(held.check(this.model)).toBe(true)
    }
  }

  async #take(followed: Followed | undefined): Promise<void> {
    if (followed === undefined || followed.busy) return
    const { feed, holder } = followed
    followed.busy = true
    followed.told = false
    const before = feed.versions
    const update = await feed.take()
    followed.busy = false
    if (update === undefined) holder.moved(feed.versions)
    else holder.apply(update)
    for (const [source, version] of Object.entries(holder.versions ?? {})) {
      expect(version).toBeGreaterThanOrEqual(before[source] ?? 0)
    }
    traffic[update === undefined ? 'quiet' : 'steps']++
    expect(holder.check(this.model)).toBe(true)
  }

  #forgave(error: unknown, code: 'STALLED' | 'LOST_IN_FOG'): void {
    if (!this.#mayForget || !isFanlightError(error, code)) throw error
    traffic.forgotten++
  }
}

/** What the router shows where the raw store holds this. */
function shownOf(raw: State): State {
  const shown = new Map<string, unknown>()
  for (const [key, value] of raw) shown.set(`raw/${key}`, value)
  for (const [key, value] of f(raw)) shown.set(`index/${key}`, value)
  return shown
}

const runs = 150 * Number(process.env['FANLIGHT_RUNS'] ?? 1)

test(
  'L3, L5, L6: index = f(raw) in every answer and every step, in any order of things',
  { timeout: 600_000 },
  async () => {
    const turns = fc.array(fc.array(op, { minLength: 1, maxLength: 4, size: 'max' }), {
      minLength: 3,
      maxLength: 20,
      size: 'max',
    })
    const kept = fc.constantFrom(Infinity, Infinity, 4, 1)
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), turns, kept, fc.boolean(), async (scheduler, script, history, delayed) => {
        let slow = true
        const delay = <T>(result: T): Promise<T> =>
          slow ? scheduler.schedule(Promise.resolve(result)) : Promise.resolve(result)
        const play = new Play(history, delayed ? delay : undefined)
        const failures: unknown[] = []
        for (const ops of script) {
          for (const one of ops) {
            void scheduler
              .schedule(Promise.resolve(), one.do)
              .then(() => play.run(one))
              .then(() => play.verify())
              .catch((error: unknown) => failures.push(error))
          }
          await scheduler.waitIdle()
          if (failures.length > 0) throw failures[0]
        }
        slow = false
        await scheduler.waitIdle()
        await play.finish()
        if (failures.length > 0) throw failures[0]
      }),
      { numRuns: runs, timeout: 60_000 },
    )
    for (const count of Object.values(traffic)) expect(count).toBeGreaterThan(10)
  },
)
