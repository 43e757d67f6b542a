import { type Change, type Query, type Versions, del, put } from '@fanlight/core'
import { answer } from '@fanlight/core/conformance'
import { breathe, seededRandom } from '@fanlight/core/testing'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it, vi } from 'vitest'
import { type LevelStore, type LevelStoreOptions, openLevelStore } from './index.ts'

const keys = Array.from({ length: 3000 }, (_, i) => `key ${String(i).padStart(4, '0')}`)

async function filled(
  options: LevelStoreOptions = {},
): Promise<{ db: MemoryLevel; store: LevelStore; source: string }> {
  const db = new MemoryLevel()
  const first = await openLevelStore('here', { db })
  await first.commit(keys.map((key, i) => put(key, i)))
  await first.close()
  const store = await openLevelStore('here', { db, ...options })
  return { db, store, source: store.sources[0] ?? '' }
}

describe('reading', () => {
  it('fetches of one turn share one trip to the disk', async () => {
    const { db, store } = await filled()
    const getMany = vi.spyOn(db, 'getMany')
    const get = vi.spyOn(db, 'get')
    const getSync = vi.spyOn(db, 'getSync')
    const found = await Promise.all(keys.slice(0, 100).map((key) => store.fetch(key)))
    expect(found.map(({ entries }) => entries[0]?.value)).toEqual(keys.slice(0, 100).map((_, i) => i))
    expect(getMany).toHaveBeenCalledTimes(1)
    // Those who ask again as soon as they are told do so together.
    const worker = async (i: number): Promise<void> => {
      for (let n = 0; n < 10; n++) await store.fetch(keys[i * 10 + n] ?? '')
    }
    await Promise.all(Array.from({ length: 50 }, (_, i) => worker(i)))
    expect(getMany).toHaveBeenCalledTimes(11)
    expect(get).not.toHaveBeenCalled()
    expect(getSync).not.toHaveBeenCalled()
  })

  it('an iterator is let go of, however the reading ends', async () => {
    const { db, store } = await filled()
    const open = new Set<unknown>()
    const iterator = db.iterator.bind(db)
    vi.spyOn(db, 'iterator').mockImplementation((options: object) => {
      const made = iterator(options)
      open.add(made)
      const close = made.close.bind(made)
      made.close = () => {
        open.delete(made)
        return close()
      }
      return made
    })
    await store.fetch({})
    await store.fetch({ limit: 1 })
    await store.fetch([{ limit: 1 }, { lt: 'a' }])
    await db.put('dkey 0001', 'x')
    await expect(store.fetch({})).rejects.toMatchObject({ code: 'CORRUPT' })
    expect(open.size).toBe(0)
  })

  it('many pages are one answer, of one moment', async () => {
    const { store, source } = await filled()
    const reading = store.fetch({})
    const down = store.fetch({ reverse: true, limit: 2500 })
    const { reached } = store
    for (let i = 0; i < 5; i++) await store.commit([put(keys[2999] ?? '', 'new'), del(keys[1500] ?? ''), put('zzz', i)])
    const { entries, windows } = await reading
    expect(windows).toEqual({ [source]: { from: 1, to: reached[source] } })
    expect(entries.map(({ value }) => value)).toEqual(keys.map((_, i) => i))
    expect((await down).entries.map(({ value }) => value)).toEqual(
      keys
        .map((_, i) => i)
        .reverse()
        .slice(0, 2500),
    )
    expect((await store.fetch({})).entries).toHaveLength(3000)
  })

  it('L1: the answer to a point is true up to what is reached when it comes', async () => {
    const { store, source } = await filled()
    await store.commit([put('other', 1)])
    const reading = store.fetch(keys[0] ?? '')
    const { windows, behind } = await reading
    expect(windows).toEqual({ [source]: { from: 1, to: 2 } })
    expect(behind).toEqual({ [source]: 0 })
  })

  it('L1: what changes while a point is on its way is not in the window', async () => {
    for (const [recentBytesMax, query, max] of [
      [0, 'a', 4],
      [0, 'z', 4],
      [200, 'z', 2],
      [200, 'a', 2],
    ] as const) {
      const db = new MemoryLevel()
      const store = await openLevelStore('here', { db, recentBytesMax })
      const [source = ''] = store.sources
      await store.commit([put('a', 1)])
      for (let i = 2; i < 5; i++) await store.commit([put('b', i)])
      let go = (): void => undefined
      const getMany: (all: string[]) => Promise<(string | undefined)[]> = db.getMany.bind(db)
      const held = vi.spyOn(db, 'getMany').mockImplementationOnce((async (all: string[]) => {
        const texts = await getMany(all)
        await new Promise<void>((resolve) => (go = resolve))
        return texts
      }) as never)
      const reading = store.fetch(query, { max: { [source]: max } })
      await breathe()
      expect(held).toHaveBeenCalledTimes(1)
      await store.commit([put(query, 'new')])
      go()
      const { entries, windows } = await reading
      expect(entries.map(({ value }) => value)).toEqual(query === 'a' ? [1] : [])
      expect(windows[source]?.from).toBeLessThanOrEqual(max)
      expect(windows[source]?.to).toBe(4)
      await store.close()
    }
  })

  it('section 4: the difference is that of the two answers, between any two commits of a batch', async () => {
    for (const recentBytesMax of [0, 2 ** 20]) {
      const store = await openLevelStore('here', { db: new MemoryLevel(), recentBytesMax })
      const [source = ''] = store.sources
      await store.commit([put('a', 1), put('b', 1)])
      await Promise.all([
        store.commit([put('new', 1), del('a')]),
        store.commit([del('new'), put('a', 2), del('none')]),
        store.commit([put('b', 2)]),
        store.commit([del('a'), del('b')]),
        store.commit([put('b', 3), del('new')]),
      ])
      const between = async (since: number, until: number): Promise<unknown> => {
        const { changes, folded } = await store.changes({}, { since: { [source]: since }, until: { [source]: until } })
        return [
          folded,
          ...changes.map(({ key, value, gone }) => (gone === true ? `${key} gone` : `${key} ${String(value)}`)),
        ]
      }
      expect(await between(1, 2)).toEqual([1, 'a gone', 'new 1'])
      expect(await between(1, 3)).toEqual([2, 'a 2'])
      expect(await between(2, 3)).toEqual([1, 'a 2', 'new gone'])
      expect(await between(2, 4)).toEqual([2, 'a 2', 'b 2', 'new gone'])
      expect(await between(2, 5)).toEqual([3, 'b gone', 'new gone'])
      expect(await between(3, 5)).toEqual([2, 'a gone', 'b gone'])
      expect(await between(1, 6)).toEqual([5, 'a gone', 'b 3'])
      expect(await between(5, 6)).toEqual([1, 'b 3'])
      await store.close()
    }
  })

  it('L0, L6: any point of a long past, and the way from there, without memory of it', async () => {
    for (const recentBytesMax of [0, 3000, 2 ** 20]) {
      const { store, states, points, wanted } = await withLongPast({ recentBytesMax })
      for (const [i, at] of points.entries()) {
        if (i % 17 !== 0) continue
        for (const query of queries) {
          const state = states[i] ?? new Map()
          const snapshot = await store.fetch(query, { min: at, max: at })
          expect(snapshot.entries.map(({ key, value }) => [key, value])).toEqual(
            answer(query, state).map(({ key, value }) => [key, value]),
          )
          for (const [source, { from, to }] of Object.entries(snapshot.windows)) {
            for (const version of [from, to]) {
              expect(answer(query, states[version] ?? new Map())).toEqual(answer(query, state))
              expect(version).toBeLessThanOrEqual(store.reached[source] ?? 0)
            }
          }
          const { changes, replace, folded } = await store.changes(query, { since: at })
          expect(replace).toBeUndefined()
          const held = new Map(answer(query, state).map(({ key, value }) => [key, value]))
          applyChanges(held, changes)
          const now = answer(query, wanted)
          expect(held).toEqual(new Map(now.map(({ key, value }) => [key, value])))
          expect(folded).toBeGreaterThanOrEqual(changes.length > 0 ? 1 : 0)
        }
      }
      await store.close()
    }
  })

  it('a key that changed often costs a page or two, not its whole past', async () => {
    const db = new MemoryLevel()
    const store = await openLevelStore('here', { db, recentBytesMax: 0 })
    await store.commit([put('a', 0), put('b', 0), put('c', 0)])
    await Promise.all(Array.from({ length: 5000 }, (_, i) => store.commit([put('a', i)])))
    const before = store.reached
    await store.commit([put('a', -1), put('b', -1), put('c', -1)])
    let pages = 0
    const iterator = db.iterator.bind(db)
    vi.spyOn(db, 'iterator').mockImplementation((options: object) => {
      const made = iterator(options)
      const nextv = made.nextv.bind(made)
      made.nextv = (size: number) => {
        pages++
        return nextv(size)
      }
      return made
    })
    expect((await store.fetch({}, { max: before })).entries.map(({ value }) => value)).toEqual([4999, 0, 0])
    expect(pages).toBeLessThan(9)
    await store.close()
  })

  it('L8: what changed more than is told one by one comes as the answer', async () => {
    const db = new MemoryLevel()
    const store = await openLevelStore('here', { db, recentBytesMax: 0 })
    const since = store.reached
    for (let i = 0; i < 11; i++) await store.commit(Array.from({ length: 1000 }, (_, j) => put(`a ${i} ${j}`, j)))
    await store.commit([put('b', 1)])
    const { changes, replace, folded } = await store.changes(
      [
        { gte: 'a', lt: 'b' },
        { gte: 'a 3', lt: 'a 4' },
      ],
      { since },
    )
    expect(changes).toEqual([])
    expect(replace?.ranges).toEqual([{ gte: 'a', lt: 'b' }])
    expect(replace?.entries).toHaveLength(11_000)
    expect(folded).toBe(11)
    expect((await store.changes('b', { since })).changes).toEqual([{ key: 'b', value: 1 }])
    await store.close()
  })

  it('a feed over what memory holds answers at once', async () => {
    const { store } = await filled()
    const feed = store.watch({ gte: 'm' })
    await feed.take()
    await store.commit([put('m', 1), put('a', 1)])
    await store.commit([put('n', 1), del('m')])
    expect(feed.take()).toMatchObject({ changes: [{ key: 'n', value: 1 }], folded: 2 })
    expect(feed.take()).toBeUndefined()
  })
})

