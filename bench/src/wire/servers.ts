import { once } from 'node:events'
import { createMemoryStore, put } from '@fanlight/core'
import { serve } from '@fanlight/server'
import WebSocketJSONStream from '@teamwork/websocket-json-stream'
import { Packr } from 'msgpackr'
import ShareDB from 'sharedb'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Peer } from './messages.ts'
import { called, type Component, createDocuments, documentOf } from './share.ts'

/** Somebody to write to, whom clients in another process follow. */
export interface Served {
  readonly url: string
  /** Whether a client may miss a value that was overwritten before it was sent. */
  readonly folds: boolean
  /** Writes one entry; its value is when it was written, or that and a text. */
  write(key: string, value: number | readonly [at: number, text: string]): Promise<void>
  close(): Promise<void>
}

/** Serves these keys, to be followed. */
export const serveKeys: Record<Peer, (keys: readonly string[]) => Promise<Served>> = {
  async fanlight() {
    const store = createMemoryStore()
    const server = await serve(store)
    return {
      url: server.url,
      folds: true,
      write: async (key, value) => void (await store.commit([put(key, value)])),
      close: () => server.close(),
    }
  },
  /** The least that can be done: one frame, encoded once, to everyone. */
  async ws() {
    const packr = new Packr({ useRecords: false })
    const { server, url, close } = await listening()
    return {
      url,
      folds: false,
      write: (key, value) => {
        const frame = packr.pack([key, value])
        for (const socket of server.clients) socket.send(frame)
        return Promise.resolve()
      },
      close,
    }
  },
  /**
   * Whoever subscribes to a query hears the operations of all documents in it. By itself ShareDB also asks its database again
   * after each operation, once for each subscriber, which answers may have come or gone: here none ever do.
   */
  async sharedb(keys) {
    const backend = new ShareDB({ db: new Unpolled() })
    const documents = await createDocuments(backend.connect(), keys)
    const { url, close } = await listening((socket) => void backend.listen(new WebSocketJSONStream(socket)))
    return {
      url,
      folds: false,
      write: (key, value) => {
        const component: Component = { p: [key], oi: value }
        return called((done) => documents.get(documentOf(key))?.submitOp([component] as never, undefined, done))
      },
      close,
    }
  },
}

class Unpolled extends ShareDB.MemoryDB {
  override skipPoll(): boolean {
    return true
  }
}

/** A server of websockets, without compression. */
export async function listening(
  accept?: (socket: WebSocket) => void,
): Promise<{ readonly server: WebSocketServer; readonly url: string; readonly close: () => Promise<void> }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  if (accept !== undefined) server.on('connection', accept)
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    server,
    url: `ws://127.0.0.1:${port}`,
    close: () => {
      server.close()
      return Promise.resolve()
    },
  }
}
