import { describe, expect, test } from 'vitest'
import { defineStore } from './define-store.ts'
import { FanlightError } from './errors.ts'
import { del, get, put } from './put.ts'
import type { Change } from './store.ts'
import { manualClock } from './testing/manual-clock.ts'
import { type Deferred, deferred, failing, failure, scripted, stateOf, version } from './testing/scripted-driver.ts'
import { turns } from './testing/turns.ts'

describe('opening', () => {
  test('listens first, then reads; what was told meanwhile is taken in where the reading does not hold it', async () => {
    const order: string[] = []
    const driver = scripted({
      read: async () => {
        order.push('read')
        driver.push({ version: 4, changes: [put('a', 'old')] })
        driver.push({ version: 5, changes: [put('b', 'held')] })
        await turns(1)
        driver.push({ version: 6, changes: [put('c', 'new')] })
        return {
          version: 5,
          entries: [
            { key: 'b', value: 'read' },
            { key: 'a', value: 'read' },
          ],
        }
      },
    })
    const store = await defineStore({
      ...driver,
      listen: (push, fail) => {
        order.push('listen')
        return driver.listen(push, fail)
      },
    })
    expect(order).toEqual(['listen', 'read'])
    expect(version(store)).toBe(6)
    expect((await store.fetch({})).entries.map(({ value }) => value)).toEqual(['read', 'read', 'new'])
    expect(store.supports).toEqual({ commit: false, guard: 'none', ids: false, single: false, durable: false })
    expect('commit' in store && store.commit !== undefined).toBe(false)
    await store.close()
    expect(driver.stops).toBe(1)
  })

  test('that fails is UNAVAILABLE with its cause, or what the driver says, and stops listening', async () => {
    const unreadable = scripted({
      read: () => {
        throw failure
      },
    })
    expect(await failing(defineStore(unreadable))).toMatchObject({
      code: 'UNAVAILABLE',
      cause: failure,
      store: 'scripted',
    })
    expect(unreadable.stops).toBe(1)
    const corrupt = scripted({
      read: async () => {
        throw new FanlightError('CORRUPT', 'no')
      },
    })
    expect(await failing(defineStore(corrupt))).toMatchObject({ code: 'CORRUPT' })
    expect(corrupt.stops).toBe(1)
    const deaf = scripted({
      listen: () => {
        throw failure
      },
    })
    expect(await failing(defineStore(deaf))).toMatchObject({ code: 'UNAVAILABLE', cause: failure })
    const stubborn = scripted({
      listen: () => () => {
        throw new Error('cannot stop')
      },
      read: () => {
        throw failure
      },
    })
    expect(await failing(defineStore(stubborn))).toMatchObject({ cause: failure })
  })

  test.each([
    [{ entries: [{ key: '\ud800', value: 1 }] }, 'BAD_KEY'],
    [
      {
        entries: [
          { key: 'a', value: 1 },
          { key: 'a', value: 2 },
        ],
      },
      'BAD_KEY',
    ],
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
    const opening = failing(
      defineStore(
        { ...slowToListen, listen: (push, fail) => slow.promise.then(() => slowToListen.listen(push, fail)) },
        { clock },
      ),
    )
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
    const deaf = scripted({
      read: async () => {
        deaf.fail(failure)
        return { entries: [] }
      },
    })
    expect(stateOf(await defineStore(deaf))).toEqual({ status: 'stale', code: 'UNAVAILABLE' })
    const wrong = scripted({
      read: async () => {
        wrong.push({ changes: [put('a', undefined)] })
        return { entries: [] }
      },
    })
    expect(stateOf(await defineStore(wrong))).toEqual({ status: 'stale', code: 'BAD_VALUE' })
    const back = scripted({
      read: async () => {
        back.fail(failure)
        back.push({ changes: [] })
        return { entries: [] }
      },
    })
    expect(stateOf(await defineStore(back))).toEqual({ status: 'live', code: undefined })
  })
})

describe('what a driver tells', () => {
  test('is counted by the store, or has versions that grow', async () => {
    const driver = scripted()
    const store = await defineStore(driver)
    driver.push({ changes: [put('a', 1), put('b', 2)] })
    driver.push({
      entries: [
        { key: 'b', value: 3 },
        { key: 'a', value: 1 },
      ],
    })
    expect(version(store)).toBe(2)
    driver.push({
      entries: [
        { key: 'a', value: 1 },
        { key: 'b', value: 3 },
      ],
    })
    driver.push({ changes: [] })
    expect(version(store)).toBe(2)
    driver.push({ version: 9, changes: [del('a')] })
    driver.push({ version: 12, changes: [] })
    expect(version(store)).toBe(12)
    for (const wrong of [11, 12, 12.5, -1]) {
      expect(() => driver.push({ version: wrong, changes: [put('a', 1)] })).toThrow(
        expect.objectContaining({ code: 'BAD_QUERY' }) as Error,
      )
    }
    driver.push({ version: 11, entries: [{ key: 'old', value: 1 }] })
    expect(await get(store, 'old')).toBeUndefined()
    expect(() => driver.push({ changes: [put('\ud800', 1)] })).toThrow(
      expect.objectContaining({ code: 'BAD_KEY' }) as Error,
    )
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
    const writes: { changes: readonly Change[]; done: Deferred<number> }[] = []
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

describe('a driver of one value', () => {
  test('takes the key that is empty, and no other', async () => {
    const driver = scripted({
      single: true,
      read: () => ({ entries: [{ key: '', value: 1 }] }),
      write: async () => undefined,
    })
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
