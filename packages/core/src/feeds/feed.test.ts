import { createMemoryStore, everything, FanlightError, put, type Supports, type Versions } from '@fanlight/core'
import { BaseStore, pointWindows, type Reading, type Spans } from '@fanlight/core/kit'
import { lagging, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'

test('L7: a holder that commits while it is woken is told of that commit too', async () => {
  const store = createMemoryStore()
  const [first, second] = [store.watch(everything), store.watch(everything)]
  const seen: unknown[][] = [[], []]
  const hold = (feed: typeof first, i: number): void => {
    void feed.take()
    feed.wake(() => {
      seen[i]?.push(feed.take())
      if (i === 0 && seen[0]?.length === 1) void store.commit([put('b', 2)])
    })
  }
  hold(first, 0)
  hold(second, 1)
  await store.commit([put('a', 1)])
  expect(seen[0]).toMatchObject([{ changes: [{ key: 'a' }] }, { changes: [{ key: 'b' }] }])
  expect(seen[1]?.filter((update) => update !== undefined)).toMatchObject([{ changes: [{ key: 'a' }, { key: 'b' }] }])
})

test('L9: while an update is evaluated, a feed does not say that it holds it', async () => {
  const store = createMemoryStore()
  const late = lagging(store)
  const feed = late.watch(everything)
  const first = feed.take()
  expect(feed.versions).toEqual({})
  await first
  const held = feed.versions
  await store.commit([put('a', 1)])
  await late.releaseAll()
  const second = feed.take()
  expect(feed.versions).toEqual(held)
  await store.commit([put('a', 2)])
  await late.releaseAll()
  expect(feed.versions).toEqual(held)
  expect((await second)?.versions).toEqual(feed.versions)
  await late.close()
})

test('section 4: an update that was evaluated when the query changed answers the query before', async () => {
  const store = createMemoryStore()
  const late = lagging(store)
  const feed = late.watch(everything)
  await feed.take()
  await store.commit([put('a', 1)])
  await late.releaseAll()
  const taken = feed.take()
  expect(feed.setQuery('b')).toBe(1)
  expect(await taken).toMatchObject({ generation: 0, changes: [{ key: 'a' }] })
  expect(await feed.take()).toMatchObject({ generation: 1, query: 'b', replace: { entries: [] } })
  await late.close()
})

test('L9: a take goes on to a newer point where the history is too short for the one it was to take', async () => {
  const store = createMemoryStore({ history: { commits: 1 } })
  const late = lagging(store)
  const feed = late.watch(everything)
  await feed.take()
  await store.commit([put('a', 1)])
  await late.releaseAll()
  const taken = feed.take()
  for (let i = 2; i < 6; i++) await store.commit([put('a', i)])
  await turns()
  await late.releaseAll()
  const update = await taken
  const { value } = update?.replace?.entries[0] ?? update?.changes[0] ?? {}
  expect(Object.values(update?.versions ?? {})).toEqual([value])
  await late.close()
})

/** A store that knows one point at a time, and says when it has read. */
class Forgetful extends BaseStore {
  readonly supports: Supports = { commit: false, guard: 'none', ids: false, single: false, durable: false }
  readonly sources = ['forgetful@1']
  reached: Versions = { 'forgetful@1': 0 }
  readonly #reads: (() => void)[] = []

  constructor() {
    super({}, 'forgetful')
  }

  get oldest(): Versions {
    return this.reached
  }

  move(version: number): void {
    this.reached = { 'forgetful@1': version }
    this.advanced()
  }

  answerAll(): void {
    for (const read of this.#reads.splice(0)) read()
  }

  protected read(_: Spans, at: Versions): Promise<Reading> {
    return new Promise((resolve, reject) =>
      this.#reads.push(() => {
        if (at['forgetful@1'] !== this.reached['forgetful@1']) reject(new FanlightError('LOST_IN_FOG', 'gone'))
        else resolve({ entries: [], windows: pointWindows(at), more: [] })
      }),
    )
  }

  protected difference(): never {
    throw new FanlightError('LOST_IN_FOG', 'nothing is known of before')
  }
}

test('L6: a take that lost its point while it was evaluated leaves the one held', async () => {
  const store = new Forgetful()
  const feed = store.watch(everything)
  const first = feed.take()
  store.answerAll()
  await first
  store.move(1)
  store.move(2)
  const taken = feed.take({ 'forgetful@1': 2 })
  store.move(3)
  store.answerAll()
  await expect(taken).rejects.toMatchObject({ code: 'LOST_IN_FOG' })
  expect(feed.versions).toEqual({ 'forgetful@1': 0 })
  await store.close()
})

test('L9: a take to a point that does not name a source goes on with that source', async () => {
  const store = new Forgetful()
  const feed = store.watch(everything)
  const first = feed.take({ 'another@1': 7 })
  store.move(1)
  store.answerAll()
  await turns()
  store.answerAll()
  expect((await first)?.versions).toMatchObject({ 'forgetful@1': 1 })
  await store.close()
})

/** A store without entries, of sources that come and go. */
class Quiet extends BaseStore {
  readonly supports: Supports = { commit: false, guard: 'none', ids: false, single: false, durable: false }
  reached: Versions = { 'one@1': 3, 'other@1': 5 }

  constructor() {
    super({}, 'quiet')
  }

  get sources(): readonly string[] {
    return Object.keys(this.reached)
  }

  get oldest(): Versions {
    return Object.fromEntries(this.sources.map((source) => [source, 0]))
  }

  /** It is further, and nobody's ranges were touched. */
  move(reached: Versions): void {
    this.reached = reached
    this.advancedIn([])
  }

  protected read(_: Spans, at: Versions): Reading {
    return { entries: [], windows: pointWindows(at), more: [] }
  }

  protected difference(): never {
    throw new FanlightError('LOST_IN_FOG', 'nothing is known of before')
  }
}

test('L9: where a source is gone, a step without it is none back', async () => {
  const store = new Quiet()
  const feed = store.watch(everything)
  await feed.take()
  store.move({ 'one@1': 4 })
  expect(feed.take({ 'one@1': 4 })).toBeUndefined()
  expect(feed.versions).toEqual({ 'one@1': 4 })
  expect(() => feed.take({ 'one@1': 3 })).toThrow('only goes forward')
  await store.close()
})
