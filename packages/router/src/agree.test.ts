import {
  applyUpdate,
  createMemoryStore,
  diffEntries,
  type Entry,
  everything,
  FanlightError,
  type Feed,
  type MemoryStore,
  put,
  type Query,
  type Snapshot,
  type SourceId,
  type Store,
  type StoreEvent,
  type Supports,
  type Update,
  type Versions,
} from '@fanlight/core'
import { answer } from '@fanlight/core/conformance'
import { BaseStore, type Difference, pointWindows, type Reading, type Spans } from '@fanlight/core/kit'
import { lagging, manualClock, turns } from '@fanlight/core/testing'
import { describe, expect, test } from 'vitest'
import { createRouter } from './index.ts'

/** How often a store was asked what. */
interface Counts {
  fetch: number
  changes: number
}

/** The same store, counting what it is asked. */
function counted<S extends object>(store: S): S & { readonly counts: Counts } {
  const counts: Counts = { fetch: 0, changes: 0 }
  return new Proxy(store, {
    get(target, name) {
      if (name === 'counts') return counts
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        if (name === 'fetch' || name === '~atHand') counts.fetch++
        if (name === 'changes') counts.changes++
        return Reflect.apply(member, target, args)
      }
    },
  }) as S & { readonly counts: Counts }
}

/** What lies under `raw/`, and under `late/`, where it is mounted a second time through a store that lags. */
function halves({ entries }: Snapshot): [unknown, unknown] {
  const under = (prefix: string): unknown =>
    entries.filter(({ key }) => key.startsWith(prefix)).map(({ key, value }) => [key.slice(prefix.length), value])
  return [under('raw/'), under('late/')]
}

function expectWhole(snapshot: Snapshot): void {
  const [raw, late] = halves(snapshot)
  expect(late).toEqual(raw)
}

function only(versions: Versions, store: Pick<Store, 'sources'>): number {
  return versions[store.sources[0] ?? ''] ?? -1
}

interface Diamond {
  readonly raw: MemoryStore & { readonly counts: Counts }
  readonly late: ReturnType<typeof lagging> & { readonly counts: Counts }
}

/** A store, and a second one that shows the same, later. */
async function diamond(options: Parameters<typeof createMemoryStore>[0] = {}, delayMs?: number): Promise<Diamond> {
  const raw = counted(createMemoryStore(options))
  const late = counted(lagging(raw, { delayMs, clock: options.clock }))
  await raw.commit([put('a', 0)])
  await late.releaseAll()
  raw.counts.fetch = raw.counts.changes = 0
  return { raw, late }
}

