/**
 * The clients of a benchmark, in a process of their own: each follows everything and applies what comes.
 *
 * @module
 */
import { channelOf, connect, type Dial } from '@fanlight/client-browser'
import { everything, type Feed } from '@fanlight/core'
import { Packr } from 'msgpackr'
import { Connection, type Doc } from 'sharedb/lib/client/index.js'
import { WebSocket } from 'ws'
import type { Ask, Peer, Told } from './messages.ts'
import { collection, documentOf, type Component } from './share.ts'

/** A client, and what it has. */
class Follower {
  deliveries = 0
  /** From when the writer wrote to when it had it, in milliseconds. */
  latencies: number[] = []
  held: (key: string) => unknown = () => undefined
  socket: WebSocket | undefined

  /** An entry was applied. */
  delivered(value: unknown): void {
    this.deliveries++
    deliveries++
    // A sample is enough, and costs both sides alike.
    if (deliveries % timed === 0) this.latencies.push(performance.timeOrigin + performance.now() - timeOf(value))
  }
}

/** The value is when it was written, or begins with it. */
function timeOf(value: unknown): number {
  return Array.isArray(value) ? (value[0] as number) : (value as number)
}

let followers: readonly Follower[] = []
let timed = 1
let deliveries = 0
let cpu = process.cpuUsage()

process.on('message', (ask: Ask) => {
  void answer(ask).then((told) => process.send?.(told))
})

async function answer(ask: Ask): Promise<Told> {
  let latencyMs = 0
  let p99Ms = 0
  let wrong = 0
  const last = followers.at(-1)
  switch (ask.do) {
    case 'open':
      timed = ask.timed
      followers = Array.from({ length: ask.clients }, () => new Follower())
      await Promise.all(followers.map((follower) => open[ask.peer](ask.url, follower)))
      break
    case 'reset':
      deliveries = 0
      for (const follower of followers) {
        follower.deliveries = 0
        follower.latencies = []
      }
      cpu = process.cpuUsage()
      break
    case 'tell':
      break
    case 'times':
      latencyMs = quantile(
        followers.flatMap(({ latencies }) => latencies),
        0.5,
      )
      p99Ms = quantile(followers[0]?.latencies ?? [], 0.99)
      break
    case 'pause':
      last?.socket?.pause()
      break
    case 'resume':
      last?.socket?.resume()
      break
    case 'check':
      for (const [key, at] of ask.written)
        for (const follower of followers) if (timeOf(follower.held(key)) !== at) wrong++
      break
  }
  const { user, system } = process.cpuUsage(cpu)
  return { deliveries, ofLast: last?.deliveries ?? 0, cpuMs: (user + system) / 1000, latencyMs, p99Ms, wrong }
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? 0
}

const open: Record<Peer, (url: string, follower: Follower) => Promise<void>> = {
  async fanlight(url, follower) {
    const dial: Dial = (to) =>
      channelOf((follower.socket = new WebSocket(to, { perMessageDeflate: false })), 'nodebuffer')
    const remote = await connect(url, { dial })
    const held = new Map<string, unknown>()
    follower.held = (key) => held.get(key)
    const feed: Feed = remote.watch(everything)
    await feed.take()
    feed.wake(() => {
      const update = feed.take()
      if (update === undefined || update instanceof Promise) return
      // Not what changed: that is not known any more.
      for (const { key, value } of update.replace?.entries ?? []) held.set(key, value)
      for (const { key, value } of update.changes) {
        held.set(key, value)
        follower.delivered(value)
      }
    })
  },
  async ws(url, follower) {
    const packr = new Packr({ useRecords: false })
    const socket = new WebSocket(url, { perMessageDeflate: false })
    const held = new Map<string, unknown>()
    follower.held = (key) => held.get(key)
    socket.on('message', (data: Buffer) => {
      const [key, value] = packr.unpack(data) as [string, unknown]
      held.set(key, value)
      follower.delivered(value)
    })
    await new Promise((resolve) => socket.once('open', resolve))
  },
  /** The documents apply what comes; what is counted are the entries that their operations changed. */
  async sharedb(url, follower) {
    const connection = new Connection(new WebSocket(url, { perMessageDeflate: false }) as never)
    const documents = await new Promise<readonly Doc<Record<string, number>>[]>((resolve, reject) => {
      connection.createSubscribeQuery(collection, {}, {}, (error, found) => (error ? reject(error) : resolve(found)))
    })
    for (const document of documents) {
      document.on('op', (components) => {
        for (const { oi } of components as readonly Component[]) follower.delivered(oi)
      })
    }
    const byName = new Map(documents.map((document) => [document.id, document]))
    follower.held = (key) => byName.get(documentOf(key))?.data?.[key]
  },
}
