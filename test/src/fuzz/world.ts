import type { Clock, Store, StoreEvent } from '@fanlight/core'
import type { Db } from 'mongodb'
import type { ManualClock } from '@fanlight/core/testing'
import type { Chance } from './chance.ts'
import { type Counters, noCounters } from './counters.ts'
import { Histories } from './history.ts'
import { Trace } from './trace.ts'

/** What a case runs on. */
interface WorldParts {
  readonly disk: string | undefined
  readonly isWired: boolean
  readonly mongo?: Db | undefined
  /** Views of which kind there are at any rate, as the number of one; undefined: views map, as those of the first cases did. */
  readonly turn: number | undefined
}

/** What all parts of a case share: nothing in it comes from the machine. */
export class World {
  readonly chance: Chance
  readonly clock: ManualClock
  readonly trace = new Trace()
  readonly counters: Counters = { ...noCounters }
  readonly histories = new Histories()
  /** A folder for real LevelDBs; undefined: they are in memory. */
  readonly disk: string | undefined
  /** Whether some of its stores stand behind connections. */
  readonly isWired: boolean
  /** A database of a real MongoDB, for stores on it. */
  readonly mongo: Db | undefined
  /** Whether views are of every kind. */
  readonly hasKinds: boolean
  /** A number that goes round, so that no kind of view is left out. */
  readonly turn: number
  /** Commits on their way through a real server: what they made may be seen before they are told of. */
  readonly onTheirWay = new Set<Promise<unknown>>()
  /** Whether connections are cut no more. */
  isCalm = false
  #names = 0

  constructor(chance: Chance, clock: ManualClock, { disk, isWired, mongo, turn }: WorldParts) {
    this.hasKinds = turn !== undefined
    this.turn = turn ?? 0
    this.mongo = mongo
    this.chance = chance
    this.clock = clock
    this.disk = disk
    this.isWired = isWired
  }

  /** What stores are made with. */
  get seams(): { clock: Clock; random: () => number; onEvent: (event: StoreEvent) => void } {
    return { clock: this.clock, random: this.chance.random, onEvent: (event) => this.#heard(event) }
  }

  /** A name that nothing else in the case has. */
  name(kind: string): string {
    return `${kind}${this.#names++}`
  }

  /**
   * Lets everything go on that needs no time: promises, and callbacks of the in-memory LevelDB. A real disk needs some, and
   * nobody can say how much: a case on one is not the same twice.
   */
  async settle(rounds = 4): Promise<void> {
    const isReal = this.disk !== undefined || this.mongo !== undefined
    for (let i = 0; i < rounds; i++) {
      await new Promise<void>((resolve) => (isReal ? setTimeout(resolve, 3) : setImmediate(resolve)))
    }
    await Promise.all(this.onTheirWay)
  }

  /** Closes a store. One that is in the midst of asking another waits for the answer, which may need time. */
  async close(store: Store): Promise<void> {
    const closing = store.close()
    if (!this.hasKinds) return closing
    let isClosed = false
    const closed = closing.then(() => (isClosed = true))
    await this.settle(1)
    for (let i = 0; i < 1000 && !isClosed; i++) {
      await this.clock.advance(50)
      await this.settle(1)
    }
    if (!isClosed) throw new Error('L9: a store that was closed did not end within 50 seconds')
    await closed
  }

  #heard({ type }: StoreEvent): void {
    if (type === 'stall') this.counters.stalls++
    else if (type === 'carry') this.counters.carries++
    else if (type === 'fold') this.counters.folds++
    else this.counters.restarts++
  }
}
