import { type Change, del, put } from '@fanlight/core'
import { breathe, turns } from '@fanlight/core/testing'
import { MemoryLevel } from 'memory-level'
import { type Mock, describe, expect, it, vi } from 'vitest'
import { type LevelStore, type LevelStoreOptions, openLevelStore } from './index.ts'

/** Stands between a store and the writing of its batches. */
function writesOf(
  db: MemoryLevel,
  through: (write: () => Promise<void>) => Promise<void>,
): Mock<(options?: object) => Promise<void>> {
  const begin = (db.batch as () => ReturnType<typeof db.batch>).bind(db)
  const seen = vi.fn<(options?: object) => Promise<void>>()
  vi.spyOn(db, 'batch').mockImplementation(() => {
    const batch = begin()
    const write = batch.write.bind(batch)
    batch.write = seen.mockImplementation((options) => through(() => write(options ?? {})))
    return batch
  })
  return seen
}

/** A database in memory whose batches end when they are told to, or fail. */
class Slow {
  readonly db = new MemoryLevel()
  /** Whether each batch waits for `go`, when it is readable already. */
  isHeld = false
  /** What the next batches end with. */
  failure: Error | undefined
  readonly #writes = writesOf(this.db, (write) => this.#write(write))
  readonly #getMany = vi.spyOn(this.db, 'getMany')
  #waiting: (() => void)[] = []

  /** How many batches were written. */
  get batches(): number {
    return this.#writes.mock.calls.length
  }

  /** How many calls of `getMany` there were. */
  get reads(): number {
    return this.#getMany.mock.calls.length
  }

  /** How many batches wait. */
  get held(): number {
    return this.#waiting.length
  }

  /** Counts from here on. */
  reset(): void {
    this.#writes.mockClear()
    this.#getMany.mockClear()
  }

  /** Lets the batches that wait end. */
  go(): void {
    for (const end of this.#waiting.splice(0)) end()
  }

  async #write(write: () => Promise<void>): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    // As in LevelDB, what is written can be read before its writer is told.
    await write()
    if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (this.failure !== undefined) throw this.failure
  }
}

async function open(options: LevelStoreOptions = {}): Promise<{ slow: Slow; store: LevelStore; source: string }> {
  const slow = new Slow()
  const store = await openLevelStore('here', { db: slow.db, ...options })
  slow.reset()
  return { slow, store, source: store.sources[0] ?? '' }
}

function keyed(i: number): string {
  return `key ${String(i).padStart(4, '0')}`
}

