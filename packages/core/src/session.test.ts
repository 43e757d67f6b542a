import {
  type CommitId,
  FanlightError,
  type MemoryStore,
  type WritableStore,
  createMemoryStore,
  createSession,
  everything,
  get,
  prefix,
  put,
} from '@fanlight/core'
import { lagging, manualClock, seededRandom, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'

const failure = (code: 'UNAVAILABLE' | 'CONFLICT' | 'LOST_IN_FOG', applied: 'no' | 'unknown'): FanlightError =>
  new FanlightError(code, 'planted', { applied })

/** The store that is there at the moment, as behind an address. */
function oneOf(present: () => WritableStore): WritableStore {
  return new Proxy(present(), {
    get: (_, name) => {
      const member: unknown = Reflect.get(present(), name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => Reflect.apply(Reflect.get(present(), name) as () => unknown, present(), args)
    },
  })
}

/** A memory store whose commits go through `around`, with the ids that they came with. */
function wired(around: (commit: () => Promise<object>) => Promise<object>): {
  store: WritableStore
  memory: MemoryStore
  ids: CommitId[]
} {
  const memory = createMemoryStore()
  const ids: CommitId[] = []
  const commit: WritableStore['commit'] = (changes, options) => {
    if (options?.id !== undefined) ids.push(options.id)
    return around(() => memory.commit(changes, options)) as never
  }
  const store = new Proxy(memory, {
    get: (target, name) => {
      if (name === 'commit') return commit
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  return { store, memory, ids }
}

test('L2: it reads its writes, also where the store lags', async () => {
  const store = lagging(createMemoryStore())
  const session = createSession(store)
  const versions = await session.commit?.([put('a', 1)])
  expect(session.min).toEqual(versions)
  const answer = get(session, 'a')
  let isDone = false
  void answer.then(() => (isDone = true))
  await turns()
  expect(isDone).toBe(false)
  await store.releaseAll()
  expect(await answer).toBe(1)
  await store.close()
})

test('L2: it never goes back, from one store that lags to another', async () => {
  const fast = createMemoryStore({ name: 'twin', random: seededRandom(1) })
  const slow = createMemoryStore({ name: 'twin', random: seededRandom(1) })
  let present: WritableStore = fast
  const session = createSession(oneOf(() => present))
  await fast.commit([put('a', 1)])
  expect(await get(session, 'a')).toBe(1)
  present = slow
  const answer = session.fetch('a')
  const difference = session.changes('a', { since: slow.reached })
  await expect(session.fetch('a', { stall: 'fail' })).rejects.toMatchObject({ code: 'STALLED' })
  await slow.commit([put('a', 1)])
  expect((await answer).entries).toHaveLength(1)
  expect((await difference).changes).toHaveLength(1)
})

test('L2: what was seen is the lower corner of windows, and the point of an update', async () => {
  const store = createMemoryStore()
  const [source = ''] = store.sources
  const session = createSession(store)
  await store.commit([put('a', 1)])
  await store.commit([put('b', 1)])
  await session.fetch('a')
  expect(session.min).toEqual({ [source]: 1 })
  await session.watch('b').take()
  expect(session.min).toEqual({ [source]: 2 })
})

test('L2: who asks for the past gets it', async () => {
  const store = createMemoryStore()
  const session = createSession(store)
  const first = await session.commit([put('a', 1)])
  await session.commit([put('a', 2)])
  expect(await get(session, 'a', { max: first })).toBe(1)
  expect(await get(session, 'a')).toBe(2)
})

test('section 5: a source that was reset is dropped, whoever finds out', async () => {
  const before = createMemoryStore({ name: 'raw' })
  const after = createMemoryStore({ name: 'raw' })
  let present: WritableStore = before
  const reopened = oneOf(() => present)
  for (const ask of ['fetch', 'watch', 'commit', 'changes'] as const) {
    present = before
    const session = createSession(reopened)
    await session.commit([put('a', 1)])
    present = after
    if (ask === 'fetch') expect((await session.fetch('a')).entries.length).toBeLessThan(2)
    else if (ask === 'watch') expect((await session.watch('a').take())?.replace).toBeDefined()
    else if (ask === 'commit') await session.commit([put('b', 1)])
    else await session.changes('a', { since: after.reached })
    const [old, own] = [before.sources[0] ?? '', after.sources[0] ?? '']
    expect(session.min[old]).toBeUndefined()
    expect(Object.keys(session.min).every((source) => source === own)).toBe(true)
    await expect(session.fetch('a', { min: { [old]: 1 } })).rejects.toMatchObject({ code: 'SOURCE_RESET' })
  }
})

test('section 6: commits are numbered, and say what the session held when they were born', async () => {
  const { store, memory, ids } = wired((commit) => commit())
  const session = createSession(store)
  await session.commit([put('a', 1)])
  await memory.commit([put('a', 2)])
  await session.commit([put('a', 3)])
  const [source = ''] = memory.sources
  expect(ids.map(({ number, born }) => [number, born])).toEqual([
    [1, { [source]: 0 }],
    [2, { [source]: 2 }],
  ])
  expect(new Set(ids.map(({ session: word }) => word)).size).toBe(1)
  const own = { session: 'mine', number: 7, born: memory.reached }
  await session.commit([put('a', 4)], { id: own })
  expect(ids.at(-1)).toEqual(own)
})

test('L4: a commit of unknown outcome is tried again under its id, after a pause, and applied once', async () => {
  const clock = manualClock()
  let failing = 2
  const { store, memory, ids } = wired(async (commit) => {
    const versions = await commit()
    if (failing-- > 0) throw failure('UNAVAILABLE', 'unknown')
    return versions
  })
  const session = createSession(store, { clock, random: () => 1, retryMs: 100 })
  const done = session.commit([put('a', 1)])
  await turns()
  expect(ids).toHaveLength(1)
  await clock.advance(99)
  expect(ids).toHaveLength(1)
  await clock.advance(1)
  expect(ids).toHaveLength(2)
  await clock.advance(200)
  expect(await done).toEqual(memory.reached)
  expect(Object.values(memory.reached)).toEqual([1])
  expect(new Set(ids.map(({ number }) => number)).size).toBe(1)
})

test('section 6: a commit that nobody has tried yet is born anew where the source is another one by now', async () => {
  const [before, after] = [createMemoryStore({ name: 'raw' }), createMemoryStore({ name: 'raw' })]
  // As over a connection: that the store is another one shows when the commit arrives.
  let present: WritableStore = before
  const told = new Proxy(
    oneOf(() => present),
    {
      get: (target, name) =>
        name === 'commit'
          ? (...args: Parameters<WritableStore['commit']>) => ((present = after), after.commit(...args))
          : Reflect.get(target, name),
    },
  )
  const session = createSession(told)
  await before.commit([put('a', 1)])
  await session.fetch('a')
  expect(await session.commit([put('a', 2)])).toEqual(after.reached)
  expect(await get(after, 'a')).toBe(2)
})

test('section 6: the error of a commit says what is known of all its attempts', async () => {
  const errors: FanlightError[] = []
  const run = async (retries: number, ...planted: FanlightError[]): Promise<unknown> => {
    errors.push(...planted)
    const { store } = wired(() => Promise.reject(errors.shift() ?? new Error('too many attempts')))
    const clock = {
      now: () => 0,
      after: (_ms: number, callback: () => void) => (queueMicrotask(callback), () => undefined),
    }
    const error: unknown = await createSession(store, { retries, clock })
      .commit([put('a', 1)])
      .catch((e: unknown) => e)
    expect(errors).toHaveLength(0)
    return error
  }
  const unknown = failure('UNAVAILABLE', 'unknown')
  expect(await run(5, failure('UNAVAILABLE', 'no'))).toMatchObject({ code: 'UNAVAILABLE', applied: 'no' })
  expect(await run(1, unknown, unknown)).toMatchObject({ code: 'UNAVAILABLE', applied: 'unknown' })
  expect(await run(0, unknown)).toMatchObject({ code: 'UNAVAILABLE', applied: 'unknown' })
  // It could not be sent: the attempt before may still have been applied.
  expect(await run(1, unknown, failure('UNAVAILABLE', 'no'))).toMatchObject({ code: 'UNAVAILABLE', applied: 'unknown' })
  // The id was looked up, and was not there.
  expect(await run(5, unknown, failure('CONFLICT', 'no'))).toMatchObject({ code: 'CONFLICT', applied: 'no' })
  expect(await run(5, unknown, failure('LOST_IN_FOG', 'unknown'))).toMatchObject({
    code: 'LOST_IN_FOG',
    applied: 'unknown',
  })
})

test('L4: closing or a signal ends the pause before another attempt, and the outcome is unknown', async () => {
  const { store } = wired(() => Promise.reject(failure('UNAVAILABLE', 'unknown')))
  const session = createSession(store, { clock: manualClock() })
  const controller = new AbortController()
  const [one, other] = [session.commit([put('a', 1)], { signal: controller.signal }), session.commit([put('b', 1)])]
  const errors = Promise.all([one, other].map(async (commit) => commit?.catch((error: unknown) => error)))
  await turns()
  controller.abort(new Error('enough'))
  await session.close()
  expect(await errors).toMatchObject([{ code: 'ABORTED', applied: 'unknown' }, { applied: 'unknown' }])
})

test('L5: what one commit changes, all feeds show before any of them shows the next', async () => {
  const store = createMemoryStore()
  const session = createSession(store)
  const [slow, quick] = [session.watch(prefix('a')), session.watch(prefix('b'))]
  let woken = 0
  slow.wake(() => undefined)
  quick.wake(() => woken++)
  await Promise.all([slow.take(), quick.take()])
  await store.commit([put('a', 1), put('b', 1)])
  expect((await quick.take())?.changes).toHaveLength(1)
  await store.commit([put('b', 2)])
  expect(await quick.take()).toBeUndefined()
  expect(quick.versions).toEqual({ [store.sources[0] ?? '']: 1 })
  await turns()
  woken = 0
  expect((await slow.take())?.versions).toEqual({ [store.sources[0] ?? '']: 1 })
  await turns()
  expect(woken).toBe(1)
  expect((await quick.take())?.changes).toEqual([{ key: 'b', value: 2 }])
})

test('L2: a quiet feed has moved on by itself, and the answer to its next query does not lead it back', async () => {
  const store = createMemoryStore()
  const session = createSession(store)
  const [slow, quiet] = [session.watch(prefix('a')), session.watch(prefix('b'))]
  slow.wake(() => undefined)
  await Promise.all([slow.take(), quiet.take()])
  await store.commit([put('a', 1)])
  await quiet.take()
  await store.commit([put('a', 2)])
  const [source = ''] = store.sources
  expect(quiet.versions).toEqual({ [source]: 2 })
  quiet.setQuery(prefix('a'))
  // The others come first (L5).
  expect(await quiet.take()).toBeUndefined()
  expect((await slow.take())?.versions).toEqual({ [source]: 1 })
  expect(await quiet.take()).toMatchObject({ versions: { [source]: 2 }, replace: { entries: [{ value: 2 }] } })
  expect((await slow.take())?.versions).toEqual({ [source]: 2 })
})

test('L9: no feed is held by one that nobody holds, was never taken, failed, or ended', async () => {
  const store = createMemoryStore()
  const session = createSession(store)
  const feed = session.watch(everything)
  const aborting = new AbortController()
  session.watch(everything)
  session.watch(everything).wake(() => undefined)
  const polled = session.watch(everything)
  await polled.take()
  const held = [session.watch(everything), session.watch(everything, { signal: aborting.signal })]
  const stops = held.map((one) => one.wake(() => undefined))
  for (const one of [feed, ...held]) await one.take()
  let woken = 0
  feed.wake(() => woken++)
  const [, ...others] = [feed, ...held]
  expect(others).toHaveLength(2)
  await store.commit([put('a', 1)])
  expect((await feed.take())?.changes).toHaveLength(1)
  await store.commit([put('a', 2)])
  expect(await feed.take()).toBeUndefined()
  await turns()
  woken = 0
  stops[0]?.()
  await turns()
  expect(woken).toBe(0)
  aborting.abort()
  await turns()
  expect(woken).toBe(1)
  expect((await feed.take())?.changes).toHaveLength(1)
  await polled.take()
})

test('L5: a feed that joins starts where the others are, and is never held', async () => {
  const store = createMemoryStore()
  const session = createSession(store)
  const [slow, other] = [session.watch(everything), session.watch(everything)]
  slow.wake(() => undefined)
  await Promise.all([slow.take(), other.take()])
  await store.commit([put('a', 1)])
  await other.take()
  await store.commit([put('a', 2)])
  const [source = ''] = store.sources
  expect((await session.watch(everything).take())?.versions).toEqual({ [source]: 1 })
  // It must not be before what was committed through the session.
  await session.commit([put('a', 3)])
  expect((await session.watch(everything).take())?.versions).toEqual({ [source]: 3 })
  expect((await slow.take())?.versions).toEqual({ [source]: 3 })
})

test('L9: a feed that was left alone, and took what there was, holds nobody who comes', async () => {
  const store = createMemoryStore()
  const session = createSession(store)
  const [first, second] = [session.watch('a'), session.watch('b')]
  for (const feed of [first, second]) feed.wake(() => undefined)
  await Promise.all([first.take(), second.take()])
  await store.commit([put('a', 1), put('b', 1)])
  await first.take()
  await first.close()
  expect((await second.take())?.changes).toHaveLength(1)
  const third = session.watch('c')
  await third.take()
  await store.commit([put('c', 1)])
  expect((await third.take())?.changes).toHaveLength(1)
  await session.close()
})

test('L5: a feed that is alone holds nobody, and nobody holds it', async () => {
  const store = createMemoryStore()
  const session = createSession(store)
  const [slow, alone] = [session.watch(everything), session.watch(everything, { alone: true })]
  slow.wake(() => undefined)
  await Promise.all([slow.take(), alone.take()])
  for (let i = 0; i < 3; i++) {
    await store.commit([put('a', i)])
    expect((await alone.take())?.changes).toEqual([{ key: 'a', value: i }])
  }
  expect(session.min).toEqual(store.reached)
  expect((await slow.take())?.folded).toBe(3)
})

test('section 3: closing ends its feeds and waits, waits for its commits, and leaves the store open', async () => {
  let finish: () => void = () => undefined
  const { store, memory } = wired((commit) => new Promise<void>((resolve) => (finish = resolve)).then(commit))
  const session = createSession(store)
  const feed = session.watch(everything)
  const waiting = session.fetch({}, { min: { [memory.sources[0] ?? '']: 9 } }).catch((error: unknown) => error)
  const commit = session.commit([put('a', 1)])
  let isClosed = false
  const closing = session.close().then(() => (isClosed = true))
  expect(await waiting).toMatchObject({ code: 'CLOSED', store: 'session' })
  expect(() => feed.take()).toThrow(expect.objectContaining({ code: 'CLOSED', store: 'session' }))
  await turns()
  expect(isClosed).toBe(false)
  finish()
  await closing
  expect(await commit).toEqual(memory.reached)
  await expect(session.commit([])).rejects.toMatchObject({ code: 'CLOSED', applied: 'no' })
  expect(await get(memory, 'a')).toBe(1)
})
