import { createMemoryStore, everything, type FetchOptions, type MemoryStore, put, type Query } from '@fanlight/core'
import { altered } from '@fanlight/core/testing'
import type { AtHand } from '@fanlight/core/kit'
import { CloseCode, Kind } from '@fanlight/protocol'
import { describe, expect, test } from 'vitest'
import { takingSo } from './taking-so.ts'
import { hubScene } from './hub-scene.ts'
import type { Stuck } from './stuck.ts'
import { usedBytes } from './used-bytes.ts'

const mebibyte = 2 ** 20
const keys = 5_000

/** A store whose whole answer is half a mebibyte. */
async function bigStore(): Promise<MemoryStore> {
  const store = createMemoryStore({ name: 'big' })
  await store.commit(Array.from({ length: keys }, (_, i) => put(`k${i}`, `${i} ${'x'.repeat(100)}`)))
  return store
}

const fetchAll = (id: number): unknown => [Kind.fetch, id, everything, null, null, null, null]
const watchAll = (id: number): unknown => [Kind.watch, id, everything, null]

/** How many entries came under an id, in parts and at the end. */
function entriesUnder(one: Stuck, id: number): number {
  const parts = one.of(Kind.part, id).map((part) => part[2])
  const answers = one.of(Kind.answer, id).map((answer) => answer[2])
  const updates = one.of(Kind.update, id).map((update) => update[3][0]?.[1] ?? [])
  return [...parts, ...answers, ...updates].reduce((sum, entries) => sum + entries.length, 0)
}

describe('who does not read', () => {
  test('L8: asks for a thousand long answers, of which a few are evaluated', async () => {
    const store = await bigStore()
    let asked = 0
    const atHand = (query: Query, options?: FetchOptions): unknown => {
      asked++
      return (store as unknown as AtHand)['~atHand'](query, options)
    }
    const { hub, stuck } = hubScene(altered(store, { '~atHand': atHand }))
    const one = await stuck()
    const before = usedBytes()
    one.says(...Array.from({ length: 1_000 }, (_, id) => fetchAll(id)))
    expect(asked).toBeLessThan(5)
    expect(one.bytes).toBeLessThan(mebibyte)
    expect(usedBytes() - before).toBeLessThan(16 * mebibyte)
    // The one that is too many is told so.
    one.says(fetchAll(1_000))
    expect(one.ending).toBeUndefined()
    hub.close()
    await store.close()
  })

  test('L8: the same of a store that answers later: what came without room is asked for again', async () => {
    const store = await bigStore()
    let asked = 0
    const fetch = (query: Query, options?: FetchOptions): unknown => {
      asked++
      return store.fetch(query, options)
    }
    const { hub, clock, stuck } = hubScene(altered(store, { fetch, '~atHand': undefined }))
    const one = await stuck()
    const count = 64
    const before = usedBytes()
    one.says(...Array.from({ length: count }, (_, id) => fetchAll(id)))
    await clock.advance(100)
    expect(usedBytes() - before).toBeLessThan(8 * mebibyte)
    expect(asked).toBe(count)

    one.read()
    await clock.advance(1_000)
    for (let id = 0; id < count; id++) expect([id, entriesUnder(one, id)]).toEqual([id, keys])
    // Once more each, at the most.
    expect(asked).toBeLessThanOrEqual(2 * count)
    hub.close()
    await store.close()
  })

  test('64 long answers come all when they are read, and a short one and a commit between them', async () => {
    const store = await bigStore()
    const { hub, clock, stuck } = hubScene(store)
    const one = await stuck()
    one.says(...Array.from({ length: 64 }, (_, id) => fetchAll(id)))
    one.says([Kind.fetch, 64, 'k7', null, null, null, null], [Kind.changes, 65, everything, store.reached, null, null])
    one.says([Kind.commit, 66, [['new', 1]], null, null, null])
    await clock.advance(10)
    expect((await store.fetch('new')).entries).toHaveLength(1)
    one.read()
    await clock.advance(1_000)
    for (let id = 0; id < 64; id++) expect(entriesUnder(one, id)).toBeGreaterThanOrEqual(keys)
    expect(entriesUnder(one, 64)).toBe(1)
    expect(one.of(Kind.difference, 65)).toHaveLength(1)
    expect(one.of(Kind.committed, 66)).toHaveLength(1)
    expect(one.of(Kind.failed)).toEqual([])
    hub.close()
    await store.close()
  })

  test('TOO_MANY: questions that wait have so many bytes', async () => {
    const store = await bigStore()
    const { hub, clock, stuck } = hubScene(store, { limits: { bufferedBytes: mebibyte } })
    const one = await stuck()
    one.says(fetchAll(0))
    const long = 'x'.repeat(200_000)
    for (let id = 1; id < 10; id++) one.says([Kind.fetch, id, long, null, null, null, null])
    await clock.advance(10)
    const refused = one.of(Kind.failed)
    expect(refused.map(([, , { code }]) => code)).toEqual(refused.map(() => 'TOO_MANY'))
    expect(refused.length).toBeGreaterThan(3)
    hub.close()
    await store.close()
  })

  test('ABORTED: a question that waits is cancelled, and so is an answer of which parts were sent', async () => {
    const store = await bigStore()
    const { hub, clock, stuck } = hubScene(store)
    const one = await stuck()
    one.says(fetchAll(0), fetchAll(1), [Kind.cancel, 0], [Kind.cancel, 1])
    one.read()
    await clock.advance(1_000)
    expect(one.of(Kind.answer)).toEqual([])
    for (const id of [0, 1]) expect(one.of(Kind.failed, id)).toMatchObject([[Kind.failed, id, { code: 'ABORTED' }]])
    expect(entriesUnder(one, 0)).toBeLessThan(keys)
    one.says(fetchAll(0))
    await clock.advance(1_000)
    expect(one.of(Kind.answer)).toHaveLength(1)
    hub.close()
    await store.close()
  })

  test('L8: follows a hundred long answers, of which few are taken, and gets all when it reads', async () => {
    const store = await bigStore()
    let taken = 0
    const counted = takingSo(store, (_, go) => {
      taken++
      return go()
    })
    const { hub, clock, stuck } = hubScene(counted)
    const one = await stuck()
    const before = usedBytes()
    const count = 100
    one.says(...Array.from({ length: count }, (_, id) => watchAll(id)))
    await clock.advance(1_000)
    expect(taken).toBeLessThan(5)
    expect(usedBytes() - before).toBeLessThan(8 * mebibyte)
    expect(one.bytes).toBeLessThan(mebibyte)

    await store.commit([put('new', 1)])
    one.read()
    await clock.advance(60_000)
    for (let id = 0; id < count; id++) {
      expect([id, entriesUnder(one, id)]).toEqual([id, id === 0 ? keys : keys + 1])
      expect(one.of(Kind.ended)).toEqual([])
    }
    expect(one.of(Kind.step).at(-1)?.[1]).toEqual(store.reached)
    hub.close()
    await store.close()
  })

  test('L8: the same of a store that answers later, also where some answers never come', async () => {
    const store = await bigStore()
    let taken = 0
    const later = takingSo(store, (query, go) => {
      taken++
      return query === 'never' ? new Promise(() => undefined) : Promise.resolve().then(() => go())
    })
    const { hub, clock, stuck } = hubScene(later, { limits: { timeoutMs: 600_000 } })
    const one = await stuck()
    const [hanging, count] = [40, 40]
    one.says(...Array.from({ length: hanging }, (_, id) => [Kind.watch, id, 'never', null]))
    one.says(...Array.from({ length: count }, (_, id) => watchAll(hanging + id)))
    await clock.advance(10_000)
    expect(taken).toBeLessThan(hanging + 20)
    expect(one.bytes).toBeLessThan(mebibyte)

    one.read()
    await clock.advance(60_000)
    for (let id = hanging; id < hanging + count; id++) expect([id, entriesUnder(one, id)]).toEqual([id, keys])
    hub.close()
    expect(clock.pending).toBeLessThan(2)
    await store.close()
  })

  test('L8: a long answer is not encoded to be told to nobody', async () => {
    const store = await bigStore()
    const { hub, clock, stuck } = hubScene(store)
    const before = usedBytes()
    for (let i = 0; i < 50; i++) {
      const one = await stuck()
      one.says(watchAll(0))
      await clock.advance(10)
      expect(one.bytes).toBeLessThan(mebibyte / 2)
      one.heard.length = 0
    }
    // What is on its way is 16 MiB; the whole answers would be 30 MiB more.
    expect(usedBytes() - before).toBeLessThan(24 * mebibyte)
    hub.close()
    await store.close()
  })
})