describe('agreement: wait', () => {
  test('L3: the laggard is waited for, and brought to exactly the point of the leader', async () => {
    const { raw, late } = await diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    await raw.commit([put('a', 1)])
    const at = await raw.commit([put('b', 2)])
    const asked = router.fetch(everything)
    await turns()
    await raw.commit([put('c', 3)])
    await late.release()
    await late.release()
    const snapshot = await asked
    expectWhole(snapshot)
    expect(only(snapshot.versions, raw)).toBe(only(at, raw))
    expect(halves(snapshot)[0]).toEqual([
      ['a', 1],
      ['b', 2],
    ])
    await router.close()
  })

  test('L9: two rounds at any rate of commits', async () => {
    const clock = manualClock()
    const { raw, late } = await diamond({ clock }, 5)
    const router = createRouter({ 'raw/': raw, 'late/': late }, { clock })
    let most = 0
    for (let i = 0; i < 200; i++) {
      raw.counts.fetch = raw.counts.changes = late.counts.fetch = late.counts.changes = 0
      const asked = router.fetch(everything)
      // A commit in every turn, as long as it takes.
      let done = false
      void asked.then(() => (done = true))
      for (let n = 0; !done; n++) {
        await raw.commit([put('a', [i, n]), put(`${n % 7}`, i)])
        await clock.advance(1)
      }
      expectWhole(await asked)
      for (const { counts } of [late]) most = Math.max(most, counts.fetch + counts.changes)
    }
    expect(most).toBe(2)
    await router.close()
  })

  test('an answer whose window holds the point is left alone', async () => {
    const { raw, late } = await diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const snapshot = await router.fetch(everything)
    expectWhole(snapshot)
    expect([raw.counts, late.counts]).toEqual([expect.objectContaining({ changes: 0 }), { fetch: 1, changes: 0 }])
    await raw.commit([put('b', 1)])
    // The key of the laggard did not change: its window is that of the past, the leader's answer as well.
    const apart = await router.fetch(['raw/a', 'late/a'])
    expectWhole(apart)
    expect(late.counts.changes).toBe(0)
    await router.close()
  })

  test('L3: where each store leads in one source, both are brought forward', async () => {
    const [left, right] = [createMemoryStore({ name: 'left' }), createMemoryStore({ name: 'right' })]
    const inner = createRouter({ 'l/': { store: left, keepOpen: true }, 'r/': { store: right, keepOpen: true } })
    const [one, two] = [lagging(inner as Store, { name: 'one' }), lagging(inner as Store, { name: 'two' })]
    const router = createRouter({ 'raw/': one, 'late/': two })
    await one.release(await left.commit([put('x', 1)]))
    await two.release(await right.commit([put('y', 2)]))
    const asked = router.fetch(everything)
    await turns()
    await one.releaseAll()
    await two.releaseAll()
    const snapshot = await asked
    expectWhole(snapshot)
    expect(halves(snapshot)[0]).toEqual([
      ['l/x', 1],
      ['r/y', 2],
    ])
    expect([only(snapshot.versions, left), only(snapshot.versions, right)]).toEqual([1, 1])
    await router.close()
  })

  test('L1: a carried answer claims no more than was looked at', async () => {
    const { raw, late } = await diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    await raw.commit([put('z', 1)])
    const asked = router.fetch(['raw/z', 'late/a'])
    await turns()
    await late.releaseAll()
    const { windows } = await asked
    const source = raw.sources[0] ?? ''
    expect(windows[source]).toEqual({ from: 2, to: 2 })
    await router.close()
  })

  test('limits over several mounts are exact at the common point', async () => {
    const { raw, late } = await diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    await raw.commit([put('0', 'first'), put('b', 1)])
    const asked = router.fetch([{ limit: 3 }, { reverse: true, limit: 1 }])
    await turns()
    await late.releaseAll()
    const { entries, more } = await asked
    expect(entries.map(({ key }) => key)).toEqual(['late/0', 'late/a', 'late/b', 'raw/b'])
    expect(more.map((one) => one.more)).toEqual([true, true])
    await router.close()
  })

  test('L2: min is waited for in every store that knows the source', async () => {
    const { raw, late } = await diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const min = await raw.commit([put('b', 1)])
    let done = false
    const asked = router.fetch('late/b', { min }).finally(() => (done = true))
    await turns()
    expect(done).toBe(false)
    await late.releaseAll()
    expect((await asked).entries.length).toBe(1)
    // A mount that the query does not touch holds up nobody.
    const next = await raw.commit([put('c', 1)])
    expect((await router.fetch('raw/c', { min: next })).entries.length).toBe(1)
    await router.close()
  })
})

describe('agreement: older', () => {
  test('one round, at the point of the laggard; behind says how far it is', async () => {
    const { raw, late } = await diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    for (let i = 1; i <= 5; i++) await raw.commit([put('a', i)])
    late.counts.fetch = raw.counts.fetch = 0
    const snapshot = await router.fetch(everything, { stall: 'older' })
    expectWhole(snapshot)
    expect(halves(snapshot)[0]).toEqual([['a', 0]])
    expect(only(snapshot.behind, raw)).toBe(5)
    // The laggard reads from the store under it, which counts too.
    expect([late.counts, raw.counts]).toEqual([
      { fetch: 1, changes: 0 },
      { fetch: 2, changes: 0 },
    ])
    await router.close()
  })

  test('a min forbids what is before it', async () => {
    const { raw, late } = await diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    await raw.commit([put('a', 1)])
    const min = await raw.commit([put('a', 2)])
    await raw.commit([put('a', 3)])
    const asked = router.fetch(everything, { stall: 'older', min })
    await turns()
    await late.release(min)
    const snapshot = await asked
    expectWhole(snapshot)
    expect(only(snapshot.versions, raw)).toBe(only(min, raw))
    await router.close()
  })

  test('a horizon forbids it: then it waits', async () => {
    const events: StoreEvent[] = []
    const raw = createMemoryStore({ history: { commits: 2 } })
    const slow = new Slow(raw)
    const router = createRouter({ 'late/': slow, 'raw/': raw }, { onEvent: (event) => events.push(event) })
    for (let i = 1; i <= 5; i++) await raw.commit([put('a', i)])
    const asked = router.fetch(everything, { stall: 'older' })
    await turns()
    slow.catchUp()
    expectWhole(await asked)
    const [source] = raw.sources
    expect(events).toEqual([
      { type: 'stall', source, ms: expect.any(Number) },
      { type: 'carry', source, count: 1, ms: expect.any(Number) },
    ])
    await router.close()
  })
})

