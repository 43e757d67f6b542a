import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryStore, type Store } from '@fanlight/core'
import { type ConformanceSeams, storeConformance } from '@fanlight/core/conformance'
import { connect, type Remote } from '@fanlight/client-browser'
import { createRouter } from '@fanlight/router'
import { serve, type Server } from '@fanlight/server'
import { openLevelStore } from '@fanlight/store-level'

/** What stands behind a store of the suite, and is closed with it. */
interface Behind {
  readonly servers: readonly Server[]
  readonly stores: readonly Store<object>[]
  /** The folder of a LevelDB. */
  readonly folder?: string | undefined
}

const behind = new WeakMap<object, Behind>()

/** Serves a store on a real socket, and connects to it. */
async function remoteOf(store: Store<object>, { clock, random }: ConformanceSeams, folder?: string): Promise<Remote> {
  const server = await serve(store)
  const remote = await connect(server.url, { clock, random })
  behind.set(remote, { servers: [server], stores: [store], folder })
  return remote
}

/** Mounts stores, some of them remote, and remembers what stands behind those. */
function routerOf(mounts: Readonly<Record<string, Store>>, { clock }: ConformanceSeams): Store {
  const router = createRouter(mounts, { clock })
  const parts = Object.values(mounts).flatMap((store) => behind.get(store) ?? [])
  behind.set(router, {
    servers: parts.flatMap(({ servers }) => servers),
    stores: parts.flatMap(({ stores }) => stores),
  })
  return router as Store<object> as Store
}

async function end(one: object): Promise<void> {
  const { servers, stores, folder } = behind.get(one) as Behind
  for (const server of servers) await server.close()
  for (const store of stores) await store.close()
  if (folder !== undefined) await rm(folder, { recursive: true })
}

/** Two mounts: the keys that begin with 'a/', and all others. */
function place(key: string): string {
  return key.startsWith('a/') ? 'a/' : ''
}

async function levelIn(folder: string, seams: ConformanceSeams): Promise<Remote> {
  const { clock, random, history } = seams
  return remoteOf(await openLevelStore(folder, { clock, random, history }), seams, folder)
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

storeConformance('LevelDB over a websocket', {
  runs: 15,
  create: async (seams) => levelIn(await mkdtemp(join(tmpdir(), 'fanlight-wire-')), seams),
  reopen: async (remote, seams) => {
    const { servers, stores, folder = '' } = behind.get(remote) as Behind
    await remote.close()
    for (const one of [...servers, ...stores]) await one.close()
    return levelIn(folder, seams)
  },
  teardown: end,
})

storeConformance('a router of two remotes', {
  runs: 15,
  create: async (seams) =>
    routerOf(
      {
        '': await remoteOf(createMemoryStore(seams), seams),
        'a/': await remoteOf(createMemoryStore(seams), seams),
      },
      seams,
    ),
  place,
  teardown: end,
})

storeConformance('a router of a remote and a store beside it', {
  runs: 15,
  create: async (seams) =>
    routerOf({ '': createMemoryStore(seams), 'a/': await remoteOf(createMemoryStore(seams), seams) }, seams),
  place,
  teardown: end,
})
