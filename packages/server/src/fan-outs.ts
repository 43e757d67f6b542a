import type { Query, Store, Versions } from '@fanlight/core'
import { FanOut, type FanOutSeams, type Listener } from './fan-out.ts'

/** The fan-outs of a server, by store and query. */
export class FanOuts {
  readonly #seams: FanOutSeams
  readonly #ask: () => void
  readonly #byStore = new WeakMap<Store<object>, Map<string, FanOut>>()
  readonly #all = new Set<FanOut>()
  readonly #awake = new Set<FanOut>()

  /** @param ask asks for a turn in which `step` is called */
  constructor(seams: FanOutSeams, ask: () => void) {
    this.#seams = seams
    this.#ask = ask
  }

  /** Finds the one that a listener can join, and joins it; undefined: there is none at its point. */
  join(store: Store<object>, query: Query, told: Versions, listener: Listener): FanOut | undefined {
    try {
      const fanOut = this.#of(store, query, told)
      return fanOut.join(listener, told) ? fanOut : undefined
    } catch {
      // The store takes no other feed: each keeps its own.
      return undefined
    }
  }

  /** Tells what there is to tell. */
  step(): void {
    const awake = [...this.#awake]
    this.#awake.clear()
    for (const fanOut of awake) fanOut.step()
  }

  /** Tells everyone how far their store is; who is to be told of a change is told in the next turn. */
  stepAll(): void {
    for (const fanOut of this.#all) if (!fanOut.isDue) fanOut.step()
  }

  #of(store: Store<object>, query: Query, told: Versions): FanOut {
    let ofStore = this.#byStore.get(store)
    if (ofStore === undefined) this.#byStore.set(store, (ofStore = new Map()))
    const name = JSON.stringify(query)
    const known = ofStore.get(name)
    if (known !== undefined) return known
    const fanOut: FanOut = new FanOut(
      {
        ...this.#seams,
        wake: (one) => {
          this.#awake.add(one)
          this.#ask()
        },
        forget: () => {
          ofStore.delete(name)
          this.#all.delete(fanOut)
          this.#awake.delete(fanOut)
        },
      },
      store,
      query,
      told,
    )
    ofStore.set(name, fanOut)
    this.#all.add(fanOut)
    return fanOut
  }
}
