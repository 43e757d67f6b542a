import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createMemoryStore, everything, type MemoryStore, put, type Store, type Update } from '@fanlight/core'
import { type ManualClock, manualClock, seededRandom } from '@fanlight/core/testing'
import { connect, type ConnectionState, type ConnectOptions, type Dial, type Remote } from '@fanlight/client-browser'
import { createRouter } from '@fanlight/router'
import { beforeEach, describe, expect, test } from 'vitest'
import { simulate, type Simulated, type SimulatedOptions } from './simulated.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Memory that is in use when nothing is left to collect: of values, not of frames. */
function usedBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

let clock: ManualClock
let store: MemoryStore

beforeEach(() => {
  clock = manualClock()
  store = createMemoryStore({ name: 'served', clock, random: seededRandom(1) })
})

function serving(options: Partial<SimulatedOptions> = {}, served: Store<object> = store): Simulated {
  return simulate(served, { clock, random: seededRandom(2), ...options })
}

async function connected({ dial }: { readonly dial: Dial }, options: ConnectOptions = {}): Promise<Remote> {
  const connecting = connect('ws://simulated/', { clock, random: seededRandom(3), dial, ...options })
  await clock.advance(1_000)
  return connecting
}

describe('a connection that comes back', () => {
  test('L8: a server that accepts and drops is asked ever less often; only one that held is asked soon', async () => {
    const server = serving()
    const states: ConnectionState[] = []
    const options = { retryMs: 100, retryMsMax: 1_000, stableMs: 5_000 }
    const remote = await connected(server, { ...options, onConnection: (state) => states.push(state) })
    for (let drops = 0; drops < 4; drops++) {
      server.cut()
      await clock.advance(2_000)
    }
    const attempts = (): number[] => states.filter(({ status }) => status === 'open').map(({ attempt }) => attempt)
    expect(attempts()).toEqual([1, 2, 3, 4, 5])
    await clock.advance(5_000)
    server.cut()
    await clock.advance(2_000)
    expect(attempts()).toEqual([1, 2, 3, 4, 5, 1])
    await remote.close()
  })

  test('L7: it goes on from the point to which it was told, also where it has heard of a newer one', async () => {
    const server = serving()
    let isDue = false
    const onConnection = ({ status }: ConnectionState): void => {
      // Cut when the welcome has said how far the server is, and nothing else was said.
      if (isDue && status === 'open') clock.after(0, () => server.cut())
      isDue &&= status !== 'open'
    }
    const remote = await connected(server, { onConnection })
    const feed = remote.watch('a')
    const updates: Update[] = []
    const run = async (): Promise<void> => {
      for await (const update of feed) updates.push(update)
    }
    const running = run()
    await clock.advance(1_000)
    expect(updates).toMatchObject([{ replace: { entries: [] } }])
    isDue = true
    server.cut()
    await store.commit([put('a', 1)])
    await clock.advance(10_000)
    expect(updates.slice(1)).toMatchObject([{ changes: [{ key: 'a', value: 1 }] }])
    expect(server.dials).toBe(3)
    await feed.close()
    await running
    await remote.close()
  })

  test('L9: a server that falls silent is left, and asked over another connection', async () => {
    const server = serving({ limits: { beatMs: 1_000, idleMs: Infinity } })
    /** Of these connections nothing arrives. */
    let silent = 0
    const dial: Dial = (url) => {
      const channel = server.dial(url)
      const number = server.dials
      const listen: typeof channel.listen = (listener) =>
        channel.listen({ ...listener, frame: (bytes) => void (number <= silent || listener.frame(bytes)) })
      return { opened: channel.opened, send: channel.send.bind(channel), buffered: 0, listen, ...endings(channel) }
    }
    const remote = await connected({ dial })
    await clock.advance(60_000)
    expect(server.dials).toBe(1)
    silent = 1
    await clock.advance(60_000)
    expect([server.dials, remote.connection.status]).toEqual([2, 'open'])
    await remote.close()
  })

  test('L4: a commit that has no id and may have been applied is not sent again', async () => {
    const anonymous: Store<object> = new Proxy<Store<object>>(store, {
      get: (target, name) => {
        if (name === 'supports') return { ...target.supports, ids: false }
        const member: unknown = Reflect.get(target, name, target)
        return typeof member === 'function' ? member.bind(target) : member
      },
    })
    const server = serving({}, anonymous)
    const remote = await connected(server)
    const spy = store.watch(everything)
    await spy.take()
    spy.wake(() => server.cut())
    const outcome = outcomeOf(remote.commit([put('a', 1)]))
    await clock.advance(10_000)
    expect(await outcome).toMatchObject({ reason: { code: 'UNAVAILABLE', applied: 'unknown' } })
    expect([server.dials, Object.values(store.reached)]).toEqual([2, [1]])
    await remote.close()
  })
})

