import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { keysOf, spread } from '../measure.ts'
import type { Notes, Row, Side } from '../row.ts'
import type { Ask, Peer, Told } from '../wire/messages.ts'
import { type Served, serveKeys } from '../wire/servers.ts'
import { requestsRow } from './wire-request.ts'

const clients = 100
const keys = keysOf(10_000)
const turnMs = 1000

/** When it is, in milliseconds that two processes understand. */
function now(): number {
  return performance.timeOrigin + performance.now()
}

/** Clients in another process, what is written to them, and what they tell. */
class Scene {
  readonly #served: Served
  readonly #child: ReturnType<typeof fork>
  readonly #clients: number
  #commits = 0
  #written = new Map<string, number>()
  #cpu = process.cpuUsage()

  private constructor(served: Served, clients: number) {
    this.#served = served
    this.#clients = clients
    this.#child = fork(fileURLToPath(new URL('../wire/clients.js', import.meta.url)))
  }

  static async open(peer: Peer, clients: number, timed: number): Promise<Scene> {
    const served = await serveKeys[peer](keys)
    const scene = new Scene(served, clients)
    await scene.ask({ do: 'open', peer, url: served.url, clients, timed })
    return scene
  }

  async ask(one: Ask): Promise<Told> {
    this.#child.send(one)
    const [told] = (await once(this.#child, 'message')) as [Told]
    return told
  }

  /** A turn begins: what was counted before is of no account. */
  async reset(): Promise<void> {
    await this.ask({ do: 'reset' })
    this.#commits = 0
    this.#written = new Map()
    this.#cpu = process.cpuUsage()
  }

  get commits(): number {
    return this.#commits
  }

  /** Processor time of this process since the turn began, in milliseconds. */
  get cpuMs(): number {
    const { user, system } = process.cpuUsage(this.#cpu)
    return (user + system) / 1000
  }

  write(key: string): Promise<void> {
    const at = now()
    this.#commits++
    this.#written.set(key, at)
    return this.#served.write(key, at)
  }

  /**
   * A turn ends: what is under way belongs to it, not to the next. Every client must hold what was written last, and must have
   * been told everything, or have been spared what was overwritten before.
   *
   * @returns the median time from a write to a client, in milliseconds
   */
  async settle(): Promise<number> {
    let before = -1
    let { deliveries } = await this.ask({ do: 'tell' })
    while (deliveries !== before) {
      await sleep(250)
      before = deliveries
      deliveries = (await this.ask({ do: 'tell' })).deliveries
    }
    const { wrong } = await this.ask({ do: 'check', written: [...this.#written] })
    if (wrong > 0) throw new Error(`${wrong} entries are not what was written`)
    const all = this.#commits * this.#clients
    const least = this.#served.folds ? this.#written.size * this.#clients : all
    if (deliveries < least || deliveries > all)
      throw new Error(`${deliveries} deliveries of ${this.#commits} commits to ${this.#clients} clients`)
    return (await this.ask({ do: 'times' })).latencyMs
  }

  async close(): Promise<void> {
    this.#child.kill()
    await this.#served.close()
  }
}

/** Deliveries a second: a commit every turn of the loop, each to another key. */
async function fanout(peer: Peer): Promise<Side> {
  const next = spread(keys.length)
  const scene = await Scene.open(peer, clients, 101)
  let notes: Notes = {}
  return {
    async measure() {
      await scene.reset()
      const began = performance.now()
      while (performance.now() - began < turnMs) {
        await scene.write(keys[next()] as string)
        await turn()
      }
      const { deliveries, cpuMs } = await scene.ask({ do: 'tell' })
      const seconds = (performance.now() - began) / 1000
      const { commits, cpuMs: serverCpuMs } = scene
      notes = {
        'commits/s': commits / seconds,
        'server CPU ms/s': serverCpuMs / seconds,
        'clients CPU ms/s': cpuMs / seconds,
        'latency ms': await scene.settle(),
      }
      return deliveries / seconds
    },
    notes: () => notes,
    close: () => scene.close(),
  }
}

/** The median time from a commit to a client, at 100 commits a second. */
async function latency(peer: Peer): Promise<Side> {
  const next = spread(keys.length)
  const scene = await Scene.open(peer, clients, 101)
  return {
    async measure() {
      await scene.reset()
      for (let i = 0; i < 100; i++) {
        await scene.write(keys[next()] as string)
        await sleep(10)
      }
      return scene.settle()
    },
    close: () => scene.close(),
  }
}

export const wireRows: readonly Row[] = [
  {
    name: 'ws-fanout',
    unit: 'deliveries/s',
    more: true,
    reach: [8, 12],
    pairs: [
      { against: 'raw ws, one shared frame a commit', ours: () => fanout('fanlight'), theirs: () => fanout('ws') },
      { against: 'sharedb over ws', ours: () => fanout('fanlight'), theirs: () => fanout('sharedb') },
    ],
  },
  {
    name: 'ws-latency',
    unit: 'ms',
    more: false,
    reach: [0.75],
    pairs: [{ against: 'raw ws', ours: () => latency('fanlight'), theirs: () => latency('ws') }],
  },
  requestsRow,
]
