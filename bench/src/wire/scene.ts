import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Ask, Peer, Told } from './messages.ts'
import { type Served, serveKeys } from './servers.ts'

/** When it is, in milliseconds that two processes understand. */
function now(): number {
  return performance.timeOrigin + performance.now()
}

/** Clients in another process, what is written to them, and what they tell. */
export class Scene {
  readonly #served: Served
  readonly #child: ReturnType<typeof fork>
  readonly #clients: number
  #isClosed = false
  #commits = 0
  #written = new Map<string, number>()
  #cpu = process.cpuUsage()

  private constructor(served: Served, clients: number) {
    this.#served = served
    this.#clients = clients
    this.#child = fork(fileURLToPath(new URL('./clients.js', import.meta.url)))
    this.#child.once('exit', () => {
      if (!this.#isClosed) throw new Error('the process of the clients is gone')
    })
  }

  /** @param timed of every so many deliveries one is timed */
  static async open(peer: Peer, keys: readonly string[], clients: number, timed: number): Promise<Scene> {
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

  /** Writes an entry: its value is when that was, and a text where there is one. */
  write(key: string, text?: string): Promise<void> {
    const at = now()
    this.#commits++
    this.#written.set(key, at)
    return this.#served.write(key, text === undefined ? at : [at, text])
  }

  /** Waits until nothing comes any more: what is under way belongs to this turn, not to the next. */
  async quiet(): Promise<Told> {
    let told = await this.ask({ do: 'tell' })
    let before = -1
    while (told.deliveries !== before) {
      await sleep(250)
      before = told.deliveries
      told = await this.ask({ do: 'tell' })
    }
    return told
  }

  /**
   * A turn ends. Every client must hold what was written last, and must have been told everything, or have been spared what was
   * overwritten before.
   */
  async settle(): Promise<Told> {
    const { deliveries } = await this.quiet()
    const { wrong } = await this.ask({ do: 'check', written: [...this.#written] })
    if (wrong > 0) throw new Error(`${wrong} entries are not what was written`)
    const most = this.#commits * this.#clients
    const least = this.#served.folds ? this.#written.size * this.#clients : most
    if (deliveries < least || deliveries > most)
      throw new Error(`${deliveries} deliveries of ${this.#commits} commits to ${this.#clients} clients`)
    return this.ask({ do: 'times' })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#child.kill()
    await this.#served.close()
  }
}
