/**
 * A list that all who have its page open share. Vite builds and serves the page; the store is at the same port.
 *
 *     npm run build
 *     node examples/live-list/dist/server.js [port]
 *
 * @module
 */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { fileURLToPath } from 'node:url'
import { createMemoryStore, put } from '@fanlight/core'
import { serve } from '@fanlight/server'
import { build, preview } from 'vite'

/** What is served: the page takes its type from here. With `openLevelStore(folder)` in its place it lasts. */
export const store = createMemoryStore<{ 'items/': string }>()
await store.commit([put('items/1', 'bread')])

const root = fileURLToPath(new URL('..', import.meta.url))
const options = { root, configFile: false, logLevel: 'warn', build: { outDir: 'dist/site' } } as const
await build(options)
const site = await preview({ ...options, preview: { host: '127.0.0.1', port: Number(process.argv[2] ?? 0) } })
const server = await serve(store, { server: site.httpServer as Server, path: '/live' })
console.log(`The list is at ${site.resolvedUrls?.local[0]} (Ctrl-C ends it)`)

// Vite itself ends the process at a SIGTERM.
await once(process, 'SIGINT')
await server.close()
await site.close()