describe('agreement: fail, and the end of waits', () => {
  test('fail: STALLED at once, naming the store that is behind, the source and both versions', async () => {
    const { raw, late } = await diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    const at = await raw.commit([put('a', 1)])
    const error = await router.fetch(everything, { stall: 'fail' }).catch((e: unknown) => e)
    expect(error).toMatchObject({
      code: 'STALLED',
      store: 'lagging',
      source: raw.sources[0],
      wanted: at,
      reached: { [raw.sources[0] ?? '']: 1 },
    })
    await late.releaseAll()
    expectWhole(await router.fetch(everything, { stall: 'fail' }))
    await router.close()
  })

  test('the time of the asker passes down, through routers in routers, and is one time for all rounds', async () => {
    const clock = manualClock()
    const { raw, late } = await diamond({ clock })
    const inner = createRouter({ 'late/': late }, { clock })
    const router = createRouter({ 'raw/': raw, '': inner }, { clock })
    await raw.commit([put('a', 1)])
    let failure: unknown
    void router.fetch(everything, { timeoutMs: 1_000 }).catch((error: unknown) => (failure = error))
    await clock.advance(999)
    expect(failure).toBeUndefined()
    await clock.advance(1)
    expect(failure).toMatchObject({ code: 'STALLED', store: 'lagging', source: raw.sources[0] })
    await router.close()
  })

  test('the default is 30 s, whatever the depth', async () => {
    const clock = manualClock()
    const { raw, late } = await diamond({ clock })
    const router = createRouter(
      { 'x/': createRouter({ 'y/': createRouter({ 'raw/': raw, 'late/': late }, { clock }) }, { clock }) },
      { clock },
    )
    await raw.commit([put('a', 1)])
    let failure: unknown
    void router.fetch(everything).catch((error: unknown) => (failure = error))
    await clock.advance(29_999)
    expect(failure).toBeUndefined()
    await clock.advance(1)
    expect(failure).toMatchObject({ code: 'STALLED' })
    await router.close()
  })

  test('time that the first round took is gone for the second', async () => {
    const clock = manualClock()
    const { raw, late } = await diamond({ clock })
    const router = createRouter({ 'raw/': raw, 'late/': late }, { clock })
    const min = await raw.commit([put('a', 1)])
    await raw.commit([put('a', 2)])
    let failure: unknown
    void router.fetch(everything, { min, timeoutMs: 100 }).catch((error: unknown) => (failure = error))
    await clock.advance(60)
    await late.release(min)
    await clock.advance(39)
    expect(failure).toBeUndefined()
    await clock.advance(1)
    expect(failure).toMatchObject({ code: 'STALLED', store: 'lagging' })
    await router.close()
  })

  test('a signal ends the wait with its reason', async () => {
    const { raw, late } = await diamond()
    const router = createRouter({ 'raw/': raw, 'late/': late })
    await raw.commit([put('a', 1)])
    const ender = new AbortController()
    const asked = router.fetch(everything, { signal: ender.signal })
    await turns()
    const reason = new Error('enough')
    ender.abort(reason)
    await expect(asked).rejects.toMatchObject({ code: 'ABORTED', cause: reason })
    await router.close()
  })

  test('closing the router ends a wait on a store that stays open with CLOSED', async () => {
    const { raw, late } = await diamond()
    const router = createRouter({ 'raw/': { store: raw, keepOpen: true }, 'late/': { store: late, keepOpen: true } })
    await raw.commit([put('a', 1)])
    const waits = [
      router.fetch(everything),
      router.fetch('late/a', { min: raw.reached }),
      router.changes('late/a', { since: router.reached, until: raw.reached }),
    ]
    await turns()
    await router.close()
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'CLOSED', store: 'mounts' })
    expect((await late.fetch('a')).entries.length).toBe(1)
    await late.close()
  })

  test('where one store fails, nobody waits for the others any more', async () => {
    const clock = manualClock()
    const { raw, late } = await diamond({ clock })
    const broken = new Broken(createMemoryStore())
    const router = createRouter({ 'raw/': raw, 'late/': late, 'broken/': broken }, { clock })
    const min = { [raw.sources[0] ?? '']: 9 }
    const asked = router.fetch(everything, { min })
    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await turns()
    expect(clock.pending).toBe(0)
    await router.close()
  })
})

