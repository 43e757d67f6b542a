import { type Change, type HistoryLimits, type Versions, del, put } from '@fanlight/core'
import { answer } from '@fanlight/core/conformance'
import { breathe, manualClock, seededRandom } from '@fanlight/core/testing'
import { MemoryLevel } from 'memory-level'
import { describe, expect, it, vi } from 'vitest'
import { type LevelStore, type LevelStoreOptions, openLevelStore } from './index.ts'

async function open(options: LevelStoreOptions): Promise<{ db: MemoryLevel; store: LevelStore; source: string }> {
  const db = new MemoryLevel()
  const store = await openLevelStore('here', { db, ...options })
  return { db, store, source: store.sources[0] ?? '' }
}

/** How many records of each kind there are. */
async function counts(db: MemoryLevel): Promise<Record<string, number>> {
  const counted: Record<string, number> = { d: 0, h: 0, i: 0, l: 0 }
  for (const key of await db.keys().all()) counted[key[0] ?? ''] = (counted[key[0] ?? ''] ?? 0) + 1
  return counted
}

describe('compaction', () => {
  it('keeps just what the bound of commits says, on disk too', async () => {
    const { db, store, source } = await open({ history: { commits: 10 } })
    for (let i = 1; i <= 50; i++) {
      const id = { session: 's', number: i, born: store.reached }
      await store.commit([put('a', i), i % 2 === 0 ? del('b') : put('b', i), put(`c${i}`, i)], { id })
      expect(store.oldest).toEqual({ [source]: Math.max(0, i - 10) })
    }
    // 40 commits were forgotten; in the other ten `a` and `b` replaced ten records each.
    await vi.waitFor(async () => expect(await counts(db)).toEqual({ d: 52, h: 20, i: 10, l: 10, m: 3 }))
    await store.close()
  })

  it('a delete is forgotten when the horizon has passed it, and a key that was made again is not', async () => {
    const { db, store, source } = await open({ history: { commits: 2 } })
    await store.commit([put('a', 1), put('b', 1)])
    await store.commit([del('a'), del('b')])
    await store.commit([put('b', 2)])
    expect((await store.fetch({})).windows).toEqual({ [source]: { from: 3, to: 3 } })
    expect((await store.fetch('a')).windows).toEqual({ [source]: { from: 2, to: 3 } })
    await store.commit([put('c', 1)])
    await store.commit([put('c', 2)])
    await vi.waitFor(async () => expect(await counts(db)).toMatchObject({ d: 2, h: 1, l: 2 }))
    expect(await db.keys({ gte: 'd', lt: 'e' }).all()).toEqual(['db', 'dc'])
    await store.close()
  })

  it('a delete that is compacted while its key is made again does not take it away', async () => {
    const { store } = await open({ history: { commits: 1 }, recentBytesMax: 0 })
    for (let i = 0; i < 30; i++) {
      const many = [
        store.commit([del('a')]),
        store.commit([put('a', i)]),
        store.commit([put('b', i)]),
        store.commit([del('b')]),
      ]
      await Promise.all(many)
      expect((await store.fetch({})).entries).toMatchObject([{ key: 'a', value: i }])
    }
    await store.close()
  })

  it('goes in bounded steps with commits in between, and goes on when it is opened again', async () => {
    const db = new MemoryLevel()
    let store = await openLevelStore('here', { db })
    for (let i = 0; i < 3000; i++) void store.commit([put(`k${i % 7}`, i), put(`once ${i}`, i)])
    await store.commit([])
    await store.close()
    expect(await counts(db)).toMatchObject({ h: 3000 - 7, d: 3007 })
    const batch = vi.spyOn(db, 'batch')
    store = await openLevelStore('here', { db, history: { commits: 100 } })
    expect(Object.values(store.oldest)).toEqual([2901])
    const during = await store.commit([put('new', 1)])
    expect((await store.fetch('new', { min: during })).entries).toHaveLength(1)
    await vi.waitFor(async () => expect((await counts(db)).h).toBeLessThan(1200))
    await store.close()
    const sizes = batch.mock.results.map(({ value }) => (value as { length: number }).length)
    expect(sizes.length).toBeGreaterThan(3)
    for (const size of sizes) expect(size).toBeLessThan(10_000)
  })

  it('bounds by bytes', async () => {
    const { db, store, source } = await open({ history: { bytes: 100_000 } })
    for (let i = 0; i < 300; i++) await store.commit([put('a', 'x'.repeat(1000))])
    await store.close()
    const kept = 300 - (store.oldest[source] ?? 0)
    expect(kept).toBeGreaterThanOrEqual(100_000 / 1200)
    expect(kept).toBeLessThanOrEqual((100_000 * 17) / 16 / 1000)
    expect((await counts(db)).l).toBe(kept)
  })

  it('bounds by age, also where nothing is committed', async () => {
    const clock = manualClock(1_000_000)
    const { db, store, source } = await open({ history: { ageMs: 1000 }, clock })
    await store.commit([put('a', 1)])
    await clock.advance(600)
    await store.commit([put('a', 2)])
    await store.commit([del('a')])
    await clock.advance(600)
    await vi.waitFor(() => expect(store.oldest).toEqual({ [source]: 1 }))
    expect((await store.fetch('a', { max: { [source]: 1 } })).entries).toMatchObject([{ value: 1 }])
    await clock.advance(600)
    await vi.waitFor(() => expect(store.oldest).toEqual({ [source]: 3 }))
    await vi.waitFor(async () => expect(await counts(db)).toEqual({ d: 0, h: 0, i: 0, l: 0, m: 3 }))
    await store.close()
    expect(clock.pending).toBe(0)
    const again = await openLevelStore('here', { db, clock, history: { ageMs: 1000 } })
    expect(Object.values(again.reached)).toEqual([3])
    expect(Object.values(await again.commit([put('b', 1)]))).toEqual([4])
    await again.close()
  })

  it('age is seen to when a store is opened', async () => {
    const clock = manualClock(1_000_000)
    const { db, store } = await open({ clock })
    for (let i = 0; i < 10; i++) await store.commit([put('a', i)])
    await store.close()
    await clock.advance(5000)
    const again = await openLevelStore('here', { db, clock, history: 'lease' })
    await breathe()
    expect(Object.values(again.oldest)).toEqual([0])
    await again.close()
    await clock.advance(60_000)
    const late = await openLevelStore('here', { db, clock, history: 'lease' })
    await vi.waitFor(() => expect(Object.values(late.oldest)).toEqual([10]))
    await late.close()
  })

  it('does not take away what is being read', async () => {
    const db = new MemoryLevel()
    let isHeld = false
    let go = (): void => undefined
    const iterator = db.iterator.bind(db)
    vi.spyOn(db, 'iterator').mockImplementation((options: object) => {
      const made = iterator(options)
      const nextv = made.nextv.bind(made)
      made.nextv = async (size: number) => {
        const page = await nextv(size)
        if (isHeld) await new Promise<void>((resolve) => (go = resolve))
        return page
      }
      return made
    })
    const store = await openLevelStore('here', { db, history: { commits: 2 }, recentBytesMax: 0 })
    const [source = ''] = store.sources
    await store.commit([put('a', 1), put('b', 1)])
    await store.commit([put('a', 2)])
    isHeld = true
    const reading = store.fetch({}, { max: { [source]: 1 } })
    await breathe()
    isHeld = false
    for (let i = 3; i < 9; i++) await store.commit([put('a', i), put('b', i)])
    expect(store.oldest).toEqual({ [source]: 6 })
    go()
    expect((await reading).entries).toMatchObject([
      { key: 'a', value: 1 },
      { key: 'b', value: 1 },
    ])
    await store.commit([put('a', 9)])
    await vi.waitFor(async () => expect((await counts(db)).l).toBe(2))
    await store.close()
  })

  it('L1: at, before and after the horizon, through random commits and openings', async () => {
    const random = seededRandom(11)
    const db = new MemoryLevel()
    const states: Map<string, unknown>[] = [new Map()]
    for (let round = 0; round < 12; round++) {
      const history: HistoryLimits = { commits: 1 + Math.floor(random() * 6) }
      const store = await openLevelStore('here', { db, history, recentBytesMax: random() < 0.5 ? 0 : 2000 })
      const [source = ''] = store.sources
      for (let i = 0; i < 20; i++) {
        const state = new Map(states.at(-1))
        const key = `k${Math.floor(random() * 4)}`
        const change: Change = random() < 0.4 ? del(key) : put(key, states.length)
        if (change.gone === true) state.delete(key)
        else state.set(key, change.value)
        states.push(state)
        const at: Versions = await store.commit([change])
        expect(at[source]).toBe(states.length - 1)
        const horizon = store.oldest[source] ?? 0
        expect(horizon).toBeGreaterThanOrEqual((at[source] ?? 0) - (history.commits ?? 0))
        for (const version of [horizon, horizon + 1, states.length - 1]) {
          if (version >= states.length) continue
          const { entries, windows } = await store.fetch({}, { max: { [source]: version } })
          const { from, to } = windows[source] ?? { from: 0, to: -1 }
          expect(from).toBeGreaterThanOrEqual(horizon)
          for (let inside = from; inside <= to; inside++) {
            expect(entries.map((entry) => [entry.key, entry.value])).toEqual(
              answer({}, states[inside] ?? new Map()).map(({ key, value }) => [key, value]),
            )
          }
        }
        if (horizon > 0) {
          await expect(store.fetch({}, { max: { [source]: horizon - 1 } })).rejects.toMatchObject({
            code: 'LOST_IN_FOG',
          })
        }
      }
      await store.close()
    }
  })
})
