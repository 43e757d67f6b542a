import { describe, expect, test } from 'vitest'
import { type DefinedStore, defineStore } from './define-store.ts'
import type { Driver, Pushed, WriteOptions, Written } from './driver.ts'
import { FanlightError, isFanlightError } from './errors.ts'
import { del, get, put } from './put.ts'
import type { Change, Versions } from './store.ts'
import { manualClock } from './testing/manual-clock.ts'
import { turns } from './testing/turns.ts'

/** A driver that does as the test says. */
function scripted(parts: Partial<Driver> = {}): Driver & { push(pushed: Pushed): void; fail(why: unknown): void; stops: number } {
  const driver = {
    name: 'scripted',
    stops: 0,
    push: (_: Pushed): void => undefined,
    fail: (_: unknown): void => undefined,
    read: () => ({ entries: [] }),
    listen: (push: (pushed: Pushed) => void, fail: (why: unknown) => void) => {
      driver.push = push
      driver.fail = fail
      return () => void driver.stops++
    },
    ...parts,
  }
  return driver
}

/** A promise, and what settles it. */
function deferred<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let settle: { resolve(value: T): void; reject(error: unknown): void } | undefined
  const promise = new Promise<T>((resolve, reject) => (settle = { resolve, reject }))
  return { promise, resolve: (value) => settle?.resolve(value), reject: (error) => settle?.reject(error) }
}

async function failing(work: Promise<unknown> | undefined): Promise<FanlightError> {
  const error: unknown = await work?.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isFanlightError(error)) throw new Error(`expected an error, not ${String(error)}`)
  return error
}

function version(store: { reached: Versions }): number | undefined {
  return Object.values(store.reached)[0]
}

function stateOf(store: DefinedStore): { status: string | undefined; code: string | undefined } {
  const state = Object.values(store.state)[0]
  return { status: state?.status, code: state?.why?.code }
}

const failure = new Error('the disk is on fire')

describe('opening', () => {
  test('listens first, then reads; what was told meanwhile is taken in where the reading does not hold it', async () => {
    const order: string[] = []
    const driver = scripted({
      read: async () => {
        order.push('read')
        driver.push({ version: 4, changes: [put('a', 'old')] })
        driver.push({ version: 5, changes: [put('b', 'held')] })
        await undefined
        driver.push({ version: 6, changes: [put('c', 'new')] })
        return { version: 5, entries: [{ key: 'b', value: 'read' }, { key: 'a', value: 'read' }] }
      },
    })
    const { listen } = driver
    const store = await defineStore({ ...driver, listen: (...args) => (order.push('listen'), listen(...args)) })
    expect(order).toEqual(['listen', 'read'])
    expect(version(store)).toBe(6)
    expect((await store.fetch({})).entries.map(({ value }) => value)).toEqual(['read', 'read', 'new'])
    expect(store.supports).toEqual({ commit: false, guard: 'none', ids: false, single: false, durable: false })
    expect(store.commit).toBeUndefined()
    await store.close()
    expect(driver.stops).toBe(1)
  })

  test('that fails is UNAVAILABLE with its cause, or what the driver says, and stops listening', async () => {
    const unreadable = scripted({ read: () => { throw failure } })
    expect(await failing(defineStore(unreadable))).toMatchObject({ code: 'UNAVAILABLE', cause: failure, store: 'scripted' })
    expect(unreadable.stops).toBe(1)
    const corrupt = scripted({ read: async () => { throw new FanlightError('CORRUPT', 'no') } })
    expect(await failing(defineStore(corrupt))).toMatchObject({ code: 'CORRUPT' })
    expect(corrupt.stops).toBe(1)
    const deaf = scripted({ listen: () => { throw failure } })
    expect(await failing(defineStore(deaf))).toMatchObject({ code: 'UNAVAILABLE', cause: failure })
    const stubborn = scripted({ listen: () => () => { throw new Error('cannot stop') }, read: () => { throw failure } })
    expect(await failing(defineStore(stubborn))).toMatchObject({ cause: failure })
  })

  test.each([
    [{ entries: [{ key: '\ud800', value: 1 }] }, 'BAD_KEY'],
    [{ entries: [{ key: 'a', value: 1 }, { key: 'a', value: 2 }] }, 'BAD_KEY'],
    [{ entries: [{ key: 'a', value: Number.NaN }] }, 'BAD_VALUE'],
    [{ version: -1, entries: [] }, 'BAD_QUERY'],
    [{ version: 1.5, entries: [] }, 'BAD_QUERY'],
  ])('of %j is %s', async (reading, code) => {
    const driver = scripted({ read: () => reading })
    expect(await failing(defineStore(driver))).toMatchObject({ code })
    expect(driver.stops).toBe(1)
  })

  test('that takes too long is STALLED; a driver that listens in the end is stopped', async () => {
    const clock = manualClock()
    const slow = deferred<void>()
    const slowToListen = scripted()
    const { listen } = slowToListen
    const opening = failing(defineStore({ ...slowToListen, listen: (...args) => slow.promise.then(() => listen(...args)) }, { clock }))
    await clock.advance(30_000)
    expect(await opening).toMatchObject({ code: 'STALLED', store: 'scripted' })
    slow.resolve()
    await turns()
    expect(slowToListen.stops).toBe(1)
    const slowToRead = scripted({ read: () => new Promise(() => undefined) })
    const second = failing(defineStore(slowToRead, { clock, limits: { timeoutMs: 10 } }))
    await clock.advance(10)
    expect(await second).toMatchObject({ code: 'STALLED' })
    expect(slowToRead.stops).toBe(1)
    await (await defineStore(scripted(), { clock, limits: { timeoutMs: Infinity } })).close()
    expect(clock.pending).toBe(0)
  })

  test('a failure that was told meanwhile leaves the store stale, and so does what is no data', async () => {
    const deaf = scripted({ read: async () => { deaf.fail(failure); return { entries: [] } } })
    expect(stateOf(await defineStore(deaf))).toEqual({ status: 'stale', code: 'UNAVAILABLE' })
    const wrong = scripted({ read: async () => { wrong.push({ changes: [put('a', undefined)] }); return { entries: [] } } })
    expect(stateOf(await defineStore(wrong))).toEqual({ status: 'stale', code: 'BAD_VALUE' })
    const back = scripted({ read: async () => { back.fail(failure); back.push({ changes: [] }); return { entries: [] } } })
    expect(stateOf(await defineStore(back))).toEqual({ status: 'live', code: undefined })
  })
})

