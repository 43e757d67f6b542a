import { connect, type Remote } from '@fanlight/client-browser'
import {
  compareVersions,
  createMemoryStore,
  everything,
  FanlightError,
  type Feed,
  type MemoryStore,
  put,
  type Query,
  type Random,
  type Update,
  type Versions,
  type WatchOptions,
} from '@fanlight/core'
import { answer, Holder } from '@fanlight/core/conformance'
import { altered, manualClock, type ManualClock, seededRandom } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { simulate, type Simulated } from './simulated.ts'

const part: Query = { lt: 'c' }
const queries: readonly Query[] = [everything, part, { gte: 'b', limit: 2 }]

/** So long that a few of them are more than a connection takes before it is read. */
const long = 'x'.repeat(90_000)

/** How the feeds of a store give what is taken. */
type Mood = 'prompt' | 'late' | 'very late' | 'failing'

/** A feed that answers late, or fails. */
function moodyFeed(feed: Feed, mood: () => Mood, clock: ManualClock): Feed {
  let held: Versions | undefined
  const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve))
  const take = async (to: Versions | undefined, ms: number): Promise<Update | undefined> => {
    held = feed.versions
    await wait(ms)
    const update = await feed.take(to)
    // What comes meanwhile comes after it.
    await wait(ms)
    held = undefined
    return update
  }
  return altered(feed, {
    get versions() {
      return held ?? feed.versions
    },
    take: (to?: Versions) => {
      const now = mood()
      if (now === 'failing') throw new FanlightError('UNAVAILABLE', 'not now')
      return now === 'prompt' ? feed.take(to) : take(to, now === 'late' ? 50 : 400)
    },
  })
}

/** A store with such feeds. */
function moody(
  store: MemoryStore,
  mood: () => Mood,
  clock: ManualClock,
  watched: (options: WatchOptions) => void,
): MemoryStore {
  return altered(store, {
    watch: (query: Query, options: WatchOptions = {}) => {
      watched(options)
      return moodyFeed(store.watch(query, options), mood, clock)
    },
  })
}

/** A client that follows one query, and checks each answer. */
class Member {
  readonly remote: Remote
  readonly cut: () => void
  readonly #truth: (query: Query, versions: Versions) => readonly unknown[]
  readonly #feed: Feed
  #holder: Holder
  #isTaking = false
  #isRung = false
  failure: unknown

  constructor(
    remote: Remote,
    cut: () => void,
    query: Query,
    truth: (query: Query, versions: Versions) => readonly unknown[],
  ) {
    this.remote = remote
    this.cut = cut
    this.#truth = truth
    this.#holder = new Holder(query)
    this.#feed = remote.watch(query)
    this.#feed.wake(() => void this.#take())
  }

  ask(query: Query): void {
    this.#holder.ask(query, this.#feed.setQuery(query))
  }

  get feed(): Feed {
    return this.#feed
  }

