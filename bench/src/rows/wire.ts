import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connect } from '@fanlight/client-browser'
import { createMemoryStore, put } from '@fanlight/core'
import { serve } from '@fanlight/server'
import { Packr } from 'msgpackr'
import { WebSocket, WebSocketServer } from 'ws'
import { inFlight, keysOf, spread } from '../measure.ts'
import type { Row, Side } from '../row.ts'
import type { Ask, Peer, Told } from '../wire/messages.ts'

const clients = 100
const keys = keysOf(10_000)
const turnMs = 1000

/** Somebody to write to, whom clients in another process follow. */
interface Served {
  readonly url: string
  write(key: string): Promise<void>
  close(): Promise<void>
}

const open: Record<Peer, () => Promise<Served>> = {
  async fanlight() {
    const store = createMemoryStore()
    const server = await serve(store)
    return {
      url: server.url,
      write: async (key) => void (await store.commit([put(key, now())])),
      close: () => server.close(),
    }
  },
  /** The least that can be done: one frame, encoded once, to everyone. */
  async ws() {
    const packr = new Packr({ useRecords: false })
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    return {
      url: `ws://127.0.0.1:${port}`,
      write: (key) => {
        const frame = packr.pack([key, now()])
        for (const socket of server.clients) socket.send(frame)
        return Promise.resolve()
      },
      close: () => {
        server.close()
        return Promise.resolve()
      },
    }
  },
}

/** When it is, in milliseconds that two processes understand. */
function now(): number {
  return performance.timeOrigin + performance.now()
}

/** Clients in another process, and what they tell. */
async function following(
  peer: Peer,
  measure: (served: Served, ask: (one: Ask) => Promise<Told>) => Promise<number>,
): Promise<Side> {
  const served = await open[peer]()
  const child = fork(fileURLToPath(new URL('../wire/clients.js', import.meta.url)))
  const ask = async (one: Ask): Promise<Told> => {
    child.send(one)
    const [told] = (await once(child, 'message')) as [Told]
    return told
  }
  await ask({ do: 'open', peer, url: served.url, clients })
  return {
    measure: () => measure(served, ask),
    close: async () => {
      child.kill()
      await served.close()
    },
  }
}

/** Deliveries a second: a commit every turn of the loop, each to another key. */
function fanout(peer: Peer): Promise<Side> {
  const next = spread(keys.length)
  return following(peer, async (served, ask) => {
    await ask({ do: 'reset' })
    const began = performance.now()
    while (performance.now() - began < turnMs) {
      await served.write(keys[next()] as string)
      await turn()
    }
    const { deliveries } = await ask({ do: 'tell' })
    const seconds = (performance.now() - began) / 1000
    // What is under way still belongs to this turn, not to the next.
    await sleep(500)
    return deliveries / seconds
  })
}

/** The median time from a commit to a client, at 100 commits a second. */
function latency(peer: Peer): Promise<Side> {
  const next = spread(keys.length)
  return following(peer, async (served, ask) => {
    await ask({ do: 'reset' })
    for (let i = 0; i < 100; i++) {
      await served.write(keys[next()] as string)
      await sleep(10)
    }
    await sleep(50)
    return (await ask({ do: 'tell' })).latencyMs
  })
}

/** Point fetches a second over one connection, 64 outstanding. */
async function requests(): Promise<Side> {
  const store = createMemoryStore()
  await store.commit(keys.map((key, i) => put(key, i)))
  const server = await serve(store)
  const remote = await connect(server.url)
  return asking(
    (key) => remote.fetch(key),
    async () => {
      await remote.close()
      await server.close()
    },
  )
}

/** An echo that packs and unpacks: a request and an answer, and nothing else. */
async function echoes(): Promise<Side> {
  const packr = new Packr({ useRecords: false })
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  await once(server, 'listening')
  server.on('connection', (socket) =>
    socket.on('message', (data: Buffer) => socket.send(packr.pack(packr.unpack(data)))),
  )
  const { port } = server.address() as { port: number }
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
  await once(socket, 'open')
  const waiting = new Map<number, () => void>()
  let id = 0
  socket.on('message', (data: Buffer) => {
    const [answered] = packr.unpack(data) as [number]
    waiting.get(answered)?.()
    waiting.delete(answered)
  })
  const ask = (key: string): Promise<void> =>
    new Promise((resolve) => {
      waiting.set(++id, resolve)
      socket.send(packr.pack([id, key]))
    })
  return asking(ask, async () => {
    socket.close()
    server.close()
  })
}

function asking(one: (key: string) => Promise<unknown>, close: () => Promise<void>): Side {
  const next = spread(keys.length)
  return {
    async measure() {
      const began = performance.now()
      await inFlight(10_000, 64, () => one(keys[next()] as string))
      return 10_000 / ((performance.now() - began) / 1000)
    },
    close,
  }
}

export const wireRows: readonly Row[] = [
  {
    name: 'ws-fanout',
    unit: 'deliveries/s',
    more: true,
    reach: [8],
    pairs: [
      { against: 'raw ws, one shared frame a commit', ours: () => fanout('fanlight'), theirs: () => fanout('ws') },
    ],
  },
  {
    name: 'ws-latency',
    unit: 'ms',
    more: false,
    reach: [0.75],
    pairs: [{ against: 'raw ws', ours: () => latency('fanlight'), theirs: () => latency('ws') }],
  },
  {
    name: 'ws-request',
    unit: 'fetches/s',
    more: true,
    reach: [1],
    pairs: [{ against: 'raw ws with msgpackr, an echo', ours: requests, theirs: echoes }],
  },
]
