import { connect, type Remote } from '@fanlight/client-browser'
import type { Store, Versions } from '@fanlight/core'
import { simulate, type Simulated } from '../wire/simulated.ts'
import type { State } from './history.ts'
import { nothing } from './memo.ts'
import type { TreeNode } from './node.ts'
import type { World } from './world.ts'

/** How long a remote may take to connect for the first time, in turns of five milliseconds. */
const turnsMax = 10_000

/** Another node, across a simulated connection that is cut at any byte. */
export class RemoteNode implements TreeNode {
  readonly name: string
  readonly store: Store
  readonly parts: readonly TreeNode[]
  readonly #server: Simulated

  private constructor(name: string, of: TreeNode, server: Simulated, store: Store) {
    this.name = name
    this.parts = [of]
    this.#server = server
    this.store = store
  }

  static async open(world: World, of: TreeNode): Promise<RemoteNode> {
    const { chance, clock, counters } = world
    const { random } = chance
    const name = world.name('remote')
    const delayMs = chance.pick([0, 5, 50])
    // Most end soon, within a frame or between two; who is to be at peace is cut no more.
    const cutAfterBytes = (): number => (world.isCalm ? Infinity : 400 + chance.below(chance.pick([1_500, 15_000])))
    const server = simulate(of.store, { clock, random, delayMs, cutAfterBytes })
    let [isOpen, wasOpen] = [false, false]
    const connecting = connect(`ws://${name}/`, {
      ...world.seams,
      name,
      dial: server.dial,
      retryMs: 20,
      retryMsMax: 200,
      timeoutMs: Infinity,
      onConnection: ({ status }) => {
        if (isOpen && status === 'waiting') counters.cuts++
        isOpen = status === 'open'
        if (isOpen && wasOpen) counters.reconnects++
        wasOpen ||= isOpen
      },
    })
    let remote: Remote | undefined
    void connecting.then((one) => (remote = one))
    for (let i = 0; i < turnsMax && remote === undefined; i++) await clock.advance(5)
    return new RemoteNode(name, of, server, await connecting)
  }

  expected(point: Versions): State {
    return this.parts[0]?.expected(point) ?? nothing
  }

  prefixes(): readonly string[] {
    return this.parts[0]?.prefixes() ?? ['']
  }

  /** Cuts its connection. */
  cut(): void {
    this.#server.cut()
  }

  /** Ends the server; the client is closed already. */
  end(): void {
    this.#server.hub.close()
  }
}
