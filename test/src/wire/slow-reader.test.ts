import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { createMemoryStore, everything, type Feed, FanlightError, put, type Store, type Update } from '@fanlight/core'
import { Holder } from '@fanlight/core/conformance'
import { breathe, manualClock, seededRandom } from '@fanlight/core/testing'
import { connect, type Remote } from '@fanlight/client-browser'
import { Kind, protocolVersion } from '@fanlight/protocol'
import { Hub, serve } from '@fanlight/server'
import { describe, expect, test } from 'vitest'
import { long } from '../support/index.ts'
import { until } from './scene.ts'
import { Raw } from './raw.ts'
import { Stuck } from './stuck.ts'
import { usedBytes } from './used-bytes.ts'
import { stateOf } from './watcher.ts'

/** Takes whatever comes, and holds it. */
function holding(store: Store): { readonly holder: Holder; readonly updates: Update[]; readonly feed: Feed } {
  const feed = store.watch(everything)
  const holder = new Holder(everything)
  const updates: Update[] = []
  const run = async (): Promise<void> => {
    for await (const update of feed) {
      holder.apply(update)
      updates.push({ ...update, changes: [], replace: undefined })
    }
  }
  void run().catch(() => undefined)
  return { holder, updates, feed }
}

describe('a reader that is slow', () => {
  test('L8: costs one point, slows nobody, and catches up in one update', async () => {
    const commits = 10_000
    const pausedMs = long ? 60_000 : 5_000
    const keys = 500
    const store = createMemoryStore<{ '': string }>({ name: 'slow' })
    const source = store.sources[0] ?? ''
    const text = 'x'.repeat(4_000)
    await store.commit(Array.from({ length: 2 * keys }, (_, i) => put(`k${i}`, text)))
    const http = createServer()
    const sockets: Socket[] = []
    http.on('connection', (socket: Socket) => void sockets.push(socket))
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const server = await serve(store, { server: http })

    // What is read of the socket is read here: so it can stop.
    const slow = await Raw.welcomed(server.url)
    const held = new Map<string, unknown>()
    slow.send([Kind.watch, 0, everything, null])
    await slow.first(Kind.step)
    const stepsBefore = slow.said.filter(([kind]) => kind === Kind.step).length
    slow.socket.pause()

    const remote = (await connect(server.url)) as Remote
    const quick = holding(remote)
    await until(() => quick.holder.versions !== undefined)
    const usedBefore = usedBytes()
    const beganMs = performance.now()
    let usedMost = 0
    let waitsMost = 0
    let queuedMost = 0
    for (let i = 0; i < commits || performance.now() - beganMs < pausedMs; i++) {
      const versions = await store.commit([put(`k${i % keys}`, `${i} ${text}`)])
      if (i % 500 === 0) {
        usedMost = Math.max(usedMost, usedBytes())
        queuedMost = Math.max(queuedMost, sockets[0]?.writableLength ?? Infinity)
        const sentMs = performance.now()
        await until(() => (quick.holder.versions?.[source] ?? 0) >= (versions[source] ?? 0))
        waitsMost = Math.max(waitsMost, performance.now() - sentMs)
      } else if (i % 10 === 0 || i > commits) await breathe(i > commits ? 20 : 0)
    }
    const last = store.reached[source] ?? 0
    expect(last).toBeGreaterThan(commits)
    // The other saw everything meanwhile, in many steps.
    await until(() => quick.holder.versions?.[source] === last)
    expect(quick.updates.length).toBeGreaterThan(commits / 100)
    expect(waitsMost).toBeLessThan(2_000)
    const expected = await stateOf(store)
    expect(quick.holder.state).toEqual(expected)

    // The store keeps its history: so many values of four kilobytes. What waits for the slow one is a step or two.
    expect(usedMost - usedBefore - last * 4_400).toBeLessThan(16 * 2 ** 20)
    expect(queuedMost).toBeGreaterThan(0)
    expect(queuedMost).toBeLessThan(2 ** 20)

    slow.socket.resume()
    await until(() => slow.said.some((one) => one[0] === Kind.step && one[1][source] === last))
    let [updates, folded] = [0, 0]
    let longest = 0
    for (const [i, one] of slow.said.entries()) {
      if (one[0] === Kind.changed) for (const [key, value] of one[2]) held.set(key, value)
      if (one[0] === Kind.part) for (const [key, value] of one[2]) held.set(key, value)
      if (one[0] !== Kind.update) continue
      const [replaced, changes, count] = one[3]
      for (const [key, value] of [...(replaced?.[1] ?? []), ...changes]) held.set(key, value)
      if (i === 0) continue
      updates++
      folded += count
      longest = Math.max(longest, count)
    }
    // What was on its way when it stopped to read, and one for all that came afterwards.
    expect(held).toEqual(expected)
    expect(folded).toBe(last)
    expect(longest).toBeGreaterThan(commits / 2)
    const steps = slow.said.filter(([kind]) => kind === Kind.step).length - stepsBefore
    expect(updates).toBeLessThan(quick.updates.length / 2)
    expect(steps).toBeGreaterThan(0)

    await slow.close()
    await remote.close()
    await server.close()
    await new Promise((resolve) => http.close(resolve))
    await store.close()
  })

  test('L8: a channel that never tells that it is done gets one step, and then one for all that came since', async () => {
    const clock = manualClock()
    const store = createMemoryStore({ name: 'slow', clock, random: seededRandom(1) })
    const hub = new Hub(store, { clock, stopwatch: () => clock.now(), later: (go) => void clock.after(0, go) })
    await store.commit(Array.from({ length: 3_000 }, (_, i) => put(`k${i}`, -1)))
    const stuck = new Stuck()
    hub.accept(stuck)
    stuck.says([Kind.hello, protocolVersion, null])
    stuck.says([Kind.watch, 0, everything, null])
    await clock.advance(200)
    await store.commit([put('large', 'x'.repeat(300_000))])
    await clock.advance(10)
    for (let i = 0; i < 1_000; i++) {
      await store.commit([put(`k${i % 300}`, i)])
      await clock.advance(1)
    }
    await clock.advance(1_000)
    const before = stuck.heard.filter(([kind]) => kind === Kind.update || kind === Kind.changed).length
    expect(before).toBeLessThan(10)
    expect(stuck.bytes).toBeLessThan(2 ** 21)

    stuck.read()
    await clock.advance(1_000)
    const since = stuck.heard.slice(stuck.heard.findIndex(([kind]) => kind === Kind.update))
    const updates = since.filter(([kind]) => kind === Kind.update)
    const folded = updates.map((one) => (one[0] === Kind.update ? one[3][2] : 0))
    // The first answer, what filled the connection, and all the rest.
    expect(folded).toEqual([1, 1, 1_000])
    hub.close()
    await store.close()
  })
})

