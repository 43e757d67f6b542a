import { describe, expect, test } from 'vitest'
import { defineStore } from './define-store.ts'
import type { Driver, WriteOptions, Written } from './driver.ts'
import { FanlightError } from './errors.ts'
import { get, put } from './put.ts'
import type { Change } from './store.ts'
import { manualClock } from './testing/manual-clock.ts'
import { type Deferred, deferred, failing, failure, scripted, stateOf, version } from './testing/scripted-driver.ts'
import { turns } from './testing/turns.ts'

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
    expect(await failing(store.commit?.([put('c', 1)], { signal: AbortSignal.abort() }))).toMatchObject({
      code: 'ABORTED',
      applied: 'no',
    })
    expect((await store.fetch({})).entries).toHaveLength(1)
  })

  test('is refused where too many wait', async () => {
    const store = await defineStore(scripted({ write: () => new Promise(() => undefined) }), { limits: { waits: 2 } })
    for (const key of ['a', 'b']) void store.commit?.([put(key, 1)])
    expect(await failing(store.commit?.([put('c', 1)]))).toMatchObject({ code: 'TOO_MANY', applied: 'no' })
  })

  test('with an id is applied, although the horizon passes its birth while it waits; its retry is not', async () => {
    const writes: Deferred<void>[] = []
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
    expect(await failing(store.commit?.([put('b', 1)], { id }))).toMatchObject({
      code: 'LOST_IN_FOG',
      applied: 'unknown',
    })
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
    expect(await failing(store.commit?.([put('a', 1)]))).toMatchObject({
      code: 'UNAVAILABLE',
      cause: failure,
      applied: 'unknown',
    })
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
    expect(await failing(store.commit?.([put('a', 1)], { id }))).toMatchObject({
      code: 'LOST_IN_FOG',
      applied: 'unknown',
    })
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
    expect(await failing(store.commit?.([put('b', 1)]))).toMatchObject({
      code: 'UNAVAILABLE',
      applied: 'no',
      cause: failure,
    })
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
      write: async () => {
        throw failure
      },
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
    expect(batches).toEqual([
      [[put('a', 0)], [put('b', 1)], [put('a', 2)]],
      [[put('c', 0)], [put('d', 1)]],
    ])
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
    expect(
      results.map((result) =>
        result.status === 'fulfilled' ? Object.values(result.value ?? {})[0] : (result.reason as FanlightError).code,
      ),
    ).toEqual([1, 2, 1, 'CONFLICT', 'CONFLICT', 3])
    expect(batches.map((batch) => batch.map(([change]) => change?.key))).toEqual([['a', 'b'], ['d']])
  })

  test('that fails, fails for all', async () => {
    const { store } = await batching(() => {
      throw failure
    })
    const commits = ['a', 'b'].map((key) => store.commit?.([put(key, 1)]))
    for (const commit of commits)
      expect(await failing(commit)).toMatchObject({ code: 'UNAVAILABLE', applied: 'unknown', cause: failure })
    await store.close()
  })
})
