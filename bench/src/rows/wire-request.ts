import { once } from 'node:events'
import { connect } from '@fanlight/client-browser'
import { createMemoryStore, put } from '@fanlight/core'
import { serve } from '@fanlight/server'
import WebSocketJSONStream from '@teamwork/websocket-json-stream'
import { Packr } from 'msgpackr'
import ShareDB from 'sharedb'
import { Connection } from 'sharedb/lib/client/index.js'
import { WebSocket } from 'ws'
import { inFlight, keysOf, spread } from '../measure.ts'
import type { Row, Side } from '../row.ts'
import { listening } from '../wire/servers.ts'
import { called, collection } from '../wire/share.ts'

const keys = keysOf(10_000)
const count = 10_000

/** Point fetches a second over one connection, 64 outstanding. */
async function requests(): Promise<Side> {
  const store = createMemoryStore()
  await store.commit(keys.map((key, i) => put(key, i)))
  const server = await serve(store)
  const remote = await connect(server.url)
  return asking(
    async (key) => (await remote.fetch(key)).entries[0]?.value,
    async () => {
      await remote.close()
      await server.close()
    },
  )
}

/** An echo that packs and unpacks: a request and an answer, and nothing else. */
async function echoes(): Promise<Side> {
  const packr = new Packr({ useRecords: false })
  const { url, close } = await listening((socket) =>
    socket.on('message', (data: Buffer) => socket.send(packr.pack(packr.unpack(data)))),
  )
  const socket = new WebSocket(url, { perMessageDeflate: false })
  await once(socket, 'open')
  const waiting = new Map<number, (value: unknown) => void>()
  let id = 0
  socket.on('message', (data: Buffer) => {
    const [answered, , value] = packr.unpack(data) as [number, string, unknown]
    waiting.get(answered)?.(value)
    waiting.delete(answered)
  })
  // The value goes there and back: an echo has none of its own.
  const ask = (key: string, value: number): Promise<unknown> =>
    new Promise((resolve) => {
      waiting.set(++id, resolve)
      socket.send(packr.pack([id, key, value]))
    })
  return asking(ask, async () => {
    socket.close()
    await close()
  })
}

/** A document a key, of which the snapshot is fetched: the fastest way to read one, as the client keeps no document. */
async function documents(): Promise<Side> {
  const backend = new ShareDB()
  const own = backend.connect()
  for (const [i, key] of keys.entries()) await called((done) => own.get(collection, key).create(i, done))
  const { url, close } = await listening((socket) => void backend.listen(new WebSocketJSONStream(socket)))
  const socket = new WebSocket(url, { perMessageDeflate: false })
  const connection = new Connection(socket as never)
  const ask = (key: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      connection.fetchSnapshot(collection, key, null, (error, snapshot) =>
        error ? reject(error) : resolve(snapshot.data),
      )
    })
  return asking(ask, async () => {
    connection.close()
    await close()
  })
}

/** The value of each key is its place among the keys, and must come back. */
function asking(one: (key: string, value: number) => Promise<unknown>, close: () => Promise<void>): Side {
  const next = spread(keys.length)
  return {
    async measure() {
      const began = performance.now()
      await inFlight(count, 64, async () => {
        const at = next()
        const value = await one(keys[at] as string, at)
        if (value !== at) throw new Error(`${String(keys[at])} is ${at}, not ${String(value)}`)
      })
      return count / ((performance.now() - began) / 1000)
    },
    close,
  }
}

export const requestsRow: Row = {
  name: 'ws-request',
  unit: 'fetches/s',
  more: true,
  reach: [1, 1.5],
  pairs: [
    { against: 'raw ws with msgpackr, an echo', ours: requests, theirs: echoes },
    { against: 'sharedb over ws, fetchSnapshot', ours: requests, theirs: documents },
  ],
}
