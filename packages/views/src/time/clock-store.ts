import {
  FanlightError,
  type FetchOptions,
  type SourceId,
  type Store,
  type Supports,
  type Versions,
  type WaitOptions,
} from '@fanlight/core'
import {
  type BaseOptions,
  BaseStore,
  type Difference,
  type Reading,
  type Soon,
  type Spans,
  isEmptySpan,
  makeSourceId,
  rangeOf,
  spanHas,
} from '@fanlight/core/kit'

/** The time as a store of one value, at the key `''`: `createClockStore` makes one. */
export type ClockStore = Store<{ '': number }>

/** Options of `createClockStore`. */
export interface ClockStoreOptions extends BaseOptions {
  /** How many milliseconds there are between two versions: a whole number from 1 to 86,400,000, a day. Default 1,000. */
  readonly everyMs?: number | undefined
}

/** The one key. */
const theKey = ''

const dayMs = 86_400_000

/** Time as a source: what it holds at a version follows from the version alone. */
class TickingStore extends BaseStore {
  // There is nothing that could be lost: each process answers the same at each version.
  readonly supports: Supports = { commit: false, guard: 'none', ids: false, single: true, durable: true }
  readonly sources: readonly SourceId[]
  readonly oldest: Versions
  readonly #source: SourceId
  readonly #everyMs: number
  #version = 0
  #reached: Versions
  /** How many queries are followed, and how many wait. While there are none, no timer runs. */
  #users = 0
  #stopTimer: (() => void) | undefined

  constructor(options: ClockStoreOptions) {
    const { everyMs = 1_000 } = options
    super(options, 'clock')
    if (!Number.isInteger(everyMs) || everyMs < 1 || everyMs > dayMs) {
      throw new FanlightError('BAD_QUERY', `everyMs must be a whole number from 1 to ${dayMs}, not ${everyMs}`)
    }
    this.#everyMs = everyMs
    // How long a step is stands in the name: clocks with other steps are other sources, and no former life of this one.
    this.#source = makeSourceId(`clock-${everyMs}ms`, '1970')
    this.sources = [this.#source]
    this.oldest = this.#reached = { [this.#source]: 0 }
    this.#look()
  }

  /** Where nobody follows and nobody waits, nobody is told either: it is found out when it is asked. */
  get reached(): Versions {
    if (this.#users === 0 && !this.isClosed) this.#look()
    return this.#reached
  }

  protected read({ list }: Spans, at: Versions): Reading {
    const version = at[this.#source] ?? 0
    const shows = asksFor(list)
    return {
      entries: shows ? [{ key: theKey, value: version * this.#everyMs, version }] : [],
      windows: { [this.#source]: shows ? { from: version, to: version } : { from: 0, to: this.#version } },
      more: list.map((span) => {
        const isCut = span.limit === 0 && !isEmptySpan(span)
        const { lo } = span
        return { more: isCut && spanHas(span, theKey), range: isCut ? { gte: lo, lt: lo } : rangeOf(span) }
      }),
    }
  }

  protected difference({ list }: Spans, since: Versions, until: Versions): Difference {
    const version = until[this.#source] ?? 0
    const folded = version - (since[this.#source] ?? 0)
    if (folded === 0 || !asksFor(list)) return { changes: [], folded: 0 }
    return { changes: [{ key: theKey, value: version * this.#everyMs }], folded }
  }

  protected override followed(): void {
    this.#enter()
  }

  protected override unfollowed(): void {
    this.#leave()
  }

  protected override whenReached<R>(
    point: Versions,
    options: WaitOptions & Pick<FetchOptions, 'stall'>,
    go: () => Soon<R>,
  ): Promise<R> {
    this.#enter()
    const waited = super.whenReached(point, options, go)
    const leave = (): void => this.#leave()
    waited.then(leave, leave)
    return waited
  }

  protected override release(): Promise<void> {
    this.#stopTimer?.()
    return Promise.resolve()
  }

  #enter(): void {
    if (this.#users++ === 0) this.#wait()
  }

  #leave(): void {
    if (--this.#users > 0) return
    this.#stopTimer?.()
    this.#stopTimer = undefined
  }

  /** Sleeps until the next version is due, and never longer than one step: the clock may be set forward meanwhile. */
  #wait(): void {
    if (this.isClosed) return
    const dueMs = (this.#version + 1) * this.#everyMs - this.clock.now()
    this.#stopTimer = this.clock.after(Math.min(Math.max(0, dueMs), this.#everyMs), () => {
      this.#stopTimer = undefined
      this.#look()
      // Who was told may have gone, and may have come again.
      if (this.#users > 0 && this.#stopTimer === undefined) this.#wait()
    })
  }

  /** Goes on to the version of this moment. Where the clock was set back, it stands still until that has passed. */
  #look(): void {
    const version = Math.floor(this.clock.now() / this.#everyMs)
    if (version <= this.#version) return
    this.#version = version
    this.#reached = { [this.#source]: version }
    this.advanced([theKey])
  }
}

/**
 * Makes the time a store of one value, at the key `''`: mount it at exactly one key of a router, so that what depends on the
 * time does so at a version (L0). At version v its value is `v * everyMs`, in milliseconds since 1970; its one source,
 * `clock-<everyMs>ms@1970`, is the same in every process. So whoever is asked, in a server or in a browser, gives the same
 * answer at the same version, any point of the past is answered for ever, and nothing is lost when a process ends.
 *
 * It has reached what its clock shows, and never goes back: where the clock is set back, it stands still until that time
 * comes again. It tells those who follow at each step, by a timer of its clock; where nobody follows and nobody waits it
 * sets none. A view follows as long as it is open.
 *
 * Where two processes mount one each, an answer of both agrees as all answers do: it is of the later time, and so waits
 * for the clock that is behind. Keep clocks in step within what answers may wait.
 *
 * @param options everyMs (default 1,000), clock, limits, onEvent, and a name for errors
 * @throws BAD_QUERY where `everyMs` is no whole number from 1 to 86,400,000
 *
 * @example
 * ```ts
 * import { get } from '@fanlight/core'
 * import { createClockStore } from '@fanlight/views'
 *
 * const clock = createClockStore({ everyMs: 60_000 })
 * console.log(await get(clock, '', { max: { 'clock-60000ms@1970': 3 } })) // 180000
 * await clock.close()
 * ```
 */
export function createClockStore(options: ClockStoreOptions = {}): ClockStore {
  return new TickingStore(options) as Store as ClockStore
}

function asksFor(list: Spans['list']): boolean {
  return list.some((span) => span.limit > 0 && spanHas(span, theKey))
}