describe('what a driver tells', () => {
  test('is counted by the store, or has versions that grow', async () => {
    const driver = scripted()
    const store = await defineStore(driver)
    driver.push({ changes: [put('a', 1), put('b', 2)] })
    driver.push({ entries: [{ key: 'b', value: 3 }, { key: 'a', value: 1 }] })
    expect(version(store)).toBe(2)
    driver.push({ entries: [{ key: 'a', value: 1 }, { key: 'b', value: 3 }] })
    driver.push({ changes: [] })
    expect(version(store)).toBe(2)
    driver.push({ version: 9, changes: [del('a')] })
    driver.push({ version: 12, changes: [] })
    expect(version(store)).toBe(12)
    for (const wrong of [11, 12, 12.5, -1]) {
      expect(() => driver.push({ version: wrong, changes: [put('a', 1)] })).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }) as Error)
    }
    driver.push({ version: 11, entries: [{ key: 'old', value: 1 }] })
    expect(await get(store, 'old')).toBeUndefined()
    expect(() => driver.push({ changes: [put('\ud800', 1)] })).toThrow(expect.objectContaining({ code: 'BAD_KEY' }) as Error)
    expect((await store.fetch({})).entries.map(({ key }) => key)).toEqual(['b'])
  })

  test('of a failure makes the store stale until the next push; both ring the feeds', async () => {
    const driver = scripted()
    const store = await defineStore(driver)
    const feed = store.watch({})
    await feed.take()
    let rings = 0
    feed.wake(() => rings++)
    driver.fail(failure)
    expect(stateOf(store)).toEqual({ status: 'stale', code: 'UNAVAILABLE' })
    expect(rings).toBe(1)
    await feed.take()
    driver.push({ changes: [] })
    expect(stateOf(store).status).toBe('live')
    expect(rings).toBe(2)
    await store.close()
    driver.push({ changes: [put('a', 1)] })
    driver.fail(failure)
    expect(stateOf(store).status).toBe('live')
  })

  test('of its own writes, before or after they return, changes nothing', async () => {
    const writes: { changes: readonly Change[]; done: ReturnType<typeof deferred<number>> }[] = []
    const driver = scripted({
      write: (changes) => {
        const done = deferred<number>()
        writes.push({ changes, done })
        return done.promise
      },
    })
    const store = await defineStore(driver)
    const commit = store.commit?.([put('a', 'ours')])
    await turns()
    driver.push({ version: 3, changes: [put('a', 'theirs')] })
    driver.push({ version: 5, changes: [put('a', 'ours')] })
    driver.push({ version: 6, changes: [put('b', 'theirs')] })
    expect(version(store)).toBe(0)
    writes[0]?.done.resolve(5)
    expect(Object.values((await commit) ?? {})).toEqual([5])
    expect(version(store)).toBe(6)
    const { entries } = await store.fetch('a', { max: { [store.sources[0] ?? '']: 4 } })
    expect(entries[0]?.value).toBe('theirs')
    driver.push({ version: 5, changes: [put('a', 'ours')] })
    driver.push({ version: 5, entries: [] })
    expect(version(store)).toBe(6)
    expect(await get(store, 'a')).toBe('ours')
  })

  test('of what is no data while a write is under way makes the store stale', async () => {
    const done = deferred<number>()
    const driver = scripted({ write: () => done.promise })
    const store = await defineStore(driver)
    const commit = store.commit?.([put('a', 1)])
    await turns()
    driver.push({ version: 2, changes: [put('b', undefined)] })
    done.resolve(1)
    await commit
    expect(stateOf(store)).toEqual({ status: 'stale', code: 'BAD_VALUE' })
  })
})