describe('agreement: stores that forget', () => {
  test('where the horizon passed the point, once more from the start; it is told', async () => {
    const events: StoreEvent[] = []
    const raw = createMemoryStore()
    await raw.commit([put('a', 1)])
    const slow = new Slow(raw)
    await raw.commit([put('a', 2)])
    const router = createRouter({ 'late/': slow, 'raw/': raw }, { onEvent: (event) => events.push(event) })
    const asked = router.fetch(everything)
    await turns()
    // It jumps over the point it was asked for, and has forgotten it.
    await raw.commit([put('a', 3)])
    slow.jump()
    expectWhole(await asked)
    const restarts = events.filter(({ type }) => type === 'restart')
    expect(restarts).toEqual([{ type: 'restart', source: raw.sources[0], count: 1, ms: expect.any(Number) }])
    await router.close()
  })

  test('the second time it is STALLED, naming who forgets', async () => {
    const raw = createMemoryStore()
    await raw.commit([put('a', 1)])
    const slow = new Slow(raw)
    const router = createRouter({ 'late/': slow, 'raw/': raw })
    await raw.commit([put('a', 2)])
    const asked = router.fetch(everything)
    await turns()
    for (let i = 3; i < 5; i++) {
      await raw.commit([put('a', i)])
      slow.jump()
      await raw.commit([put('a', i + 10)])
      await turns()
    }
    await raw.commit([put('a', 99)])
    slow.jump()
    await expect(asked).rejects.toMatchObject({ code: 'STALLED', store: 'slow', source: raw.sources[0] })
    expect(slow.asked).toBeLessThanOrEqual(6)
    await router.close()
  })
})

/** A store that has seen every state of another one, and shows what it is told to. */
class Slow extends BaseStore {
  readonly supports: Supports = { commit: false, guard: 'none', ids: false, single: false, durable: false }
  readonly sources: readonly SourceId[]
  oldest: Versions
  reached: Versions
  asked = 0
  readonly #raw: Store
  readonly #feed: Feed
  readonly #states = new Map<number, readonly Entry[]>()

  constructor(raw: Store) {
    super({ name: 'slow' }, 'slow')
    this.#raw = raw
    this.sources = raw.sources
    this.oldest = this.reached = raw.reached
    const feed = raw.watch(everything)
    let held: readonly Entry[] = []
    const note = (): void => {
      if (this.isClosed) return
      const update = feed.take() as Update | undefined
      if (update === undefined) return
      held = applyUpdate(held, update)
      this.#states.set(only(update.versions, this), held)
    }
    note()
    feed.wake(note)
    this.#feed = feed
  }

  protected override release(): Promise<void> {
    return this.#feed.close()
  }

  /** Shows all, and forgets nothing. */
  catchUp(): void {
    this.reached = this.#raw.reached
    this.advanced()
  }

  /** Shows all, and forgets all that was before. */
  jump(): void {
    this.oldest = this.#raw.reached
    this.catchUp()
  }

  protected read({ query, list }: Spans, at: Versions): Reading {
    this.asked++
    const entries = this.#stateAt(at, query)
    return { entries, windows: pointWindows(at), more: list.map(() => ({ more: false, range: {} })) }
  }

  protected difference({ query }: Spans, since: Versions, until: Versions): Difference {
    this.asked++
    const changes = diffEntries(this.#stateAt(since, query), this.#stateAt(until, query))
    return { changes, folded: only(until, this) - only(since, this) }
  }

  #stateAt(at: Versions, query: Query): readonly Entry[] {
    const state = this.#states.get(only(at, this)) ?? []
    return answer(query, new Map(state.map(({ key, value }) => [key, value])))
  }
}

/** A store that answers every question with an error. */
class Broken extends Slow {
  protected override read(): never {
    throw new FanlightError('UNAVAILABLE', 'no')
  }
}
