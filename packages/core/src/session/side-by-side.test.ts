import {
  type Change,
  type ChangesOptions,
  type Entry,
  type Feed,
  type FetchOptions,
  type MemoryStore,
  type Query,
  type Snapshot,
  type Store,
  type StoreEvent,
  type Supports,
  type Update,
  type Versions,
  type WatchOptions,
  createMemoryStore,
  createSession,
} from '@fanlight/core'
import { Holder, answer, compareCodePoints } from '@fanlight/core/conformance'
import { leastOf, readQuery } from '@fanlight/core/kit'
import { lagging, seededRandom, turns } from '@fanlight/core/testing'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

/** Whether a query goes to the second of the two stores. */
function isRight(query: Query): boolean {
  return readQuery(query).list.every(({ lo }) => lo >= '~')
}

/** Two stores of one source in one: all that is asked from `~` on is asked of the second. */
class SideBySide {
  readonly supports: Supports = { commit: false, guard: 'none', ids: false, single: false, durable: false }
  readonly #left: Store
  readonly #right: Store

  constructor(left: Store, right: Store) {
    this.#left = left
    this.#right = right
  }

  get sources(): readonly string[] {
    return this.#left.sources
  }

  get oldest(): Versions {
    return this.#left.oldest
  }

  get reached(): Versions {
    return leastOf([this.#left.reached, this.#right.reached])
  }

  #of(query: Query): Store {
    return isRight(query) ? this.#right : this.#left
  }

  fetch(query: Query, options?: FetchOptions): Promise<Snapshot> {
    return this.#of(query).fetch(query, options)
  }

  changes(query: Query, options: ChangesOptions): Promise<Update> {
    return this.#of(query).changes(query, options)
  }

  watch(query: Query, options?: WatchOptions): Feed {
    return this.#of(query).watch(query, options)
  }

  async close(): Promise<void> {
    await this.#left.close()
    await this.#right.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

interface World {
  readonly raw: MemoryStore
  readonly copy: MemoryStore
  readonly states: ReadonlyMap<string, unknown>[]
  commit(changes: readonly Change[]): Promise<void>
  follow(): Promise<boolean>
  /** The answer at a version. */
  at(query: Query, version: number): readonly Entry[]
}

function createWorld(commits: number, onEvent?: (event: StoreEvent) => void): World {
  const raw = createMemoryStore({ name: 'raw', random: seededRandom(1), history: { commits }, onEvent })
  const copy = createMemoryStore({ name: 'raw', random: seededRandom(1), history: { commits: commits * 2 }, onEvent })
  const waiting: (readonly Change[])[] = []
  const states: ReadonlyMap<string, unknown>[] = [new Map()]
  return {
    raw,
    copy,
    states,
    async commit(changes) {
      const next = new Map(states.at(-1))
      for (const { key, value, gone } of changes) {
        for (const one of [key, `~${key}`]) {
          if (gone === true) next.delete(one)
          else next.set(one, value)
        }
      }
      states.push(next)
      await raw.commit(changes)
      waiting.push(changes)
    },
    async follow() {
      const changes = waiting.shift()
      if (changes === undefined) return false
      await copy.commit(changes.map((change) => ({ ...change, key: `~${change.key}` })))
      return true
    },
    at(query, version) {
      return [...answer(query, states[version] ?? new Map())].sort((a, b) => compareCodePoints(a.key, b.key))
    },
  }
}

const keys = ['a', 'b', 'c', 'd']
const query: fc.Arbitrary<Query> = fc.constantFrom<Query[]>(
  'a',
  '~a',
  '~b',
  { lt: '~' },
  { gte: '~' },
  { gte: '~b', limit: 1 },
  { lt: '~', reverse: true, limit: 2 },
)
const changes: fc.Arbitrary<Change[]> = fc.uniqueArray(
  fc.oneof(
    fc.record({ key: fc.constantFrom(...keys), value: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ key: fc.constantFrom(...keys), gone: fc.constant(true as const) }),
  ),
  // A commit of nothing moves the horizon without a word, which the lagging store of the tests does not hear of.
  { selector: ({ key }) => key, minLength: 1, maxLength: 3 },
)
const action = fc.oneof(
  { weight: 5, arbitrary: fc.record({ commit: changes }) },
  { weight: 4, arbitrary: fc.constant('follow' as const) },
  { weight: 3, arbitrary: fc.constant('settle' as const) },
  { weight: 5, arbitrary: fc.record({ take: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ watch: query, isEager: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ set: fc.nat(3), query }) },
)

/** One feed of the session with somebody who applies what it gives. */
class Reader {
  readonly feed: Feed
  readonly asked: Query
  readonly holder: Holder
  readonly isEager: boolean
  isWoken = false
  /** It set a query, and waits for the answer. */
  isReplaced = false
  generation = 0
  isOver = false
  taking: Promise<void> | undefined
  readonly #apply: (reader: Reader, update: Update | undefined) => void

  constructor(feed: Feed, asked: Query, isEager: boolean, apply: (reader: Reader, update: Update | undefined) => void) {
    this.feed = feed
    this.asked = asked
    this.holder = new Holder(asked)
    this.isEager = isEager
    this.#apply = apply
    feed.wake(() => {
      this.isWoken = true
      if (isEager) this.take()
    })
  }

  take(): void {
    if (this.taking !== undefined || this.isOver) return
    this.isWoken = false
    const taken = this.feed.take()
    if (!(taken instanceof Promise)) return this.#apply(this, taken)
    this.taking = taken
      .then((update) => this.#apply(this, update))
      .finally(() => {
        this.taking = undefined
        if (this.isWoken && this.isEager) this.take()
      })
  }
}

/** Runs one history and checks it; the number of steps that were seen. */
async function play(
  queries: readonly Query[],
  actions: readonly (typeof action extends fc.Arbitrary<infer A> ? A : never)[],
  commits: number,
  isLate: boolean,
  onEvent: (event: StoreEvent) => void,
): Promise<number> {
  const world = createWorld(commits, onEvent)
  const late = isLate
    ? lagging(world.raw as Store, {
        delayMs: 0,
        clock: { now: () => 0, after: (_ms, run) => (queueMicrotask(run), () => undefined) },
      })
    : undefined
  const session = createSession(new SideBySide(late ?? world.raw, world.copy) as unknown as Store)
  const [source = ''] = world.raw.sources
  const readers: Reader[] = []
  let newest = 0
  let steps = 0

  // Some of this is called by what wakes a reader, where nobody hears of an error.
  const failures: unknown[] = []
  const apply = (reader: Reader, update: Update | undefined): void => {
    try {
      check(reader, update)
    } catch (error) {
      failures.push(error)
    }
  }
  const check = (reader: Reader, update: Update | undefined): void => {
    if (update === undefined) return
    const version = update.versions[source] ?? -1
    steps++
    // L5: nobody goes on before all others who hold a feed hold the step before.
    if (version > newest && commits > 100) {
      for (const other of readers) {
        if (other === reader || other.holder.versions === undefined || other.isReplaced) continue
        expect(other.holder.entries, 'L5').toEqual(world.at(other.holder.query, newest))
      }
    }
    newest = Math.max(newest, version)
    reader.holder.apply(update)
    if (update.generation >= reader.generation) reader.isReplaced = false
    // L6
    expect(reader.holder.entries, 'L6').toEqual(world.at(reader.holder.query, version))
  }
  const watch = (asked: Query, isEager: boolean): void => {
    const reader = new Reader(session.watch(asked), asked, isEager, apply)
    readers.push(reader)
    reader.take()
  }
  queries.forEach((asked, i) => watch(asked, i % 2 === 0))
  for (const step of actions) {
    if (step === 'settle') await turns()
    else if (step === 'follow') await world.follow()
    else if ('commit' in step) await world.commit(step.commit)
    else if ('take' in step) readers[step.take % readers.length]?.take()
    else if ('watch' in step) watch(step.watch, step.isEager)
    else {
      const reader = readers[step.set % readers.length]
      // A feed follows one of the two stores.
      if (reader === undefined || isRight(step.query) !== isRight(reader.asked)) continue
      reader.isReplaced = true
      reader.generation++
      const generation = reader.feed.setQuery(step.query)
      if (generation > 0 && reader.isReplaced) reader.holder.ask(step.query, generation)
    }
  }
  for (const failure of failures) throw failure
  // L9: when all have followed, waking and taking lead everyone to the newest point.
  while (await world.follow()) await turns(5)
  for (let i = 0; i < 30; i++) {
    for (const reader of readers) if (reader.isWoken) reader.take()
    await turns()
  }
  for (const { holder } of readers)
    expect(holder.entries, 'L9').toEqual(world.at(holder.query, world.states.length - 1))
  for (const reader of readers) reader.isOver = true
  for (const failure of failures) throw failure
  await session.close()
  return steps
}

test('L5, L6, L9: the feeds of a session go from one point to the next together', async () => {
  let steps = 0
  let resets = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(query, { minLength: 1, maxLength: 4 }),
      fc.array(action, { maxLength: 40, size: 'max' }),
      fc.constantFrom(1, 2, 1000, 1000),
      fc.boolean(),
      async (queries, actions, commits, isLate) => {
        const onEvent = ({ type }: StoreEvent): void => void (resets += type === 'reset' ? 1 : 0)
        steps += await play(queries, actions, commits, isLate, onEvent)
      },
    ),
    { numRuns: 200 * Number(process.env['FANLIGHT_RUNS'] ?? 1) },
  )
  expect(steps).toBeGreaterThan(1000)
  expect(resets).toBeGreaterThan(50)
})