describe('a commit', () => {
  test('is written one at a time, with its conditions and the state that they hold on', async () => {
    const seen: { changes: readonly Change[]; options: WriteOptions }[] = []
    let running = 0
    const driver = scripted({
      write: async (changes, options) => {
        expect(running++).toBe(0)
        await turns(5)
        running--
        seen.push({ changes, options })
      },
    })
    const store = await defineStore(driver)
    const basis = store.reached
    const id = { session: 's', number: 1, born: basis }
    const commits = [
      store.commit?.([put('a', 1)], { id, meta: 'why' }),
      store.commit?.([put('b', 2)], { basis, guard: { gte: 'c' } }),
      store.commit?.([put('a', 3)], { basis }),
    ]
    await commits[1]
    expect(await failing(commits[2])).toMatchObject({ code: 'CONFLICT', keys: ['a'], applied: 'no' })
    expect(seen).toMatchObject([
      { changes: [put('a', 1)], options: { at: 0, id, meta: 'why', basis: undefined } },
      { changes: [put('b', 2)], options: { at: 1, basis, guard: { gte: 'c' }, id: undefined } },
    ])
  })

  test('that the driver cannot carry is refused before it waits', async () => {
    const driver = scripted({
      write: async () => undefined,
      check: (changes) => {
        if (changes.some(({ key }) => key === 'no')) throw new FanlightError('BAD_KEY', 'not here')
      },
    })
    const store = await defineStore(driver)
    expect(await failing(store.commit?.([put('no', 1)]))).toMatchObject({ code: 'BAD_KEY', applied: 'no' })
    await store.commit?.([put('yes', 1)])
  })

  test('that waits ends with its signal; one that is being written is heard of when it ends', async () => {
    const done = deferred<void>()
    const driver = scripted({ write: () => done.promise })
    const store = await defineStore(driver)
    const [first, second] = [new AbortController(), new AbortController()]
    const written = store.commit?.([put('a', 1)], { signal: first.signal })
    const waiting = failing(store.commit?.([put('b', 1)], { signal: second.signal }))
    await turns()
    first.abort()
    second.abort('enough')
    expect(await waiting).toMatchObject({ code: 'ABORTED', cause: 'enough', applied: 'no' })
    done.resolve()
    expect(Object.values((await written) ?? {})).toEqual([1])
    expect(await failing(store.commit?.([put('c', 1)], { signal: AbortSignal.abort() }))).toMatchObject({ code: 'ABORTED', applied: 'no' })
    expect((await store.fetch({})).entries).toHaveLength(1)
  })

  test('is refused where too many wait', async () => {
    const store = await defineStore(scripted({ write: () => new Promise(() => undefined) }), { limits: { waits: 2 } })
    for (const key of ['a', 'b']) void store.commit?.([put(key, 1)])
    expect(await failing(store.commit?.([put('c', 1)]))).toMatchObject({ code: 'TOO_MANY', applied: 'no' })
  })

  test('with an id is applied, although the horizon passes its birth while it waits; its retry is not', async () => {
    const writes: ReturnType<typeof deferred<void>>[] = []
    const driver = scripted({
      write: () => {
        const done = deferred<void>()
        writes.push(done)
        return done.promise
      },
    })
    const store = await defineStore(driver, { history: { commits: 1 } })
    const id = { session: 's', number: 1, born: store.reached }
    const first = store.commit?.([put('a', 1)])
    const [second, again] = [1, 2].map(() => store.commit?.([put('b', 1)], { id }))
    await turns()
    for (let n = 0; n < 3; n++) driver.push({ changes: [put('c', n)] })
    for (const done of writes) done.resolve()
    await first
    await turns()
    writes[1]?.resolve()
    const versions = await second
    expect(await again).toEqual(versions)
    for (let n = 0; n < 3; n++) driver.push({ changes: [put('c', n)] })
    expect(await failing(store.commit?.([put('b', 1)], { id }))).toMatchObject({ code: 'LOST_IN_FOG', applied: 'unknown' })
  })

  test('that closing meets is written, or CLOSED; the driver is stopped after it', async () => {
    const done = deferred<void>()
    const driver = scripted({ write: () => done.promise })
    const store = await defineStore(driver)
    const written = store.commit?.([put('a', 1)])
    await turns()
    const waiting = failing(store.commit?.([put('b', 1)]))
    const closing = store.close()
    await turns()
    expect(driver.stops).toBe(0)
    done.resolve()
    expect(Object.values((await written) ?? {})).toEqual([1])
    expect(await waiting).toMatchObject({ code: 'CLOSED', applied: 'no' })
    await closing
    expect(driver.stops).toBe(1)
  })

  test('whose driver finds that something came first is checked once more', async () => {
    let came = false
    const driver = scripted({
      write: async () => {
        if (came) return
        came = true
        driver.push({ changes: [put('theirs', 1)] })
        return 'again'
      },
    })
    const store = await defineStore(driver)
    const basis = store.reached
    expect(Object.values((await store.commit?.([put('ours', 1)], { basis })) ?? {})).toEqual([2])
    came = false
    const next = failing(store.commit?.([put('ours', 2)], { basis: store.reached, guard: {} }))
    expect(await next).toMatchObject({ code: 'CONFLICT', keys: ['theirs'], applied: 'no' })
  })

  test('gives up where something always comes first; its signal ends that too', async () => {
    const driver = scripted({ write: async () => 'again' })
    const store = await defineStore(driver)
    expect(await failing(store.commit?.([put('a', 1)]))).toMatchObject({ code: 'UNAVAILABLE', applied: 'no' })
    const controller = new AbortController()
    const commit = failing(store.commit?.([put('a', 1)], { signal: controller.signal }))
    await turns(10)
    controller.abort()
    expect(await commit).toMatchObject({ code: 'ABORTED', applied: 'no' })
  })

  test('with a version that does not grow is an error of its driver', async () => {
    const driver = scripted({ write: async () => 0 })
    const store = await defineStore(driver)
    expect(await failing(store.commit?.([put('a', 1)]))).toMatchObject({ code: 'BAD_QUERY', applied: 'unknown' })
  })
})

