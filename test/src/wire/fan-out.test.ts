import { connect, type Remote } from '@fanlight/client-browser'
import {
  createMemoryStore,
  everything,
  FanlightError,
  type Feed,
  type MemoryStore,
  put,
  type Query,
  type WatchOptions,
} from '@fanlight/core'
import { altered, breathe } from '@fanlight/core/testing'
import { serve, type Server } from '@fanlight/server'
import { afterEach, expect, test } from 'vitest'
import { until } from './scene.ts'
import { follow } from './watcher.ts'

let store: MemoryStore
let server: Server
let remotes: Remote[] = []

afterEach(async () => {
  for (const remote of remotes) await remote.close()
  remotes = []
  await server.close()
  await store.close()
})

/** Clients who follow everything, one after another. */
async function followers(count: number): Promise<ReturnType<typeof follow>[]> {
  const all: ReturnType<typeof follow>[] = []
  for (let i = 0; i < count; i++) {
    const remote = await connect(server.url, { retryMs: 5, retryMsMax: 20 })
    remotes.push(remote)
    const watcher = follow(remote)
    all.push(watcher)
    await until(() => watcher.updates > 0)
  }
  return all
}

/** The feeds of a store that are open: one that answers late, where that is asked for. */
function counting(
  isLate: boolean,
  before: () => void = () => undefined,
): { readonly store: MemoryStore; readonly open: () => number } {
  let open = 0
  const watch = (query: Query, options?: WatchOptions): Feed => {
    before()
    const feed = store.watch(query, options)
    open++
    return altered(feed, {
      take: (to?: Feed['versions']) => {
        const taken = feed.take(to)
        return isLate && taken !== undefined ? breathe(1).then(() => taken) : taken
      },
      close: () => {
        open--
        return feed.close()
      },
    })
  }
  return { store: altered(store, { watch }), open: () => open }
}

test.each([false, true])('L8: who was told alone for a while shares a feed again; late answers: %s', async (isLate) => {
  store = createMemoryStore()
  const { store: counted, open } = counting(isLate)
  server = await serve(counted)
  const watchers = await followers(4)
  for (const remote of remotes) await remote.commit([put('x', 1)])
  for (let i = 0; i < 50 && open() > 1; i++) {
    await store.commit([put('x', i)])
    await breathe(5)
  }
  expect(open()).toBe(1)
  await store.commit([put('x', 'last')])
  await until(() => watchers.every(({ state }) => state.get('x') === 'last'))
})

test('L9: a feed that cannot be had at once, where a client goes alone, is tried again', async () => {
  store = createMemoryStore()
  let fails = false
  const { store: counted } = counting(false, () => {
    if (!fails) return
    fails = false
    throw new FanlightError('UNAVAILABLE', 'not now')
  })
  server = await serve(counted)
  const watchers = await followers(2)
  await store.commit([put('x', 1)])
  await until(() => watchers.every(({ state }) => state.get('x') === 1))
  await breathe(5)
  fails = true
  await remotes[0]?.commit([put('x', 2)])
  expect(fails).toBe(false)
  await store.commit([put('x', 3)])
  await until(() => watchers.every(({ state }) => state.get('x') === 3))
})

test('L6, L7: where the store throws while one of many is told, that one comes back, and nobody misses the step', async () => {
  store = createMemoryStore()
  let fails = false
  const failing = altered(store, {
    get sources() {
      if (!fails) return store.sources
      fails = false
      throw new Error('no sources')
    },
  })
  const errors: unknown[] = []
  server = await serve(failing, { onError: (error) => errors.push(error) })
  const watchers = await followers(3)
  await store.commit([put('x', 1)])
  await until(() => watchers.every(({ state }) => state.get('x') === 1))
  fails = true
  await store.commit([put('y', 1)])
  await until(() => !fails)
  await store.commit([put('z', 1)])
  await until(() => watchers.every(({ state }) => state.get('z') === 1))
  for (const { state } of watchers) expect([...state.keys()].sort()).toEqual(['x', 'y', 'z'])
  expect(errors).toHaveLength(1)
})

test('L8: a client that follows and commits costs a server in between no new answer', async () => {
  store = createMemoryStore()
  const asked: (WatchOptions | undefined)[] = []
  const watch = (query: Query, options?: WatchOptions): Feed => {
    asked.push(options)
    return store.watch(query, options)
  }
  const origin = await serve(altered(store, { watch }))
  const between = await connect(origin.url)
  server = await serve(between)
  const [watcher] = await followers(1)
  for (let i = 0; i < 5; i++) {
    await remotes[0]?.commit([put('x', i)])
    await store.commit([put('y', i)])
    await until(() => watcher?.state.get('y') === i)
  }
  expect(asked.filter((options) => options?.since === undefined)).toHaveLength(1)
  expect(watcher?.replaces).toBe(1)
  await between.close()
  await origin.close()
})

test('L7: frames for those who follow under another id say the same', async () => {
  store = createMemoryStore()
  server = await serve(store)
  const own = await connect(server.url)
  remotes.push(own)
  for (let i = 0; i < 3; i++) await own.fetch(everything)
  const late = follow(own)
  const watchers = [...(await followers(2)), late]
  for (let i = 0; i < 5; i++) {
    await store.commit([put('x', i)])
    await until(() => watchers.every(({ state }) => state.get('x') === i))
  }
})
