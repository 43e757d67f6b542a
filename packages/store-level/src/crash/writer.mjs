// Writes to a store until it is killed, and tells what it does, a line of JSON each: what it tries, what was acknowledged,
// and, at each acknowledgement, how long the logs of LevelDB are: at that moment all of them is synced.
// writer.mjs <folder> <seed> <sync> <number of the first commit>
import { readdirSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '@fanlight/core/testing'
import { openLevelStore } from '@fanlight/store-level'

const [folder, seed, sync, first] = process.argv.slice(2)
const random = seededRandom(Number(seed))
const upTo = (most) => Math.floor(random() * (most + 1))
const tell = (line) => writeSync(1, `${JSON.stringify(line)}\n`)

const logs = () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.log'))
  return Object.fromEntries(names.map((name) => [name, statSync(join(folder, name)).size]))
}

// Little memory and little history, so that reading and compaction go on beside the writing.
const store = await openLevelStore(folder, {
  sync: sync === 'true',
  recentBytesMax: 100_000,
  history: { commits: 300 },
})
const [source] = store.sources
tell({ opened: source, version: store.reached[source] })

let number = Number(first)

async function write() {
  for (;;) {
    const n = number++
    const keys = new Set(Array.from({ length: 1 + upTo(4) }, () => `k${upTo(30)}`))
    const puts = [...keys].map((key) => [key, random() < 0.25 ? -1 : random() < 0.02 ? 200_000 : upTo(2000)])
    tell({ n, puts })
    const changes = puts.map(([key, size]) =>
      size < 0 ? { key, gone: true } : { key, value: { n, text: 'x'.repeat(size) } },
    )
    const id = { session: 'writer', number: n, born: store.reached }
    const versions = await store.commit([{ key: 'last', value: n }, ...changes], { id })
    tell({ acknowledged: n, version: versions[source], logs: logs() })
  }
}

await Promise.all(Array.from({ length: 8 }, write))
