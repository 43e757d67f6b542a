/**
 * Serves a LevelDB folder over websockets: what `connect(url)` gives in a page, or in another process, is a store like any other.
 * Only this machine may connect; `host` and `authenticate` of `serve` open it to others.
 *
 *     npm run build
 *     node examples/level-server/dist/main.js <folder> [port]
 *
 * @module
 */
import { once } from 'node:events'
import { serve } from '@fanlight/server'
import { openLevelStore } from '@fanlight/store-level'

// First of all, so that who ends it while it opens does not leave it half open.
const ended = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
const [folder, port = '0'] = process.argv.slice(2)
try {
  if (folder === undefined) throw new Error('which folder? level-server <folder> [port]')
  // Closed in the opposite order: first nobody is served any more, then the folder is let go.
  await using store = await openLevelStore(folder)
  await using server = await serve(store, { port: Number(port) })
  console.log(`${folder} is served at ${server.url} (Ctrl-C ends it)`)
  await ended
} catch (error) {
  console.error(explain(error))
  process.exitCode = 1
}

/** What went wrong, and what was behind it, for the person at the terminal. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message} (${explain(error.cause)})`
}
