import { createServer, type Server as HttpServer } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStore, everything, mirror, put, type Versions } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import { connect, type ConnectionState, type Remote } from '@fanlight/client-browser'
import { serve } from '@fanlight/server'
import { openLevelStore } from '@fanlight/store-level'
import { describe, expect, test } from 'vitest'
import { long } from '../support/index.ts'
import { until } from './scene.ts'
import { cutAway } from './cut-away.ts'
import { follow, stateOf } from './watcher.ts'

function reaches(point: Versions, other: Versions): boolean {
  return Object.entries(other).every(([source, version]) => (point[source] ?? -1) >= version)
}

/** A server whose sockets can be torn off. */
async function listening(port = 0): Promise<{ http: HttpServer; port: number; cut(): void; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const http = createServer()
  http.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  const address = http.address()
  return {
    http,
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

const patience = { retryMs: 5, retryMsMax: 20, timeoutMs: 60_000 }

describe('connections that are cut', () => {
  test('L4, L6, L7: twenty cuts under load, each before a commit is answered: nothing is torn, lost, or seen twice', async () => {
    const cutsWanted = long ? 100 : 20
    const store = createMemoryStore<{ '': number }>({ name: 'cut' })
    const source = store.sources[0] ?? ''
    const host = await listening()
    const server = await serve(store, { server: host.http })
    const states: ConnectionState[] = []
    const remote = await connect<typeof store>(server.url, { ...patience, onConnection: (state) => states.push(state) })
    const watcher = follow(remote)
    const copy = new Map<string, number>()
    const mirrored = mirror(remote, everything, copy)

    // The answer to the commit that is being made when the connection is cut is lost: it must be tried again.
    let cuts = 0
    let isDue = false
    const spy = store.watch(everything)
    const deaf = spy.wake(() => {
      const update = spy.take()
      if (!isDue || update === undefined || update instanceof Promise) return
      if (!update.changes.some(({ key }) => key.startsWith('once/'))) return
      isDue = false
      cuts++
      host.cut()
    })

    let isOver = false
    let own = 0
    let theirs = 0
    const writer = async (): Promise<void> => {
      for (; !isOver; own++) {
        const pair = own % 50
        await store.commit([put(`a${pair}`, own), put(`b${pair}`, own)])
        await breathe()
      }
    }
    const committer = async (): Promise<void> => {
      while (!isOver) {
        const number = theirs++
        const min = await remote.commit([put(`once/${number}`, number)])
        const { entries } = await remote.fetch(`once/${number}`)
        expect(entries[0]?.value).toBe(number)
        expect(entries[0]?.version).toBe(min[source])
      }
    }
    const work = [writer(), committer(), committer(), committer()]
    for (let i = 0; i < cutsWanted; i++) {
      const before = watcher.updates
      await until(() => remote.connection.status === 'open' && watcher.updates > before + 2)
      isDue = true
      await until(() => cuts > i)
    }
    isOver = true
    await Promise.all(work)

    const reached = { [source]: own + theirs }
    expect(store.reached).toEqual(reached)
    await until(() => reaches(watcher.versions, reached))
    await mirrored.settled(reached)
    const expected = await stateOf(store)
    expect(expected.size).toBe(theirs + 2 * Math.min(50, own))
    expect(await stateOf(remote)).toEqual(expected)
    expect(watcher.state).toEqual(expected)
    expect(copy).toEqual(expected)

    // History allows it to go on: only the first answer is whole.
    expect(watcher.replaces).toBe(1)
    const statuses = states.map(({ status }) => status)
    expect(cuts).toBe(cutsWanted)
    expect(statuses.filter((status) => status === 'open')).toHaveLength(cutsWanted + 1)
    expect(statuses.filter((status) => status === 'waiting').length).toBeGreaterThanOrEqual(cutsWanted)
    expect(states.find(({ status }) => status === 'waiting')?.why).toMatchObject({ code: 'UNAVAILABLE' })
    deaf()
    await mirrored.close()
    await watcher.close()
    await remote.close()
    expect(remote.connection.status).toBe('closed')
    await server.close()
    await host.close()
    await store.close()
  })

  test('L7: a server that comes back over the same LevelDB is gone on with; what was asked meanwhile is answered', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fanlight-cuts-'))
    let store = await openLevelStore(folder)
    let server = await serve(store)
    const remote = (await connect(server.url, patience)) as Remote
    const watcher = follow(remote)
    let numbers = 0
    for (let round = 0; round < 3; round++) {
      await remote.commit([put(`a${round}`, round), put(`b${round}`, round), put('number', numbers++)])
      const before = remote.sources[0] ?? ''
      const seen = remote.reached
      await until(() => reaches(watcher.versions, remote.reached))
      await server.close()
      await store.close()
      await until(() => remote.connection.status !== 'open')
      const waiting = [remote.commit([put('number', numbers++)]), remote.fetch('number', { min: seen })] as const
      store = await openLevelStore(folder)
      await store.commit([put('meanwhile', round)])
      server = await serve(store, { port: server.port })
      const point = await waiting[0]
      await waiting[1]
      expect(remote.sources[0]).not.toBe(before)
      // A point of before still counts.
      expect((await remote.fetch(`a${round}`, { max: seen })).entries).toHaveLength(1)
      await until(() => reaches(watcher.versions, point))
      expect(watcher.state).toEqual(await stateOf(store))
    }
    expect(watcher.replaces).toBe(1)
    expect(watcher.state.get('number')).toBe(numbers - 1)
    await watcher.close()
    await remote.close()
    await server.close()
    await store.close()
    await rm(folder, { recursive: true })
  })

  test('SOURCE_RESET: a server that comes back with another history replaces what is held', async () => {
    let store = createMemoryStore({ name: 'reset' })
    let server = await serve(store)
    const remote = await connect(server.url, patience)
    const watcher = follow(remote)
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < 6 - round; i++) await remote.commit([put(`a${i}`, round), put(`b${i}`, round)])
      const seen = remote.reached
      await until(() => reaches(watcher.versions, seen))
      expect(watcher.state.size).toBe(2 * (6 - round))
      await server.close()
      await store.close()
      store = createMemoryStore({ name: 'reset' })
      server = await serve(store, { port: server.port })
      await until(() => remote.sources[0] === store.sources[0])
      await expect(remote.fetch({}, { min: seen })).rejects.toMatchObject({ code: 'SOURCE_RESET' })
      await until(() => watcher.replaces === round + 1)
      expect(watcher.state.size).toBe(0)
      // Its asker does not wait for what was there before.
      expect((await remote.fetch({})).entries).toEqual([])
    }
    await watcher.close()
    await remote.close()
    await server.close()
    await store.close()
  })
})

