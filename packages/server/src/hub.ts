import { type Clock, type Random, type SourceId, type Store, systemClock, systemRandom } from '@fanlight/core'
import { type Soon, soon } from '@fanlight/core/kit'
import {
  type Channel,
  CloseCode,
  type Credentials,
  encode,
  Kind,
  packError,
  type StoreInfo,
  type WireState,
} from '@fanlight/protocol'
import { type Later, type Stopwatch, systemLater, systemStopwatch } from './ambient.ts'
import { pieceSize } from './bodies.ts'
import { Connection, type ConnectionHost } from './connection.ts'
import { FanOuts } from './fan-outs.ts'
import { defaultServerLimits, type ServerLimits } from './limits.ts'
import { Pace } from './pace.ts'
import { Report } from './report.ts'
import { Shared } from './shared.ts'

/** A store, whatever the types of its values. */
export type Served = Store<object>

/** Who may see what, and what a server goes by. */
export interface HubOptions {
  /**
   * Decides by the credentials of a client what it may see: throws AUTH_NEEDED or FORBIDDEN, or gives the store for it (a
   * wrapper that shows less, say); undefined: the store that is served. Default: everyone sees the store.
   */
  readonly authenticate?: ((credentials: Credentials) => Soon<Served | undefined>) | undefined
  readonly limits?: Partial<ServerLimits> | undefined
  /**
   * Hears of errors of which clients are told no more than that there was one: what is not Fanlight's own, out of a store or
   * `authenticate`. Default: nobody does.
   */
  readonly onError?: ((error: unknown) => void) | undefined
  readonly clock?: Clock | undefined
  /** Default the machine's own: spreads what is tried again. */
  readonly random?: Random | undefined
  /** Default `performance.now`. */
  readonly stopwatch?: Stopwatch | undefined
  /** Default `setImmediate`. */
  readonly later?: Later | undefined
}

/** All connections to a store: what one of them changes the others hear, in steps that leave the machine time to work. */
export class Hub {
  readonly limits: ServerLimits
  readonly #store: Served
  readonly #host: ConnectionHost
  readonly #clock: Clock
  readonly #connections = new Set<Connection>()
  readonly #awake = new Set<Connection>()
  readonly #pace: Pace
  /** Stores that one client alone sees go with it. */
  readonly #watched = new WeakMap<Served, StoreWatch>()
  #looks = 0
  #stopTimer: (() => void) | undefined
  #isClosed = false

  constructor(store: Served, options: HubOptions) {
    const { clock = systemClock, random = systemRandom, authenticate } = options
    const { stopwatch = systemStopwatch, later = systemLater } = options
    this.limits = { ...defaultServerLimits, ...options.limits }
    this.#store = store
    this.#clock = clock
    this.#pace = new Pace({ clock, stopwatch, later }, () => this.#flush())
    const report = new Report(options.onError)
    const shared = new Shared()
    const size = pieceSize(this.limits.frameBytes)
    this.#host = {
      clock,
      random,
      later,
      limits: this.limits,
      report,
      shared,
      size,
      fanOuts: new FanOuts({ clock, report, size }, () => this.#pace.ask()),
      admit: (credentials) => soon(authenticate?.(credentials), (own) => own ?? this.#store),
      info: (store) => {
        // What changes from here on is told.
        this.#watch(store)
        return infoOf(store)
      },
      wake: (connection) => {
        this.#awake.add(connection)
        this.#pace.ask()
      },
      forget: (connection) => {
        this.#connections.delete(connection)
        this.#awake.delete(connection)
      },
    }
  }

  /** How many clients there are. */
  get size(): number {
    return this.#connections.size
  }

  /** Takes a connection in. */
  accept(channel: Channel): void {
    if (this.#isClosed) return channel.close(CloseCode.goingAway, 'the server goes away')
    if (this.#connections.size >= this.limits.connections) {
      return channel.close(
        CloseCode.tooMany,
        `there are ${this.#connections.size} connections already: try again later`,
      )
    }
    this.#connections.add(new Connection(this.#host, channel))
    this.#tick()
  }

  /** Says good-bye to everyone. The store stays open. */
  close(): void {
    this.#isClosed = true
    this.#stopTimer?.()
    for (const connection of this.#connections) connection.close(CloseCode.goingAway, 'the server goes away')
  }

  #flush(): void {
    const awake = [...this.#awake]
    this.#awake.clear()
    // What comes in one turn has been gathered: nobody waits for the steps of the others.
    this.#host.fanOuts.step()
    for (const connection of awake) connection.turn()
  }

  /** From time to time everyone who follows something hears how far the store is, and what else changed of it. */
  #tick(): void {
    this.#stopTimer ??= this.#clock.after(this.limits.progressMs, () => {
      this.#stopTimer = undefined
      if (this.#isClosed || this.#connections.size === 0) return
      this.#looks++
      this.#host.fanOuts.stepAll()
      for (const connection of this.#connections) {
        const { store } = connection
        if (store === undefined) continue
        connection.safely(() => {
          const changed = this.#lookAt(store)
          if (changed !== undefined) connection.tell(changed)
          if (connection.follows && !connection.isShared) connection.step(true)
        })
      }
      this.#tick()
    })
  }

  /** What there is to tell of a store that was not told at the last look. */
  #lookAt(store: Served): Uint8Array | undefined {
    const watch = this.#watch(store)
    if (watch.look === this.#looks) return watch.message
    watch.look = this.#looks
    const text = textOf(store)
    watch.message = text === watch.text ? undefined : encode([Kind.info, infoOf(store)])
    watch.text = text
    return watch.message
  }

  #watch(store: Served): StoreWatch {
    let watch = this.#watched.get(store)
    if (watch === undefined)
      this.#watched.set(store, (watch = { text: textOf(store), message: undefined, look: this.#looks }))
    return watch
  }
}

/** What was told of a store. */
interface StoreWatch {
  text: string
  message: Uint8Array | undefined
  /** The last look at it. */
  look: number
}

/** What a store says of itself, but for how far it is. */
function textOf(store: Served): string {
  const { sources, supports, continues, state } = infoOf(store)
  return JSON.stringify([sources, supports, continues, state])
}

/** What a store says of itself. */
export function infoOf(store: Served): StoreInfo {
  const { sources, supports, continues = [], oldest, reached } = store
  const state: Record<SourceId, WireState> = {}
  for (const source of sources) {
    const { status = 'live', why } = store.state?.[source] ?? {}
    state[source] = [status, why === undefined ? null : packError(why)]
  }
  return { sources, supports, continues, oldest, reached, state }
}