describe('group commit', () => {
  it('writes what was made together in one batch, and what came meanwhile in the next', async () => {
    const { slow, store, source } = await open()
    slow.isHeld = true
    const first = Array.from({ length: 50 }, (_, i) => store.commit([put(keyed(i), i)]))
    await breathe()
    expect([slow.batches, slow.held]).toEqual([1, 1])
    const second = Array.from({ length: 50 }, (_, i) => store.commit([put(keyed(i), -i)]))
    await breathe()
    expect(slow.batches).toBe(1)
    slow.isHeld = false
    slow.go()
    const versions = await Promise.all([...first, ...second])
    expect(slow.batches).toBe(2)
    expect(versions.map((version) => version[source])).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
  })

  it('goes on with those who commit again as soon as they are told', async () => {
    const { slow, store } = await open()
    const worker = async (i: number): Promise<void> => {
      for (let round = 0; round < 20; round++) await store.commit([put(keyed(i), round)])
    }
    await Promise.all(Array.from({ length: 25 }, (_, i) => worker(i)))
    expect(store.reached).toEqual({ [store.sources[0] ?? '']: 500 })
    expect(slow.batches).toBe(20)
  })

  it('decides on each against all before it, those of the same batch included', async () => {
    const { slow, store } = await open()
    const basis = await store.commit([put('a', 0), put('b', 0)])
    slow.reset()
    const id = { session: 's', number: 1, born: basis }
    const outcomes = await Promise.allSettled([
      store.commit([put('a', 1)], { basis }),
      store.commit([put('a', 2)], { basis }),
      store.commit([put('c', 3)], { basis, guard: { gte: 'a', lt: 'b' } }),
      store.commit([put('c', 4)], { basis, guard: { gte: 'b' } }),
      store.commit([put('b', 5)], { basis, id }),
      store.commit([put('b', 5)], { basis, id }),
      store.commit([put('b', 6)], { id }),
      store.commit([del('b')]),
      store.commit([del('b')]),
    ])
    const told = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? Object.values(outcome.value)[0] : (outcome.reason as { code: string }).code,
    )
    expect(told).toEqual([2, 'CONFLICT', 'CONFLICT', 3, 4, 4, 'BAD_QUERY', 5, 6])
    expect(slow.batches).toBe(1)
    const { entries } = await store.fetch({})
    expect(entries.map(({ key, value, version }) => [key, value, version])).toEqual([
      ['a', 1, 2],
      ['c', 4, 3],
    ])
  })

  it('one trip reads what a batch must know, and none where memory knows it', async () => {
    const { slow, store } = await open()
    slow.reset()
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        store.commit([put(keyed(i), i)], { id: { session: 's', number: i, born: store.reached } }),
      ),
    )
    expect(slow.reads).toBe(1)
    await Promise.all(Array.from({ length: 50 }, (_, i) => store.commit([put(keyed(i), -i)])))
    expect(slow.reads).toBe(1)
  })

  it('L4: nothing is shown before it is durable, although it can be read already', async () => {
    for (const recentBytesMax of [0, 2 ** 20]) {
      const { slow, store, source } = await open({ recentBytesMax })
      await store.commit([put('a', 1), put('b', 1)])
      const feed = store.watch({})
      await feed.take()
      let woken = 0
      feed.wake(() => woken++)
      await turns()
      woken = 0
      const { reached } = store
      slow.isHeld = true
      const changes: Change[] = [put('a', 2), del('b'), put('c', 2)]
      const committed = store.commit(changes)
      await breathe()
      expect(slow.held).toBe(1)
      // It stands there already.
      expect(await slow.db.get('dc')).toBe('2 2')
      expect(store.reached).toBe(reached)
      for (const query of [{}, 'a', 'b', 'c', ['a', 'b', 'c'], { limit: 1 }, { reverse: true, limit: 2 }]) {
        const { entries, windows } = await store.fetch(query)
        expect(windows).toEqual({ [source]: { from: expect.any(Number) as number, to: 1 } })
        expect(entries.every(({ value, version }) => value === 1 && version === 1)).toBe(true)
      }
      expect((await store.fetch({})).entries.map(({ key }) => key)).toEqual(['a', 'b'])
      expect((await store.changes({}, { since: reached })).folded).toBe(0)
      expect(await feed.take()).toBeUndefined()
      const waits = store.fetch({}, { min: { [source]: 2 } })
      await turns()
      expect(woken).toBe(0)
      slow.isHeld = false
      slow.go()
      await committed
      expect((await waits).entries.map(({ key, value }) => [key, value])).toEqual([
        ['a', 2],
        ['c', 2],
      ])
      expect(woken).toBe(1)
      expect((await feed.take())?.changes).toEqual([
        { key: 'a', value: 2 },
        { key: 'b', gone: true },
        { key: 'c', value: 2 },
      ])
      await store.close()
    }
  })

  it('section 6: where a batch fails, its outcome is unknown, and the store takes no commits any more', async () => {
    const { slow, store, source } = await open()
    const feed = store.watch('a')
    await store.commit([put('a', 1)])
    await feed.take()
    const before = store.reached
    const id = { session: 's', number: 1, born: before }
    slow.isHeld = true
    const failing = store.commit([put('a', 2)], { id })
    await breathe()
    const behind = store.commit([put('a', 3)])
    let told = 0
    feed.wake(() => told++)
    slow.failure = new Error('the disk is full')
    slow.go()
    await expect(failing).rejects.toMatchObject({ code: 'UNAVAILABLE', applied: 'unknown', cause: slow.failure })
    await expect(behind).rejects.toMatchObject({ code: 'UNAVAILABLE', applied: 'no' })
    expect(store.state?.[source]).toMatchObject({ status: 'failed', why: { code: 'UNAVAILABLE' } })
    expect(told).toBe(1)
    slow.failure = undefined
    await expect(store.commit([put('a', 4)])).rejects.toMatchObject({ code: 'UNAVAILABLE', applied: 'no' })
    await expect(store.commit([put('a', 2)], { id })).rejects.toMatchObject({ code: 'UNAVAILABLE', applied: 'unknown' })
    // What was durable is still answered, and nothing else.
    expect(store.reached).toEqual(before)
    expect((await store.fetch({})).entries).toMatchObject([{ key: 'a', value: 1 }])
    await store.close()
    // Whoever opens it finds out: here the batch had been written.
    slow.isHeld = false
    const again = await openLevelStore('here', { db: slow.db })
    expect(await again.commit([put('a', 2)], { id })).toEqual({ [again.sources[0] ?? '']: 2 })
    await again.close()
  })

  it('section 6: where nothing could be read for it, a commit was not applied, and the store goes on', async () => {
    const { slow, store } = await open()
    const getMany = vi.spyOn(slow.db, 'getMany').mockRejectedValue(new Error('a bad sector'))
    await expect(store.commit([put('a', 1)])).rejects.toMatchObject({ code: 'UNAVAILABLE', applied: 'no' })
    await expect(store.fetch('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    getMany.mockRestore()
    await store.commit([put('a', 1)])
    expect((await store.fetch('a')).entries).toHaveLength(1)
  })

  it('a damaged record is CORRUPT for whoever asks for it, and for nobody else', async () => {
    const { slow, store } = await open({ recentBytesMax: 0 })
    await store.commit([put('a', 1), put('b', 2)])
    await slow.db.put('da', '1 {')
    await expect(store.fetch('a')).rejects.toMatchObject({ code: 'CORRUPT' })
    await expect(store.fetch({})).rejects.toMatchObject({ code: 'CORRUPT' })
    const [refused, made] = await Promise.allSettled([
      store.commit([put('c', 1), put('a', 2)]),
      store.commit([put('b', 3)]),
    ])
    expect(refused).toMatchObject({ reason: { code: 'CORRUPT', applied: 'no' } })
    expect(made.status).toBe('fulfilled')
    expect((await store.fetch(['b', 'c'])).entries).toMatchObject([{ key: 'b', value: 3, version: 2 }])
  })

  it('L8: what waits is bounded: TOO_MANY', async () => {
    const { slow, store } = await open({ waitingMax: 3, waitingBytesMax: 5000 })
    slow.isHeld = true
    const first = store.commit([put('a', 0)])
    await breathe()
    const waiting = [1, 2, 3].map((i) => store.commit([put('a', i)]))
    await expect(store.commit([put('a', 4)])).rejects.toMatchObject({ code: 'TOO_MANY', applied: 'no' })
    slow.isHeld = false
    slow.go()
    await Promise.all([first, ...waiting])
    const large = 'x'.repeat(3000)
    const [one, two] = await Promise.allSettled([store.commit([put('a', large)]), store.commit([put('a', large)])])
    expect([one.status, two.status]).toEqual(['fulfilled', 'rejected'])
    expect((await store.fetch('a')).versions).toEqual(store.reached)
  })

  it('a commit that is too large is TOO_LARGE', async () => {
    const { store } = await open({ commitBytesMax: 1000 })
    await expect(store.commit([put('a', 'x'.repeat(1000))])).rejects.toMatchObject({ code: 'TOO_LARGE', applied: 'no' })
    await store.commit([put('a', 'x'.repeat(500))])
  })

  it('section 3: a signal ends the wait: not applied while it waits, unknown when it is being written', async () => {
    const { slow, store } = await open()
    const [early, late, idle] = [new AbortController(), new AbortController(), new AbortController()]
    slow.isHeld = true
    const written = store.commit([put('a', 1)], { signal: late.signal })
    await breathe()
    const waiting = store.commit([put('a', 2)], { signal: early.signal })
    const kept = store.commit([put('b', 3)], { signal: idle.signal })
    early.abort(new Error('enough'))
    late.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', name: 'AbortError', applied: 'no' })
    await expect(written).rejects.toMatchObject({ code: 'ABORTED', applied: 'unknown' })
    slow.isHeld = false
    slow.go()
    await kept
    idle.abort()
    expect((await store.fetch({})).entries).toMatchObject([
      { key: 'a', value: 1 },
      { key: 'b', value: 3 },
    ])
    await expect(store.commit([put('a', 4)], { signal: early.signal })).rejects.toMatchObject({
      code: 'ABORTED',
      applied: 'no',
    })
  })

  it('section 6: what an id must be held against is not forgotten while its commit waits', async () => {
    const { slow, store } = await open({ history: { commits: 1 } })
    const born = await store.commit([put('a', 0)])
    slow.isHeld = true
    const first = store.commit([put('a', 1)])
    await breathe()
    // More than go into one batch, so that the horizon moves while the last one waits.
    const many = Array.from({ length: 1024 }, (_, i) => store.commit([put(keyed(i), i)]))
    const id = { session: 's', number: 1, born }
    const last = store.commit([put('b', 1)], { id })
    slow.isHeld = false
    slow.go()
    await Promise.all([first, ...many])
    expect(Object.values(await last)).toEqual([1027])
    await breathe()
    await store.commit([put('c', 1)])
    await breathe()
    const refused = store.commit([put('b', 2)], { id: { ...id, number: 2 } })
    await expect(refused).rejects.toMatchObject({ code: 'LOST_IN_FOG', applied: 'unknown' })
  })

  it('close waits for what was taken on, and takes nothing on', async () => {
    const { slow, store } = await open()
    slow.isHeld = true
    const first = store.commit([put('a', 1)])
    await breathe()
    const second = store.commit([put('a', 2)])
    let isClosed = false
    const closing = store.close().then(() => (isClosed = true))
    await expect(store.commit([put('a', 3)])).rejects.toMatchObject({ code: 'CLOSED', applied: 'no' })
    await breathe()
    expect(isClosed).toBe(false)
    slow.isHeld = false
    slow.go()
    await Promise.all([first, second, closing])
    const again = await openLevelStore('here', { db: slow.db })
    expect((await again.fetch('a')).entries).toMatchObject([{ value: 2 }])
    await again.close()
  })

  it('hands `sync` down, true unless told otherwise', async () => {
    for (const sync of [undefined, true, false]) {
      const db = new MemoryLevel()
      const writes = writesOf(db, (write) => write())
      const store = await openLevelStore('here', { db, sync, history: { commits: 1 } })
      for (let i = 0; i < 3; i++) await store.commit([put('a', i)])
      await store.close()
      // The incarnation is durable in any case.
      const [opening, ...commits] = writes.mock.calls.map(([options]) => (options as { sync: unknown }).sync)
      expect(opening).toBe(true)
      expect(new Set(commits)).toEqual(new Set([sync ?? true]))
    }
  })
})