test('L9: whoever closes a feed ends its take, also while there is no connection', async () => {
  const store = createMemoryStore({ name: 'gone' })
  const server = await serve(store)
  const remote = await connect(server.url, { ...patience, retryMs: 60_000, retryMsMax: 60_000 })
  await server.close()
  await until(() => remote.connection.status !== 'open')
  const feed = remote.watch(everything)
  const taken = Promise.resolve(feed.take())
  const ended = taken.catch((error: unknown) => error)
  await breathe()
  await feed.close()
  expect(await ended).toMatchObject({ code: 'CLOSED' })
  await remote.close()
  await store.close()
})

describe('a simulated connection', () => {
  const seeds = Array.from({ length: long ? 1000 : 100 }, (_, i) => i + 1)

  test('L4, L6, L7: cuts at any byte; one seed gives one trace', async () => {
    let cuts = 0
    let resumes = 0
    let retries = 0
    for (const seed of seeds) {
      const first = await cutAway(seed)
      expect(first.failure, `seed ${seed}`).toBeUndefined()
      if (seed % 10 === 0) expect((await cutAway(seed)).trace, `the trace of seed ${seed}`).toBe(first.trace)
      cuts += first.cuts
      resumes += first.resumes
      retries += first.retries
    }
    expect(cuts).toBeGreaterThan(10 * seeds.length)
    expect(resumes).toBeGreaterThan(5 * seeds.length)
    expect(retries).toBeGreaterThan(seeds.length)
  })
})
