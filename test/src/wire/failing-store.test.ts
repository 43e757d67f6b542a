import {
  createMemoryStore,
  everything,
  FanlightError,
  type FetchOptions,
  type MemoryStore,
  put,
  type Query,
  type Update,
} from '@fanlight/core'
import { altered } from '@fanlight/core/testing'
import { CloseCode, Kind } from '@fanlight/protocol'
import { expect, test } from 'vitest'
import { takingSo } from './taking-so.ts'
import { hubScene } from './hub-scene.ts'
import type { Stuck } from './stuck.ts'

const never = new Promise<never>(() => undefined)

async function smallStore(): Promise<MemoryStore> {
  const store = createMemoryStore({ name: 'small', limits: { ranges: 200 } })
  await store.commit([put('a', 0), put('b', 0)])
  return store
}

/** The values that a query was told, one after the other. */
function valuesOf(one: Stuck, id: number): unknown[] {
  return one
    .of(Kind.update, id)
    .flatMap(([, , , [replaced, changes]]) => [
      ...(replaced?.[1] ?? []).map(([, value]) => value),
      ...changes.map(([, value]) => value),
    ])
}

test('a first answer that does not come holds nobody, and is STALLED in the end', async () => {
  const store = await smallStore()
  const { hub, clock, reader } = hubScene(
    takingSo(store, (query, go) => (query === 'b' ? never : go())),
    { limits: { timeoutMs: 5_000 } },
  )
  const one = await reader()
  one.says([Kind.watch, 0, 'a', null], [Kind.watch, 1, 'b', null])
  await clock.advance(100)
  for (const n of [1, 2]) {
    await store.commit([put('a', n)])
    await clock.advance(100)
  }
  expect(valuesOf(one, 0)).toEqual([0, 1, 2])
  expect([one.of(Kind.watching, 1), one.of(Kind.ended)]).toEqual([[], []])
  await clock.advance(5_000)
  expect(one.of(Kind.ended)).toMatchObject([[Kind.ended, 1, { code: 'STALLED' }]])
  hub.close()
  expect(clock.pending).toBeLessThan(2)
  await store.close()
})

test('one that was answered and hangs then holds the others no longer than an asker waits', async () => {
  const store = await smallStore()
  let hangs = false
  const { hub, clock, reader } = hubScene(
    takingSo(store, (query, go) => (query === 'b' && hangs ? never : go())),
    { limits: { timeoutMs: 5_000 } },
  )
  const one = await reader()
  one.says([Kind.watch, 0, 'a', null], [Kind.watch, 1, 'b', null])
  await clock.advance(100)
  hangs = true
  await store.commit([put('a', 1), put('b', 1)])
  await clock.advance(10_000)
  expect(valuesOf(one, 0)).toEqual([0, 1])
  expect(one.of(Kind.ended)).toMatchObject([[Kind.ended, 1, { code: 'STALLED' }]])
  hub.close()
  await store.close()
})

test('L5, L6: a first answer that comes late is told with what came since, at the point of the others', async () => {
  const store = await smallStore()
  let answer: (() => void) | undefined
  const late = takingSo(store, (query, go) => {
    if (query !== 'b' || answer !== undefined) return go()
    const taken = go() as Update
    return new Promise((resolve) => (answer = () => resolve(taken)))
  })
  const { hub, clock, reader } = hubScene(late)
  const one = await reader()
  one.says([Kind.watch, 0, 'a', null], [Kind.watch, 1, 'b', null])
  await clock.advance(100)
  await store.commit([put('a', 1), put('b', 1)])
  await clock.advance(100)
  expect(valuesOf(one, 0)).toEqual([0, 1])
  answer?.()
  await clock.advance(100)
  expect(one.of(Kind.watching, 1)).toHaveLength(1)
  expect(one.of(Kind.update, 1)).toMatchObject([[Kind.update, 1, null, [[[{}], [['b', 0, 1]]], [['b', 1]], 2]]])
  // No step went back.
  const versions = one.of(Kind.step).map(([, point]) => point[store.sources[0] ?? ''])
  expect(versions).toEqual(versions.toSorted((a = 0, b = 0) => a - b))
  hub.close()
  await store.close()
})

test('L7: a since ahead of the store is answered when it is there, and STALLED where it never is', async () => {
  const store = await smallStore()
  const [source = ''] = store.sources
  const { hub, clock, reader } = hubScene(store)
  const one = await reader()
  one.says([Kind.watch, 0, 'a', { [source]: 2 }], [Kind.watch, 1, 'a', { [source]: 2 ** 53 - 1 }])
  await clock.advance(10_000)
  expect(one.of(Kind.watching)).toEqual([])
  for (const n of [1, 2]) await store.commit([put('a', n)])
  await clock.advance(1_000)
  expect(valuesOf(one, 0)).toEqual([2])
  await clock.advance(30_000)
  expect(one.of(Kind.ended)).toMatchObject([[Kind.ended, 1, { code: 'STALLED' }]])
  hub.close()
  await store.close()
})

