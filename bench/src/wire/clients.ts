/**
 * The clients of a benchmark, in a process of their own: each follows everything and applies what comes to a Map.
 *
 * @module
 */
import { connect } from '@fanlight/client-browser'
import { everything, type Feed } from '@fanlight/core'
import { Packr } from 'msgpackr'
import { WebSocket } from 'ws'
import type { Ask, Peer, Told } from './messages.ts'

let deliveries = 0
let latencies: number[] = []
let cpu = process.cpuUsage()

process.on('message', (ask: Ask) => {
  void answer(ask).then((told) => process.send?.(told))
})

async function answer(ask: Ask): Promise<Told> {
  if (ask.do === 'open') await Promise.all(Array.from({ length: ask.clients }, () => open[ask.peer](ask.url)))
  if (ask.do === 'reset') {
    deliveries = 0
    latencies = []
    cpu = process.cpuUsage()
  }
  const { user, system } = process.cpuUsage(cpu)
  latencies.sort((a, b) => a - b)
  return { deliveries, latencyMs: latencies[latencies.length >> 1] ?? 0, cpuMs: (user + system) / 1000 }
}

/** The value is when it was written. */
function delivered(held: Map<string, unknown>, key: string, value: unknown): void {
  held.set(key, value)
  deliveries++
  // A sample is enough, and costs both sides alike.
  if (deliveries % 101 === 0) latencies.push(performance.timeOrigin + performance.now() - (value as number))
}

const open: Record<Peer, (url: string) => Promise<void>> = {
  async fanlight(url) {
    const remote = await connect(url)
    const held = new Map<string, unknown>()
    const feed: Feed = remote.watch(everything)
    await feed.take()
    feed.wake(() => {
      const update = feed.take()
      if (update === undefined || update instanceof Promise) return
      for (const { key, value } of update.changes) delivered(held, key, value)
    })
  },
  async ws(url) {
    const packr = new Packr({ useRecords: false })
    const socket = new WebSocket(url, { perMessageDeflate: false })
    const held = new Map<string, unknown>()
    socket.on('message', (data: Buffer) => {
      const [key, value] = packr.unpack(data) as [string, unknown]
      delivered(held, key, value)
    })
    await new Promise((resolve) => socket.once('open', resolve))
  },
}
