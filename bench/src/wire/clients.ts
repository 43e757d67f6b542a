/**
 * The clients of a benchmark, in a process of their own: each follows everything and applies what comes.
 *
 * @module
 */
import { connect } from '@fanlight/client-browser'
import { everything, type Feed } from '@fanlight/core'
import { Packr } from 'msgpackr'
import { Connection, type Doc } from 'sharedb/lib/client/index.js'
import { WebSocket } from 'ws'
import type { Ask, Peer, Told } from './messages.ts'
import { collection, documentOf, type Component } from './share.ts'

/** What a client has. */
interface Follower {
  /** The value of a key, which says when it was written. */
  held(key: string): unknown
}

let followers: readonly Follower[] = []
let timed = 1
let deliveries = 0
let latencies: number[] = []
let cpu = process.cpuUsage()

process.on('message', (ask: Ask) => {
  void answer(ask).then((told) => process.send?.(told))
})

async function answer(ask: Ask): Promise<Told> {
  let latencyMs = 0
  let wrong = 0
  if (ask.do === 'open') {
    timed = ask.timed
    followers = await Promise.all(Array.from({ length: ask.clients }, () => open[ask.peer](ask.url)))
  }
  if (ask.do === 'reset') {
    deliveries = 0
    latencies = []
    cpu = process.cpuUsage()
  }
  if (ask.do === 'times') {
    latencies.sort((a, b) => a - b)
    latencyMs = latencies[latencies.length >> 1] ?? 0
  }
  if (ask.do === 'check') {
    for (const [key, at] of ask.written) for (const follower of followers) if (follower.held(key) !== at) wrong++
  }
  const { user, system } = process.cpuUsage(cpu)
  return { deliveries, cpuMs: (user + system) / 1000, latencyMs, wrong }
}

/** An entry was applied; its value is when it was written. */
function delivered(value: unknown): void {
  deliveries++
  // A sample is enough, and costs both sides alike.
  if (deliveries % timed === 0) latencies.push(performance.timeOrigin + performance.now() - (value as number))
}

const open: Record<Peer, (url: string) => Promise<Follower>> = {
  async fanlight(url) {
    const remote = await connect(url)
    const held = new Map<string, unknown>()
    const feed: Feed = remote.watch(everything)
    await feed.take()
    feed.wake(() => {
      const update = feed.take()
      if (update === undefined || update instanceof Promise) return
      for (const { key, value } of update.changes) {
        held.set(key, value)
        delivered(value)
      }
    })
    return { held: (key) => held.get(key) }
  },
  async ws(url) {
    const packr = new Packr({ useRecords: false })
    const socket = new WebSocket(url, { perMessageDeflate: false })
    const held = new Map<string, unknown>()
    socket.on('message', (data: Buffer) => {
      const [key, value] = packr.unpack(data) as [string, unknown]
      held.set(key, value)
      delivered(value)
    })
    await new Promise((resolve) => socket.once('open', resolve))
    return { held: (key) => held.get(key) }
  },
  /** The documents apply what comes; what is counted are the entries that their operations changed. */
  async sharedb(url) {
    const connection = new Connection(new WebSocket(url, { perMessageDeflate: false }) as never)
    const documents = await new Promise<readonly Doc<Record<string, number>>[]>((resolve, reject) => {
      connection.createSubscribeQuery(collection, {}, {}, (error, found) => (error ? reject(error) : resolve(found)))
    })
    for (const document of documents) {
      document.on('op', (components) => {
        for (const { oi } of components as readonly Component[]) delivered(oi)
      })
    }
    const byName = new Map(documents.map((document) => [document.id, document]))
    return { held: (key) => byName.get(documentOf(key))?.data?.[key] }
  },
}