  get held(): readonly [Query, Versions | undefined, readonly unknown[]] {
    return [this.#holder.query, this.#feed.versions, this.#holder.entries]
  }

  async #take(): Promise<void> {
    this.#isRung = true
    if (this.#isTaking) return
    this.#isTaking = true
    while (this.#isRung) await this.#takeOnce()
    this.#isTaking = false
  }

  async #takeOnce(): Promise<void> {
    this.#isRung = false
    try {
      this.#took(await this.#feed.take())
    } catch (error) {
      this.failure ??= error
    }
  }

  #took(update: Update | undefined): void {
    if (update === undefined) return
    this.#holder.apply(update)
    expect(answer(this.#holder.query, this.#holder.state)).toEqual(this.#truth(this.#holder.query, update.versions))
  }
}

/** Many who follow the same over one server. */
class Crowd {
  readonly clock = manualClock()
  readonly members: Member[] = []
  readonly #random: Random
  readonly #states: Map<string, unknown>[] = [new Map()]
  readonly #store: MemoryStore
  readonly #server: Simulated
  /** How many feeds were made for several at once. */
  shared = 0
  mood: Mood = 'prompt'

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    const { clock } = this
    this.#store = createMemoryStore({ name: 'crowded', clock, random: this.#random, history: { commits: 40 } })
    // The feeds of a connection alone are those of its session, which says from where.
    const store = moody(
      this.#store,
      () => this.mood,
      clock,
      ({ min }) => void (min === undefined && this.shared++),
    )
    this.#server = simulate(store, { clock, random: this.#random, delayMs: 20 })
  }

  async join(query: Query): Promise<void> {
    let last: { terminate(): void } | undefined
    const dial = (url: string): ReturnType<Simulated['dial']> => {
      const channel = this.#server.dial(url)
      last = channel
      return channel
    }
    const { clock } = this
    const connecting = connect('ws://crowd/', { clock, random: this.#random, dial, retryMs: 10, retryMsMax: 50 })
    const remote = await this.until(connecting)
    const cut = (): void => last?.terminate()
    this.members.push(new Member(remote, cut, query, (asked, versions) => this.#truth(asked, versions)))
  }

  member(index: number): Member {
    const one = this.members[index]
    if (one === undefined) throw new Error(`there is no member ${index}`)
    return one
  }

  get reached(): Versions {
    return this.#store.reached
  }

  commit(key: string, value: unknown): void {
    this.#states.push(new Map(this.#states.at(-1)).set(key, value))
    void this.#store.commit([put(key, value)])
  }

  /** Commits come over the wire in an order that nobody knows before: they are awaited one by one. */
  async commitBy({ remote }: Member, key: string, value: unknown): Promise<Versions> {
    this.#states.push(new Map(this.#states.at(-1)).set(key, value))
    return this.until(remote.commit([put(key, value)]))
  }

  /** Lets time pass until something ends. */
  async until<T>(work: Promise<T>): Promise<T> {
    let isDone = false
    const done = (): void => void (isDone = true)
    work.then(done, done)
    while (!isDone) await this.clock.advance(1)
    return work
  }

  /** Everyone holds what there is at the end. */
  async check(): Promise<void> {
    this.mood = 'prompt'
    // Long enough for what failed to be tried again, and too short for idle connections to begin anew.
    await this.clock.advance(20_000)
    for (const { held, failure } of this.members) {
      expect(failure).toBeUndefined()
      const [query, versions = {}, entries] = held
      expect(versions).toEqual(this.#store.reached)
      expect(
        answer(query, new Map((entries as { key: string; value: unknown }[]).map((one) => [one.key, one.value]))),
      ).toEqual(this.#truth(query, versions))
    }
  }

  async close(): Promise<void> {
    const closed = Promise.all(this.members.map(({ remote }) => remote.close()))
    this.#server.hub.close()
    await this.clock.advance(1_000)
    await closed
    await this.#store.close()
  }

  #truth(query: Query, versions: Versions): readonly unknown[] {
    return answer(query, this.#states[Object.values(versions)[0] ?? 0] ?? new Map())
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd')
const who = fc.nat(5)
const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('commit' as const), key, isLong: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 30, 200, 1_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('commit by' as const), who, key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fetch' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ask' as const), who, query: fc.constantFrom(...queries) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('glance' as const), who, query: fc.constantFrom(...queries) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('mood' as const),
      mood: fc.constantFrom<Mood>('prompt', 'late', 'very late', 'failing'),
    }),
  },
)

type Command = typeof command extends fc.Arbitrary<infer C> ? C : never

/** What failed once: a query that fails holds its connection at a point, and the update of another is beyond that. */
const once: [number, Command[]] = [
  976829769,
  [
    { do: 'commit', key: 'a', isLong: false },
    { do: 'glance', who: 0, query: { gte: 'b', limit: 2 } },
    { do: 'mood', mood: 'failing' },
    { do: 'commit', key: 'a', isLong: false },
    { do: 'commit', key: 'a', isLong: false },
    { do: 'commit', key: 'd', isLong: false },
    { do: 'cut', who: 1 },
    { do: 'wait', ms: 0 },
    { do: 'wait', ms: 0 },
    { do: 'fetch', who: 0 },
    { do: 'wait', ms: 0 },
    { do: 'mood', mood: 'prompt' },
    { do: 'commit', key: 'a', isLong: false },
  ],
]

test('L1, L6, L7, L8: whoever follows the same as others holds what is true, whoever of them is slow, cut, asks or leaves', async () => {
  let shared = 0
  const holds = fc.asyncProperty(
    fc.integer(),
    fc.array(command, { minLength: 10, maxLength: 60 }),
    async (seed, commands) => {
      const crowd = new Crowd(seed)
      for (const query of [everything, everything, everything, everything, part, part]) await crowd.join(query)
      let count = 0
      for (const one of commands) {
        const member = crowd.member('who' in one ? one.who : 0)
        switch (one.do) {
          case 'commit':
            crowd.commit(one.key, one.isLong ? `${++count}${long}` : ++count)
            break
          case 'wait':
            await crowd.clock.advance(one.ms)
            break
          case 'commit by':
            await crowd.commitBy(member, one.key, ++count)
            break
          case 'fetch':
            void member.remote.fetch(everything).catch(() => undefined)
            break
          case 'ask':
            member.ask(one.query)
            break
          case 'glance': {
            const feed = member.remote.watch(one.query)
            void Promise.resolve(feed.take()).catch(() => undefined)
            await crowd.clock.advance(30)
            void feed.close()
            break
          }
          case 'cut':
            member.cut()
            break
          case 'mood':
            crowd.mood = one.mood
            break
        }
      }
      await crowd.check()
      shared += crowd.shared
      await crowd.close()
    },
  )
  await fc.assert(holds, { numRuns: 60, examples: [once] })
  expect(shared).toBeGreaterThan(60)
})

test('L2: what a client did, or waits for, is in what it follows before it hears of it, whoever follows the same', async () => {
  const crowd = new Crowd(1)
  for (let i = 0; i < 3; i++) await crowd.join(everything)
  const member = crowd.member(0)
  for (let round = 0; round < 5; round++) {
    const isSharing = crowd.shared
    crowd.commit('a', round)
    await crowd.clock.advance(100)
    // Of what was asked, each is alone again; of what was told, all share.
    if (round > 0) expect(crowd.shared).toBe(isSharing)
    const versions = await crowd.commitBy(member, 'b', round)
    expect(compareVersions(member.feed.versions, versions)).not.toBe('before')
    await crowd.clock.advance(100)
    crowd.commit('a', -round)
    await crowd.clock.advance(100)
    const next = Object.fromEntries(Object.entries(crowd.reached).map(([source, version]) => [source, version + 1]))
    const asked = member.remote.fetch('none', { min: next })
    await crowd.clock.advance(100)
    crowd.commit('c', round)
    await crowd.until(asked)
    expect(member.feed.versions).toEqual(next)
  }
  await crowd.close()
})
