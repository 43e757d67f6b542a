import { createMemoryStore, type Store } from '@fanlight/core'
import { type ConformanceSeams, storeConformance } from '@fanlight/core/conformance'
import { connect, type Remote } from '@fanlight/client-browser'
import { createRouter } from '@fanlight/router'
import { serve, type Server } from '@fanlight/server'

/** What stands behind a remote, and is closed with it. */
interface Behind {
  readonly server: Server
  readonly store: Store<object>
}

const behind = new WeakMap<object, Behind>()

/** Serves a store on a real socket, and connects to it. */
async function remoteOf(store: Store<object>, { clock, random }: ConformanceSeams): Promise<Remote> {
  const server = await serve(store)
  const remote = await connect(server.url, { clock, random })
  behind.set(remote, { server, store })
  return remote
}

async function end(remote: object): Promise<void> {
  const { server, store } = behind.get(remote) as Behind
  await server.close()
  await store.close()
}

storeConformance('a memory store over a websocket', {
  runs: 30,
  create: (seams) => remoteOf(createMemoryStore(seams), seams),
  teardown: end,
})

storeConformance('a router over a websocket', {
  runs: 30,
  create: (seams) => remoteOf(createRouter({ '': createMemoryStore(seams) }, { clock: seams.clock }), seams),
  teardown: end,
})