test.each<[string, unknown]>([
  ['an error that is not ours', new Error('the disk hiccups')],
  ['UNAVAILABLE', new FanlightError('UNAVAILABLE', 'not now')],
  ['STALLED', new FanlightError('STALLED', 'not now')],
  ['LOST_IN_FOG', new FanlightError('LOST_IN_FOG', 'not now')],
])('%s passes: the query is taken from again, and goes on', async (_, error) => {
  const store = await smallStore()
  let failing = 0
  let asked = 0
  const told: unknown[] = []
  const broken = takingSo(store, (__, go) => {
    asked++
    if (failing-- > 0) throw error
    return go()
  })
  const { hub, clock, reader } = hubScene(broken, { onError: (one) => told.push(one) })
  const one = await reader()
  failing = 2
  one.says([Kind.watch, 0, 'a', null])
  await clock.advance(2_000)
  expect(valuesOf(one, 0)).toEqual([0])
  failing = 3
  await store.commit([put('a', 1)])
  await clock.advance(5_000)
  expect(valuesOf(one, 0)).toEqual([0, 1])
  expect(one.of(Kind.ended)).toEqual([])
  expect(told).toEqual(error instanceof FanlightError ? [] : Array.from({ length: 5 }, () => error))
  // It waits in between, and longer each time.
  failing = Infinity
  asked = 0
  await store.commit([put('a', 2)])
  await clock.advance(40_000)
  expect(asked).toBeLessThan(60)
  const code = error instanceof FanlightError ? error.code : 'UNAVAILABLE'
  expect(one.of(Kind.ended)).toMatchObject([[Kind.ended, 0, { code }]])
  hub.close()
  await store.close()
})

test('CORRUPT does not pass: it ends the query at once', async () => {
  const store = await smallStore()
  const broken = takingSo(store, () => Promise.reject(new FanlightError('CORRUPT', 'broken for good')))
  const { hub, clock, reader } = hubScene(broken)
  const one = await reader()
  one.says([Kind.watch, 0, 'a', null])
  await clock.advance(100)
  expect(one.of(Kind.ended)).toMatchObject([[Kind.ended, 0, { code: 'CORRUPT' }]])
  hub.close()
  await store.close()
})

test('what is not our error is told to onError, and to no client', async () => {
  const store = await smallStore()
  const secret = new Error('the password is 1234')
  const told: unknown[] = []
  const onError = (error: unknown): void => {
    told.push(error)
    throw new Error('a listener that is broken as well')
  }
  const broken = altered(store, { '~atHand': undefined, fetch: () => Promise.reject(secret) })
  const { hub, clock, reader } = hubScene(broken, { onError })
  const one = await reader()
  one.says([Kind.fetch, 0, 'a', null, null, null, null])
  await clock.advance(10)
  expect(one.of(Kind.failed)).toMatchObject([[Kind.failed, 0, { code: 'UNAVAILABLE' }]])
  expect(JSON.stringify(one.heard)).not.toContain('1234')
  expect(told).toEqual([secret])
  hub.close()
  await store.close()
})

test('a store that throws where nobody expects it ends one connection, and no other', async () => {
  const store = await smallStore()
  const mistake = new TypeError('a getter that is broken')
  let isBroken = false
  const broken = altered(store, {
    get sources() {
      if (isBroken) throw mistake
      return store.sources
    },
  })
  const told: unknown[] = []
  const { hub, clock, reader } = hubScene(store, {
    onError: (error) => told.push(error),
    authenticate: () => (hub.size === 1 ? broken : undefined),
  })
  const [one, other] = [await reader(), await reader()]
  for (const each of [one, other]) each.says([Kind.watch, 0, 'a', null])
  await clock.advance(100)
  isBroken = true
  await store.commit([put('a', 1)])
  await clock.advance(1_000)
  expect(one.ending).toMatchObject({ code: CloseCode.goingAway })
  expect(told).toContain(mistake)
  expect(other.ending).toBeUndefined()
  expect(valuesOf(other, 0)).toEqual([0, 1])
  hub.close()
  await store.close()
})

test('patience and cancel reach a store that may wait, also without bounds', async () => {
  const store = await smallStore()
  const asked: (FetchOptions | undefined)[] = []
  const waiting = altered(store, {
    '~atHand': undefined,
    fetch: (_: Query, options?: FetchOptions) => {
      asked.push(options)
      return never
    },
  })
  const { hub, reader } = hubScene(waiting)
  const one = await reader()
  one.says([Kind.fetch, 0, 'a', null, null, null, 700], [Kind.fetch, 1, 'a', null, null, null, null])
  expect(asked.map((options) => options?.timeoutMs)).toEqual([700, 30_000])
  one.says([Kind.cancel, 0])
  expect(asked.map((options) => options?.signal?.aborted)).toEqual([true, false])
  hub.close()
  expect(asked[1]?.signal?.aborted).toBe(true)
  await store.close()
})

test('a query may have as many ranges as the store takes', async () => {
  const store = await smallStore()
  const { hub, clock, reader } = hubScene(store)
  const one = await reader()
  const ranges = (count: number): string[] => Array.from({ length: count }, (_, i) => (i === 0 ? 'a' : `k${i}`))
  one.says([Kind.watch, 0, ranges(100), null], [Kind.watch, 1, ranges(201), null])
  await clock.advance(10)
  expect(valuesOf(one, 0)).toEqual([0])
  expect(one.of(Kind.ended)).toMatchObject([[Kind.ended, 1, { code: 'BAD_QUERY' }]])
  hub.close()
  await store.close()
})

test('nobody looks at queries while nothing moves', async () => {
  const store = await smallStore()
  let looks = 0
  const counted = altered(store, {
    watch: (query: Query) => {
      const feed = store.watch(query)
      return altered(feed, {
        get versions() {
          looks++
          return feed.versions
        },
      })
    },
  })
  const { hub, clock, reader } = hubScene(counted)
  const one = await reader()
  one.says(...Array.from({ length: 10 }, (_, id) => [Kind.watch, id, everything, null]))
  await clock.advance(1_000)
  looks = 0
  await clock.advance(10_000)
  expect(looks).toBe(0)
  await store.commit([put('a', 1)])
  await clock.advance(1_000)
  expect(one.of(Kind.step).at(-1)?.[1]).toEqual(store.reached)
  expect(looks).toBeGreaterThan(0)
  hub.close()
  await store.close()
})
