/**
 * Keeps all of a remote store in a plain Map, and says how far it is; at its end it prints what the Map holds, as a line of JSON.
 * Where the connection breaks it goes on from where it was: only what changed meanwhile comes over it.
 *
 *     npm run build
 *     node examples/level-server/dist/main.js <folder>    (or any other server)
 *     node examples/sync-to-map/dist/main.js <url>
 *
 * @module
 */
import { once } from 'node:events'
import { connect } from '@fanlight/client-browser'
import { everything, formatVersions, mirror } from '@fanlight/core'

const [url] = process.argv.slice(2)
if (url === undefined) throw new Error('which url? sync-to-map <url>')
const remote = await connect(url, { retryMsMax: 1_000 })

// An ordinary Map: read it whenever you like, it never holds half of a commit.
const copy = new Map<string, unknown>()
const mirrored = mirror(remote, everything, copy, { onError: console.error })

let said = ''
const saying = setInterval(() => {
  const now = `${remote.connection.status}: ${copy.size} keys at ${formatVersions(mirrored.versions)}`
  if (now !== said) console.log((said = now))
}, 100)

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
clearInterval(saying)
console.log(JSON.stringify([...copy]))
await mirrored.close()
await remote.close()