describe('a thousand watchers on one connection', () => {
  test('L5: step together, in one frame; TOO_MANY for one more', async () => {
    const store = createMemoryStore<{ '': number }>({ name: 'many' })
    const source = store.sources[0] ?? ''
    const count = 1_000
    await store.commit(Array.from({ length: count }, (_, i) => put(`k${i}`, 0)))
    const server = await serve(store)
    const remote = await connect<typeof store>(server.url)
    const feeds = Array.from({ length: count }, (_, i) => remote.watch(`k${i}`))
    for (const feed of feeds) expect((await feed.take())?.replace?.entries).toHaveLength(1)

    const raw = await Raw.welcomed(server.url)
    raw.send(...feeds.map((_, i) => [Kind.watch, i, `k${i}`, null]))
    await until(() => raw.said.filter(([kind]) => kind === Kind.update).length === count)
    for (let round = 1; round <= 5; round++) {
      raw.said.length = 0
      const point = await store.commit(feeds.map((_, i) => put(`k${i}`, round)))
      await until(() => raw.said.some((one) => one[0] === Kind.step && one[1][source] === point[source]))
      const kinds = raw.said.filter(([kind]) => kind === Kind.update || kind === Kind.step).map(([kind]) => kind)
      // All of them, and then the step that makes them count.
      expect(kinds.indexOf(Kind.step)).toBe(count)

      await until(() => (feeds[0]?.reached[source] ?? 0) >= (point[source] ?? 0))
      for (const feed of feeds) {
        expect(feed.reached).toEqual(point)
        const update = await feed.take()
        expect(update).toMatchObject({ versions: point, changes: [{ value: round }] })
      }
    }

    raw.send([Kind.watch, count, 'k0', null])
    const [, , error] = await raw.first(Kind.ended, count)
    expect(error.code).toBe('TOO_MANY')
    const one = remote.watch('another')
    const refused: unknown = await Promise.resolve(one.take()).catch((reason: unknown) => reason)
    expect(refused).toBeInstanceOf(FanlightError)
    expect(refused).toMatchObject({ code: 'TOO_MANY' })
    // The others go on, and where one of them ends there is room.
    await one.close()
    await feeds[0]?.close()
    const again = remote.watch('another')
    await store.commit([put('another', 1), put('k1', 9)])
    expect((await again.take())?.replace).toBeDefined()
    await until(() => feeds[1]?.reached[source] === store.reached[source])
    expect((await feeds[1]?.take())?.changes).toMatchObject([{ value: 9 }])
    await raw.close()
    await remote.close()
    await server.close()
    await store.close()
  })
})