describe('a commit whose outcome is unknown', () => {
  /** Something elsewhere that may take a write and fail to say so. */
  async function elsewhere(parts: Partial<Driver> = {}) {
    const state = new Map<string, unknown>([['a', 0]])
    const faults: ('before' | 'after' | 'refused' | 'unreadable')[] = []
    const clock = manualClock()
    const driver = scripted({
      read: async () => {
        if (faults[0] === 'unreadable') {
          faults.shift()
          throw failure
        }
        return { entries: [...state].map(([key, value]) => ({ key, value })) }
      },
      write: async (changes) => {
        const fault = faults.shift()
        if (fault === 'refused') throw new FanlightError('TOO_LARGE', 'no', { applied: 'no' })
        if (fault === 'before') throw failure
        for (const { key, value } of changes) state.set(key, value)
        if (fault === 'after') throw failure
      },
      ...parts,
    })
    return { state, faults, clock, driver, store: await defineStore(driver, { clock }) }
  }

  test('makes the store look again: it shows what came of it', async () => {
    const { faults, store, clock } = await elsewhere()
    faults.push('after')
    expect(await failing(store.commit?.([put('a', 1)]))).toMatchObject({ code: 'UNAVAILABLE', cause: failure, applied: 'unknown' })
    await turns()
    expect(await get(store, 'a')).toBe(1)
    expect(stateOf(store).status).toBe('live')
    faults.push('before')
    await failing(store.commit?.([put('a', 2)]))
    await turns()
    expect(await get(store, 'a')).toBe(1)
    expect(version(store)).toBe(1)
    expect(clock.pending).toBe(0)
  })

  test('one that was refused for certain changes nothing', async () => {
    const { faults, store } = await elsewhere()
    faults.push('refused')
    expect(await failing(store.commit?.([put('a', 1)]))).toMatchObject({ code: 'TOO_LARGE', applied: 'no' })
    expect(stateOf(store).status).toBe('live')
  })

  test('a retry of it is not applied again; its number is used up', async () => {
    const { faults, store } = await elsewhere()
    const id = { session: 's', number: 1, born: store.reached }
    faults.push('after')
    await failing(store.commit?.([put('a', 1)], { id }))
    await turns()
    await store.commit?.([put('a', 2)])
    expect(await failing(store.commit?.([put('a', 1)], { id }))).toMatchObject({ code: 'LOST_IN_FOG', applied: 'unknown' })
    expect(await get(store, 'a')).toBe(2)
    await store.commit?.([put('a', 3)], { id: { ...id, number: 2 } })
  })

  test('unless the driver knows ids itself', async () => {
    const seen: unknown[] = []
    const { store } = await elsewhere({
      knowsIds: true,
      write: async (_, { id }) => {
        seen.push(id)
        if (seen.length === 1) throw failure
      },
    })
    const id = { session: 's', number: 1, born: store.reached }
    await failing(store.commit?.([put('a', 1)], { id }))
    await store.commit?.([put('a', 1)], { id })
    expect(seen).toEqual([id, id])
  })

  test('while it cannot be found out nothing is written, and the store is stale; it is tried again', async () => {
    const { faults, store, clock, driver } = await elsewhere()
    faults.push('after', 'unreadable', 'unreadable')
    await failing(store.commit?.([put('a', 1)]))
    await turns()
    expect(stateOf(store)).toEqual({ status: 'stale', code: 'UNAVAILABLE' })
    expect(await get(store, 'a')).toBe(0)
    expect(await failing(store.commit?.([put('b', 1)]))).toMatchObject({ code: 'UNAVAILABLE', applied: 'no', cause: failure })
    driver.push({ changes: [] })
    expect(stateOf(store).status).toBe('stale')
    await clock.advance(1_000)
    expect(stateOf(store).status).toBe('live')
    expect(await get(store, 'a')).toBe(1)
    faults.push('after', 'unreadable')
    await failing(store.commit?.([put('a', 2)]))
    await turns()
    await store.close()
    expect(clock.pending).toBe(0)
  })

  test('a reading from before what was told is not believed', async () => {
    let reading = 7
    const { store, driver, clock } = await elsewhere({
      read: () => ({ version: reading, entries: [] }),
      write: async () => { throw failure },
    })
    driver.push({ version: 9, changes: [put('a', 1)] })
    await failing(store.commit?.([put('b', 1)]))
    await turns()
    expect(stateOf(store).status).toBe('stale')
    expect(await get(store, 'a')).toBe(1)
    reading = 10
    await clock.advance(1_000)
    expect(stateOf(store).status).toBe('live')
    expect(version(store)).toBe(10)
    expect(await get(store, 'a')).toBeUndefined()
  })
})

