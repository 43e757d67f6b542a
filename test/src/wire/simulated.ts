import type { Clock, Random } from '@fanlight/core'
import type { Dial } from '@fanlight/client-browser'
import { createPipe, type Pipe } from '@fanlight/protocol/testing'
import { Hub, type HubOptions, type Served } from '@fanlight/server'

/** Chance and time of a simulated machine. */
export interface SimulatedOptions extends Pick<HubOptions, 'authenticate' | 'limits'> {
  readonly clock: Clock
  readonly random: Random
  /** A frame takes at most so long. Default 5 ms. */
  readonly delayMs?: number | undefined
  /** After how many bytes the next connection breaks. Default never. */
  readonly cutAfterBytes?: (() => number) | undefined
}

/** A server without sockets: whoever dials reaches it over a pipe, which chance may cut. */
export interface Simulated {
  readonly hub: Hub
  readonly dial: Dial
  /** How often somebody dialled. */
  readonly dials: number
  /** Cuts the connection that was dialled last. */
  cut(): void
}

/** Serves a store over simulated connections. Nothing in it comes from the machine. */
export function simulate(store: Served, options: SimulatedOptions): Simulated {
  const { clock, random, delayMs = 5, authenticate, limits } = options
  const later = (go: () => void): void => void clock.after(0, go)
  const hub = new Hub(store, { clock, random, authenticate, limits, stopwatch: () => clock.now(), later })
  let dials = 0
  let pipe: Pipe | undefined
  return {
    hub,
    get dials() {
      return dials
    },
    cut: () => pipe?.cut(),
    dial: () => {
      dials++
      pipe = createPipe({ clock, random, delayMs, cutAfterBytes: options.cutAfterBytes?.() })
      hub.accept(pipe.far)
      return Object.assign(pipe.near, { opened: Promise.resolve() })
    },
  }
}
