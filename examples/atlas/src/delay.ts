import type { Store, Types, Versions } from 'fanlight'
import { lagging, type LaggingStore } from '@fanlight/core/testing'

/** How often it looks whether there is something old enough, in milliseconds. */
const tickMs = 10

/** How a store lags at the moment. */
export interface Lagging {
  readonly lagMs: number
  /** Whether it stays where it is. */
  readonly isFrozen: boolean
}

/** A store some time ago: how long ago can be changed while it runs, and it can be frozen. */
export class Delay<T extends Types> {
  readonly store: LaggingStore<T>
  readonly #timer: NodeJS.Timeout
  #past: { readonly at: number; readonly reached: Versions }[] = []

  /** @param how is asked again and again */
  constructor(store: Store<T>, how: () => Lagging) {
    this.store = lagging(store)
    this.#timer = setInterval(() => this.#tick(store.reached, how()), tickMs)
  }

  /** Closes the store as well. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.store.close()
  }

  #tick(reached: Versions, { lagMs, isFrozen }: Lagging): void {
    const now = Date.now()
    if (this.#past.at(-1)?.reached !== reached) this.#past.push({ at: now, reached })
    if (isFrozen) return
    const due = this.#past.findLastIndex(({ at }) => at <= now - lagMs)
    const point = this.#past[due]
    if (point === undefined) return
    this.#past.splice(0, due + 1)
    void this.store.release(point.reached)
  }
}