describe('what a client says', () => {
  test('L8: what it gives up, and what it follows no longer, makes room for another', async () => {
    const remote = await connected(serving({ limits: { requests: 1, watches: 1 } }))
    const [source = ''] = remote.sources
    for (let i = 0; i < 3; i++) {
      const aborting = new AbortController()
      const fetched = outcomeOf(remote.fetch('a', { min: { [source]: 9 }, signal: aborting.signal }))
      await clock.advance(50)
      aborting.abort()
      expect(await fetched).toMatchObject({ reason: { code: 'ABORTED' } })
      await clock.advance(50)
      const feed = remote.watch(`${i}`)
      const taken = outcomeOf(Promise.resolve(feed.take()))
      await clock.advance(50)
      expect(await taken).toMatchObject({ value: { replace: { entries: [] } } })
      await feed.close()
      await clock.advance(50)
    }
    await remote.close()
  })

  test('L8: an answer in pieces for which nobody waits any more leaves nothing behind', async () => {
    const bytes = 2 ** 20
    await store.commit(Array.from({ length: 16 }, (_, i) => put(`k${i}`, `${i} `.repeat(bytes / 32))))
    const remote = await connected(serving())
    const giveUp = async (): Promise<void> => {
      const aborting = new AbortController()
      const fetched = outcomeOf(remote.fetch(everything, { signal: aborting.signal }))
      // It is on its way: the answer comes all the same.
      await clock.advance(4)
      aborting.abort()
      expect(await fetched).toMatchObject({ reason: { code: 'ABORTED' } })
      await clock.advance(1_000)
    }
    await giveUp()
    const before = usedBytes()
    for (let i = 0; i < 30; i++) await giveUp()
    expect(usedBytes() - before).toBeLessThan(10 * bytes)
    await remote.close()
  })

  test('TOO_LARGE is said of one message, not of all that are said in one turn', async () => {
    const server = serving({ limits: { frameBytes: 2 ** 14 } })
    const remote = await connected(server)
    const commits = Array.from({ length: 20 }, (_, i) => remote.commit([put(`k${i}`, 'x'.repeat(5_000))]))
    await clock.advance(1_000)
    expect(new Set((await Promise.all(commits)).flatMap((versions) => Object.values(versions))).size).toBe(20)
    expect(server.dials).toBe(1)
    await remote.close()
  })

  test('L9: whoever is more patient than the server is answered, without asking anew', async () => {
    const remote = await connected(serving({ limits: { timeoutMs: 100 } }))
    const [source = ''] = remote.sources
    const fetched = outcomeOf(remote.fetch('a', { min: { [source]: 1 }, timeoutMs: 60_000 }))
    await clock.advance(10_000)
    await store.commit([put('a', 1)])
    // A server whose patience ends early is asked again after longer and longer pauses.
    for (let i = 0; i < 40; i++) await clock.advance(1_000)
    expect(await fetched).toMatchObject({ value: { entries: [{ key: 'a', value: 1 }] } })
    await remote.close()
  })

  test('L2: that one source has forgotten a point says nothing of how far back the others go', async () => {
    const parts = ['short', 'long'].map((name, i) =>
      createMemoryStore({ name, clock, random: seededRandom(4 + i), history: { commits: 3 - i } }),
    )
    const [one, other] = parts as [MemoryStore, MemoryStore]
    for (let i = 0; i < 5; i++) {
      await one.commit([put('a', i)])
      await other.commit([put('b/a', i)])
    }
    const router = createRouter({ '': one, 'b/': other }, { clock })
    const remote = await connected(serving({}, router))
    const before = remote.oldest
    expect(Object.keys(before).sort()).toEqual([...router.sources].sort())
    const since = { ...router.reached, [one.sources[0] ?? '']: 0 }
    const asked = outcomeOf(remote.changes('a', { since }))
    await clock.advance(1_000)
    expect(await asked).toMatchObject({ reason: { code: 'LOST_IN_FOG' } })
    expect(remote.oldest).toEqual(before)
    await remote.close()
  })
})

function outcomeOf<T>(work: Promise<T>): Promise<{ readonly value: T } | { readonly reason: unknown }> {
  return work.then(
    (value) => ({ value }),
    (reason: unknown) => ({ reason }),
  )
}

function endings(channel: ReturnType<Dial>): Pick<ReturnType<Dial>, 'close' | 'terminate'> {
  return { close: (code, reason) => channel.close(code, reason), terminate: () => channel.terminate() }
}
