import {
  type Change,
  type Entry,
  type Feed,
  type Pushed,
  type Query,
  type Store,
  type Versions,
  createMemoryStore,
  defineStore,
  isFanlightError,
  key as keyOf,
  parseVersions,
  prefix,
} from '@fanlight/core'
import { Holder, type State, answer } from '@fanlight/core/conformance'
import { lagging, manualClock, seededRandom, turns } from '@fanlight/core/testing'
import { long } from '@fanlight/test/support'
import { type ChangelogOptions, createChangelog } from '@fanlight/views'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

interface Commit {
  readonly version: number
  readonly state: State
}

/** The records of the commits after one version, up to another, by the plainest look at each. */
function logOf(
  commits: readonly Commit[],
  since: number,
  until: number,
  { last = Infinity, commits: most = Infinity }: ChangelogOptions,
): State {
  const steps = commits.flatMap(({ version, state }, i) => {
    if (version <= since || version > until) return []
    const before = commits[i - 1]?.state ?? new Map<string, unknown>()
    const changed = [...new Set([...before.keys(), ...state.keys()])].filter(
      (key) => before.get(key) !== state.get(key),
    )
    const gone = { version, gone: true }
    const records = changed.map((key) => [key, state.has(key) ? { version, value: state.get(key) } : gone] as const)
    return records.length === 0 ? [] : [records]
  })
  const kept = steps.slice(-most).flat()
  return new Map(
    kept
      .filter(([key], i) => kept.slice(i + 1).filter((one) => one[0] === key).length < last)
      .map(([key, record]) => [keyOf(key, record.version), record]),
  )
}

type Op =
  | { readonly do: 'write'; readonly gap: number; readonly changes: ReadonlyMap<string, number | null> }
  | { readonly do: 'tick'; readonly ms: number }
  | { readonly do: 'fetch'; readonly query: Query; readonly at: number | undefined }
  | { readonly do: 'take' }
  | { readonly do: 'restart'; readonly writes: number }

const keys = ['a', 'b', 'c', 'd']

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      gap: fc.constantFrom(1, 1, 1, 2, 7, 2 ** 40),
      changes: fc
        .array(fc.tuple(fc.constantFrom(...keys), fc.constantFrom(null, 1, 2, 3)), { minLength: 1, maxLength: 3 })
        .map((list) => new Map(list)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tick' as const), ms: fc.constantFrom(1, 5, 10) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('fetch' as const),
      query: fc.constantFrom<Query[]>({}, prefix('a/'), [prefix('b/'), { limit: 2 }], { limit: 3, reverse: true }),
      at: fc.option(fc.nat(6), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'take' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), writes: fc.nat(3) }) },
)

interface Use {
  readonly keeps: ChangelogOptions
  /** How many commits the upstream remembers. */
  readonly history: number
  readonly isKept: boolean
  readonly delayMs: number
  readonly lags: boolean
}

class Run {
  readonly #clock = manualClock(1_000)
  readonly #random = seededRandom(1)
  readonly #use: Use
  readonly #into: Store
  readonly #commits: Commit[] = [{ version: 0, state: new Map() }]
  readonly #points: Versions[] = []
  readonly #later: (() => void)[] = []
  readonly #waits: Promise<void>[] = []
  #push: (pushed: Pushed) => void = () => undefined
  #raw!: Store
  #upstream!: Store
  #log!: Store
  #feed!: Feed
  #holder = new Holder({})
  #taken: Promise<void> = Promise.resolve()
  checked = 0
  records = 0
  readonly beginnings = new Set<string>()

  constructor(use: Use) {
    this.#use = use
    this.#into = createMemoryStore({ clock: this.#clock, random: this.#random, name: 'into' })
  }

