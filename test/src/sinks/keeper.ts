/**
 * Keeps what begins with `a/` in a served store mirrored into a place, until it is ended or killed, and says how far it is.
 * keeper.js <url> <kind> <place>
 */
import { once } from 'node:events'
import { connect } from '@fanlight/client-browser'
import { type Store, mirror, prefix } from '@fanlight/core'
import { openJsonStore } from '@fanlight/store-json'
import { openLevelStore } from '@fanlight/store-level'
import { openMongoStore } from '@fanlight/store-mongo'

const [url = '', kind = '', place = ''] = process.argv.slice(2)

const openers: Readonly<Record<string, () => Promise<Store>>> = {
  json: () => openJsonStore(place),
  level: () => openLevelStore(place),
  mongo: () => openMongoStore(place, { idleMs: 50 }),
}

const sink = await openers[kind]?.()
if (sink === undefined) throw new Error(`a sink of which kind? ${Object.keys(openers).join(', ')}`)
const remote = await connect(url)
const mirrored = mirror(remote, prefix('a/'), sink, {
  onError: (error) => console.log(`error ${(error as Error).message}`),
})
mirrored.onChange(() => {
  const [version] = Object.values(mirrored.versions)
  if (version !== undefined) console.log(`at ${version}`)
  if (mirrored.error !== undefined) console.log(`over`)
})
await once(process, 'SIGTERM')
await mirrored.close()
await sink.close()
await remote.close()