describe('writeMany', () => {
  /** A driver that takes all that waits, and what it was given, batch by batch. */
  async function batching(outcomes?: (batch: readonly (readonly Change[])[]) => readonly Written[]) {
    const batches: (readonly Change[])[][] = []
    const driver = scripted({
      writeMany: async (commits) => {
        const batch = commits.map(({ changes }) => changes)
        batches.push(batch)
        await turns(5)
        return outcomes?.(batch) ?? batch.map(() => undefined)
      },
    })
    return { batches, driver, store: await defineStore(driver) }
  }

  test('gets all that wait, in their order; each has a version of its own', async () => {
    const { batches, store } = await batching()
    const first = ['a', 'b', 'a'].map((key, n) => store.commit?.([put(key, n)]))
    await turns(3)
    const second = ['c', 'd'].map((key, n) => store.commit?.([put(key, n)]))
    const versions = (await Promise.all([...first, ...second])).map((made) => Object.values(made ?? {})[0])
    expect(versions).toEqual([1, 2, 3, 4, 5])
    expect(batches).toEqual([[[put('a', 0)], [put('b', 1)], [put('a', 2)]], [[put('c', 0)], [put('d', 1)]]])
    expect(await get(store, 'a')).toBe(2)
  })

  test('leaves out what it refuses: that alone fails', async () => {
    const refusal = new FanlightError('TOO_LARGE', 'no')
    const { store } = await batching((batch) => batch.map(([change]) => (change?.key === 'b' ? refusal : undefined)))
    const commits = ['a', 'b', 'c'].map((key) => store.commit?.([put(key, 1)]))
    expect(await failing(commits[1])).toMatchObject({ code: 'TOO_LARGE', applied: 'no' })
    await Promise.all([commits[0], commits[2]])
    expect((await store.fetch({})).entries.map(({ key }) => key)).toEqual(['a', 'c'])
    expect(version(store)).toBe(2)
  })

  test('commits whose conditions depend on one before them wait for it', async () => {
    const { batches, store } = await batching()
    const basis = store.reached
    const id = { session: 's', number: 1, born: basis }
    const results = await Promise.allSettled([
      store.commit?.([put('a', 1)], { basis, id }),
      store.commit?.([put('b', 1)], { basis }),
      store.commit?.([put('a', 1)], { basis, id }),
      store.commit?.([put('c', 1)], { basis, guard: { lte: 'b' } }),
      store.commit?.([put('b', 2)], { basis }),
      store.commit?.([put('d', 1)], { basis }),
    ])
    expect(results.map((result) => (result.status === 'fulfilled' ? Object.values(result.value ?? {})[0] : (result.reason as FanlightError).code))).toEqual([
      1, 2, 1, 'CONFLICT', 'CONFLICT', 3,
    ])
    expect(batches.map((batch) => batch.map(([change]) => change?.key))).toEqual([['a', 'b'], ['d']])
  })

  test('that fails, fails for all', async () => {
    const { store } = await batching(() => { throw failure })
    const commits = ['a', 'b'].map((key) => store.commit?.([put(key, 1)]))
    for (const commit of commits) expect(await failing(commit)).toMatchObject({ code: 'UNAVAILABLE', applied: 'unknown', cause: failure })
    await store.close()
  })
})