describe('frames of many messages', () => {
  test('TOO_MANY: more than all that may be under way ends it with 4429', async () => {
    const store = createMemoryStore({ name: 'many' })
    const { hub, clock, reader } = hubScene(store, { limits: { requests: 10, watches: 15 } })
    const [one, other] = [await reader(), await reader()]
    one.says(...Array.from({ length: 100 }, (_, id) => [Kind.cancel, id]))
    expect(one.ending).toBeUndefined()
    one.says(...Array.from({ length: 101 }, (_, id) => [Kind.cancel, id]))
    expect(one.ending).toMatchObject({ code: CloseCode.tooMany, reason: expect.stringContaining('101') })
    other.says(fetchAll(0))
    await clock.advance(1)
    expect(other.of(Kind.answer)).toHaveLength(1)
    hub.close()
    await store.close()
  })

  test('refusals that nobody reads end it within the frame', async () => {
    const store = createMemoryStore({ name: 'many' })
    const limits = { bufferedBytes: 1_000, frameBytes: 100_000, requests: 1_000 }
    const { hub, stuck } = hubScene(store, { limits })
    const one = await stuck()
    one.says(...Array.from({ length: 5_000 }, (_, id) => [Kind.watch, id, { limit: -1 }, null]))
    expect(one.ending).toEqual({ code: CloseCode.tooMany, reason: 'answers are not read' })
    expect(one.bytes).toBeLessThan(400_000)
    hub.close()
    await store.close()
  })

  test('L8: queries that were followed and left leave nothing behind', async () => {
    const store = createMemoryStore({ name: 'many' })
    const { hub, clock, reader } = hubScene(store)
    const one = await reader()
    let id = 0
    const round = async (): Promise<number> => {
      for (let i = 0; i < 20; i++) {
        one.says(...Array.from({ length: 500 }, () => [watchAll(id), [Kind.unwatch, id++]]).flat())
        await clock.advance(1)
      }
      one.heard.length = 0
      return usedBytes()
    }
    const before = await round()
    // 4,500 bytes each would be 45 MB.
    expect((await round()) - before).toBeLessThan(4 * mebibyte)
    hub.close()
    await store.close()
  })
})
