/**
 * The client alone, in a page: it mirrors everything into a Map and commits, while a test cuts its connection.
 *
 * @module
 */
import { connect } from '@fanlight/client-browser'
import { everything, mirror, put } from '@fanlight/core'

/** What the test asks the page. */
export interface MirrorPage {
  /** How often there was a connection. */
  readonly opened: number
  /** What is wrong with what came: nothing, it is hoped. */
  readonly flaws: readonly string[]
  /** Steps of the mirror. */
  readonly steps: number
  /** Commits so many times, one after the other. */
  commit(count: number): Promise<void>
  /** What the Map holds once nothing is missing. */
  settled(): Promise<readonly (readonly [string, unknown])[]>
}

/** How many pairs of keys there are, whose two values are always put together. */
const pairs = 50

const flaws: string[] = []
const told = { opened: 0, steps: 0 }

/** A Map that hears what is done to it. */
class Watched extends Map<string, unknown> {
  override set(key: string, value: unknown): this {
    // Each value is put once, so that whatever comes again is seen twice, and whatever is less is of the past.
    const before = this.get(key)
    if (typeof before === 'number' && Number(value) <= before) flaws.push(`${key}: ${String(value)} after ${before}`)
    return super.set(key, value)
  }
}

const copy = new Watched()
const url = new URL('/live', location.href.replace(/^http/, 'ws')).href
const remote = await connect(url, {
  retryMs: 20,
  retryMsMax: 200,
  onConnection: ({ status }) => {
    if (status === 'open') told.opened++
  },
})
const mirrored = mirror(remote, everything, copy, {
  onError: (error) => flaws.push(error instanceof Error ? error.message : String(error)),
})
const feed = remote.watch(everything)
void (async () => {
  for await (const update of feed) {
    told.steps++
    const seen = new Map(update.changes.map(({ key, value }) => [key, value]))
    for (let i = 0; i < pairs; i++) {
      if (seen.get(`a/${i}`) !== seen.get(`b/${i}`)) flaws.push(`a step changes one half of pair ${i}`)
    }
  }
})()
setInterval(() => {
  for (let i = 0; i < pairs; i++) {
    const [a, b] = [copy.get(`a/${i}`), copy.get(`b/${i}`)]
    if (a !== b) flaws.push(`pair ${i} is ${String(a)} and ${String(b)}`)
  }
}, 1)

const page: MirrorPage = {
  get opened() {
    return told.opened
  },
  get steps() {
    return told.steps
  },
  flaws,
  async commit(count) {
    for (let n = 1; n <= count; n++) await remote.commit([put('mine', n)])
  },
  async settled() {
    await mirrored.settled()
    return [...copy].sort(([a], [b]) => (a < b ? -1 : 1))
  },
}
Object.assign(globalThis, { page })