const queries: readonly Query[] = [
  {},
  'k1',
  'none',
  { gte: 'k2', lt: 'k5' },
  { limit: 2 },
  { reverse: true, limit: 3 },
  ['k3', { gt: 'k7' }],
]

function applyChanges(state: Map<string, unknown>, changes: readonly Change[]): void {
  for (const { key, value, gone } of changes) {
    if (gone === true) state.delete(key)
    else state.set(key, value)
  }
}

interface Past {
  readonly store: LevelStore
  /** The state at each version. */
  readonly states: readonly ReadonlyMap<string, unknown>[]
  readonly points: readonly Versions[]
  readonly wanted: ReadonlyMap<string, unknown>
}

/** A few keys that changed often: one in every commit, others now and then. */
async function withLongPast(options: LevelStoreOptions): Promise<Past> {
  const db = new MemoryLevel()
  const random = seededRandom(3)
  const store = await openLevelStore('here', { db, ...options })
  const state = new Map<string, unknown>()
  const states = [new Map(state)]
  const points = [store.reached]
  for (let i = 1; i <= 300; i++) {
    const chosen = new Map<string, Change>([['k4', put('k4', i)]])
    for (let n = Math.floor(random() * 3); n > 0; n--) {
      const key = `k${Math.floor(random() ** 2 * 10)}`
      chosen.set(key, random() < 0.3 ? del(key) : put(key, `${key} ${i}`))
    }
    applyChanges(state, [...chosen.values()])
    points.push(await store.commit([...chosen.values()]))
    states.push(new Map(state))
  }
  return { store, states, points, wanted: state }
}