  async open(): Promise<this> {
    const { history, lags } = this.#use
    this.#raw = await defineStore(
      {
        name: 'raw',
        read: () => ({ entries: [] }),
        listen: (push) => {
          this.#push = push
          return () => undefined
        },
      },
      { clock: this.#clock, random: this.#random, history: { commits: history } },
    )
    const seams = { clock: this.#clock, delayMs: 3 }
    this.#upstream = lags ? lagging(this.#raw, seams) : this.#raw
    this.#start()
    return this
  }

  #start(): void {
    const { keeps, isKept, delayMs } = this.#use
    const into = isKept ? { into: this.#into } : {}
    const seams = { clock: this.#clock, random: this.#random }
    this.#log = createChangelog(this.#upstream, { ...keeps, ...into, ...seams, delayMs }) as Store
    this.#feed = this.#log.watch({})
    this.#holder = new Holder({})
  }

  async run(one: Op): Promise<void> {
    if (one.do === 'tick') return this.#clock.advance(one.ms)
    if (one.do === 'write') return this.#write(one)
    if (one.do === 'take') return this.#take()
    if (one.do === 'fetch') {
      this.#waits.push(this.#fetch(one.query, one.at))
      return turns(7)
    }
    if (!this.#use.isKept) return
    await this.#log.close()
    for (let i = 0; i < one.writes; i++)
      this.#write({ gap: 1, changes: new Map([['a', i + 10 * this.#commits.length]]) })
    this.#start()
  }

  /** Lets everything come to its end, and checks what was seen. */
  async finish(): Promise<void> {
    let isThere = false
    const there = this.#log.fetch([], { min: this.#raw.reached }).finally(() => (isThere = true))
    while (!isThere) await this.#clock.advance(5)
    await there
    this.#take()
    this.#waits.push(this.#fetch({}, undefined))
    for (let i = 0; i < 5; i++) await this.#clock.advance(5)
    await this.#clock.advance(60_000)
    await Promise.all(this.#waits)
    for (const look of this.#later) look()
    expect(this.#holder.versions).toMatchObject(this.#raw.reached)
    await this.#log.close()
    await this.#upstream.close()
  }

  #write({ gap, changes }: Pick<Extract<Op, { do: 'write' }>, 'gap' | 'changes'>): void {
    const newest = this.#commits.at(-1) as Commit
    const version = newest.version + gap
    const state = new Map(newest.state)
    const made = [...changes].map(([key, value]): Change => {
      if (value === null) state.delete(key)
      else state.set(key, value)
      return value === null ? { key, gone: true } : { key, value }
    })
    this.#commits.push({ version, state })
    this.#push({ version, changes: made })
  }

  #take(): void {
    const [feed, holder] = [this.#feed, this.#holder]
    const take = async (): Promise<void> => {
      try {
        const update = await feed.take()
        if (update === undefined) return holder.versions === undefined ? undefined : holder.moved(feed.versions)
        holder.apply(update)
        const { entries } = holder
        this.#points.push(update.versions)
        this.#later.push(() => this.#check({}, entries, update.versions))
      } catch (error) {
        // Restarted.
        if (!isFanlightError(error, 'CLOSED')) throw error
      }
    }
    this.#waits.push((this.#taken = this.#taken.then(take)))
  }

  async #fetch(query: Query, index: number | undefined): Promise<void> {
    const at = index === undefined ? undefined : this.#points.at(-1 - index)
    try {
      const { entries, windows, versions } = await this.#log.fetch(query, at === undefined ? {} : { min: at, max: at })
      this.#points.push(versions)
      this.#later.push(() => {
        const source = this.#raw.sources[0] ?? ''
        const { from, to } = windows[source] ?? { from: 0, to: 0 }
        const inside = this.#commits.map(({ version }) => version).filter((version) => version >= from && version <= to)
        for (const version of new Set([from, ...inside, to]))
          this.#check(query, entries, { ...versions, [source]: version })
      })
    } catch (error) {
      // What a log that began anew does not hold any more it says, and so does one that was restarted.
      const codes = ['CLOSED', 'SOURCE_RESET', 'LOST_IN_FOG']
      if (!isFanlightError(error) || !codes.includes(error.code) || (error.code !== 'CLOSED' && at === undefined))
        throw error
    }
  }

  /** The log holds just what happened since it began: where that was its own source says. */
  #check(query: Query, entries: readonly Entry[], at: Versions): void {
    const [source = ''] = this.#raw.sources
    const [own = ''] = Object.keys(at).filter((name) => name.startsWith('changelog@'))
    this.beginnings.add(own)
    const [since] = JSON.parse(own.slice(own.indexOf('@') + 1)) as [string]
    const from = parseVersions(since)[source] ?? 0
    const plain = ({ key, value }: Entry): unknown => [key, value]
    const expected = answer(query, logOf(this.#commits, from, at[source] ?? 0, this.#use.keeps))
    expect(entries.map(plain)).toEqual(expected.map(plain))
    this.checked++
    this.records += entries.length
  }
}

const plain: Use = { keeps: {}, history: 1_000, isKept: false, delayMs: 0, lags: false }

describe('L0, L1, L6, L7: a changelog, whatever lags, is forgotten or restarted', () => {
  test.each<[string, Use, boolean]>([
    ['in memory', plain, false],
    ['that lags', { ...plain, keeps: { last: 2 }, delayMs: 4 }, false],
    ['of an upstream that lags', { ...plain, keeps: { commits: 5 }, lags: true }, false],
    ['kept in a store', { ...plain, keeps: { last: 2, commits: 6 }, isKept: true }, false],
    ['kept in a store, of an upstream that forgets', { ...plain, keeps: { last: 3 }, history: 2, isKept: true }, true],
    ['that lags, of an upstream that forgets', { ...plain, history: 2, delayMs: 4 }, true],
  ])('%s', { timeout: 600_000 }, async (_name, use, forgets) => {
    let [checked, records, beginnings, runs] = [0, 0, 0, 0]
    await fc.assert(
      fc.asyncProperty(fc.array(op, { minLength: 10, maxLength: 60, size: 'max' }), async (ops) => {
        const run = await new Run(use).open()
        for (const one of ops) await run.run(one)
        await run.finish()
        checked += run.checked
        records += run.records
        beginnings += run.beginnings.size
        runs++
      }),
      { numRuns: long ? 1_000 : 40 },
    )
    expect(checked).toBeGreaterThan(200)
    expect(records).toBeGreaterThan(200)
    if (forgets) expect(beginnings).toBeGreaterThan(runs)
    else expect(beginnings).toBe(runs)
  })
})