describe('a driver of one value', () => {
  test('takes the key that is empty, and no other', async () => {
    const driver = scripted({ single: true, read: () => ({ entries: [{ key: '', value: 1 }] }), write: async () => undefined })
    const store = await defineStore(driver)
    expect(store.supports.single).toBe(true)
    await store.commit?.([put('', 2)])
    expect(await get(store, '')).toBe(2)
    expect(await failing(store.commit?.([put('a', 2)]))).toMatchObject({ code: 'BAD_KEY', applied: 'no', keys: ['a'] })
    expect(() => driver.push({ changes: [put('a', 2)] })).toThrow(expect.objectContaining({ code: 'BAD_KEY' }) as Error)
    const wrong = scripted({ single: true, read: () => ({ entries: [{ key: 'a', value: 1 }] }) })
    expect(await failing(defineStore(wrong))).toMatchObject({ code: 'BAD_KEY' })
  })
})

test('history and name are options; by default the history is that of a lease', async () => {
  const clock = manualClock()
  const driver = scripted()
  const store = await defineStore(driver, { clock, name: 'mine' })
  expect(store.sources[0]).toMatch(/^mine@/)
  for (let n = 0; n < 5; n++) driver.push({ changes: [put('a', n)] })
  await clock.advance(60_001)
  driver.push({ changes: [put('a', 6)] })
  expect(Object.values(store.oldest)[0]).toBeGreaterThan(0)
  const short = scripted()
  const forgetful = await defineStore(short, { history: { commits: 1 } })
  for (let n = 0; n < 5; n++) short.push({ changes: [put('a', n)] })
  expect(Object.values(forgetful.oldest)[0]).toBe(4)
})
