import type { Store } from '@fanlight/core'
import { type ManualClock, manualClock, seededRandom } from '@fanlight/core/testing'
import { Kind, protocolVersion } from '@fanlight/protocol'
import { Hub, type HubOptions } from '@fanlight/server'
import { Stuck } from './stuck.ts'

/** A server without sockets, whose clock stands still until it is told to move. */
export interface HubScene {
  readonly hub: Hub
  readonly clock: ManualClock
  /** Connects someone who does not read. */
  readonly stuck: () => Promise<Stuck>
  /** Connects someone who reads. */
  readonly reader: () => Promise<Stuck>
}

/** Serves a store. */
export function hubScene(store: Store, options: HubOptions = {}): HubScene {
  const clock = manualClock()
  const later = (go: () => void): void => void clock.after(0, go)
  const hub = new Hub(store, { clock, random: seededRandom(1), stopwatch: () => clock.now(), later, ...options })
  const stuck = async (): Promise<Stuck> => {
    const one = new Stuck()
    hub.accept(one)
    one.says([Kind.hello, protocolVersion, null])
    await clock.advance(0)
    return one
  }
  const reader = async (): Promise<Stuck> => {
    const one = await stuck()
    one.read()
    return one
  }
  return { hub, clock, stuck, reader }
}
