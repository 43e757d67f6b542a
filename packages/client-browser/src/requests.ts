import { type Clock, FanlightError, type Stall, type Versions } from '@fanlight/core'
import { aborted, onAbort } from '@fanlight/core/kit'
import { encode, type Id, Kind } from '@fanlight/protocol'
import type { Link } from './link.ts'

/** Makes the message that asks; `timeoutMs` is what is left of the asker's patience, null where that has no end. */
export type MessageOf = (id: Id, timeoutMs: number | null) => unknown

/** How long an asker waits, and what ends that. */
export interface Patience {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  /** What it waits for. */
  readonly wanted: Versions
  readonly stall?: Stall | null
  /** Whether it may be asked twice. Default true. */
  readonly isHarmless?: boolean
  /** Whether a feed asks, of a point to which it steps: it can go to another. Default false. */
  readonly isOfFeed?: boolean
}

/** What may be under way. */
interface Pending {
  readonly message: MessageOf
  readonly deadlineMs: number
  readonly wanted: Versions
  readonly stall: Stall | null | undefined
  readonly isHarmless: boolean
  readonly isOfFeed: boolean
  wasSent: boolean
  /** Listens no more to what would end it. */
  deaf?: () => void
  resolve(message: unknown): void
  reject(error: FanlightError): void
}

/** The server's own answer about a time that is over comes a moment later than ours would. */
const graceMs = 1_000

/** What was asked of the server and is not answered. What can be asked twice is, when a connection comes back. */
export class Requests {
  readonly #link: Link
  readonly #clock: Clock
  readonly #name: string
  readonly #stalled: (wanted: Versions) => FanlightError
  readonly #pending = new Map<Id, Pending>()
  #nextId = 0
  #over: FanlightError | undefined
  /** When somebody's patience ends next, as far as is known: one timer for all. */
  #wakesAtMs = Infinity
  #stopTimer: (() => void) | undefined

  /** @param stalled the error for when somebody's time is over, by what was waited for */
  constructor(link: Link, clock: Clock, name: string, stalled: (wanted: Versions) => FanlightError) {
    this.#link = link
    this.#clock = clock
    this.#name = name
    this.#stalled = stalled
  }

  get size(): number {
    return this.#pending.size
  }

  /** The next id: of a request, or of a query that is followed. */
  nextId(): Id {
    return this.#nextId++
  }

  /** Asks, now or when there is a connection. Where the server's patience ends before the asker's, it asks again. */
  ask(message: MessageOf, patience: Patience): Promise<unknown> {
    const { timeoutMs, signal, wanted, stall, isHarmless = true, isOfFeed = false } = patience
    if (this.#over !== undefined) return Promise.reject(isHarmless ? this.#over : this.#over.withApplied('no'))
    const id = this.nextId()
    return new Promise((resolve, reject) => {
      const deadlineMs = timeoutMs === Infinity ? Infinity : this.#clock.now() + timeoutMs
      const pending: Pending = {
        message,
        deadlineMs,
        wanted,
        stall,
        isHarmless,
        isOfFeed,
        wasSent: false,
        resolve,
        reject,
      }
      this.#pending.set(id, pending)
      this.#wakeAt(deadlineMs + graceMs)
      if (signal !== undefined) {
        pending.deaf = onAbort(signal, () => this.#giveUp(id, pending, aborted(signal, { store: this.#name })))
      }
      if (this.#link.isOpen) this.#send(id, pending)
    })
  }

  /** The server answered. Gives whether anybody waited: else the pieces of it are of no use. */
  answered(id: Id, message: unknown): boolean {
    const pending = this.#end(id)
    pending?.resolve(message)
    return pending !== undefined
  }

  /** The server says what went wrong. */
  failed(id: Id, error: FanlightError): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    const { isHarmless, stall, deadlineMs } = pending
    const isPatient = isHarmless && stall !== 'fail' && this.#clock.now() < deadlineMs
    if (isPatient && error.code === 'STALLED' && this.#link.isOpen) this.#send(id, pending)
    else this.#end(id)?.reject(error)
  }

  /** The points that feeds ask for are no more. */
  refuseOfFeeds(errorOf: (wanted: Versions) => FanlightError): void {
    for (const [id, { isOfFeed, wanted }] of this.#pending) if (isOfFeed) this.#end(id)?.reject(errorOf(wanted))
  }

  /** A connection is open: asks what was not answered. */
  resend(): void {
    for (const [id, pending] of this.#pending) this.#send(id, pending)
  }

  /** The connection is gone: what cannot be asked twice may have been done, or not. */
  lost(why: FanlightError): void {
    for (const [id, pending] of this.#pending) {
      if (!pending.isHarmless && pending.wasSent) {
        const message = `${why.message}: commit again under the same id`
        this.#end(id)?.reject(
          new FanlightError('UNAVAILABLE', message, { store: this.#name, cause: why, applied: 'unknown' }),
        )
      }
    }
  }

  /** There will be no answers any more. */
  end(why: FanlightError): void {
    this.#over = why
    this.#stopTimer?.()
    for (const [id, pending] of this.#pending) {
      this.#end(id)?.reject(pending.isHarmless ? why : why.withApplied(pending.wasSent ? 'unknown' : 'no'))
    }
  }

  /** A request is not under way any more. Gives it, the first time. */
  #end(id: Id): Pending | undefined {
    const pending = this.#pending.get(id)
    pending?.deaf?.()
    this.#pending.delete(id)
    return pending
  }

  #giveUp(id: Id, { wasSent, isHarmless }: Pending, error: FanlightError): void {
    if (wasSent && isHarmless && this.#link.isOpen) this.#link.send(encode([Kind.cancel, id]))
    this.#end(id)?.reject(isHarmless ? error : error.withApplied(wasSent ? 'unknown' : 'no'))
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#wakesAtMs) return
    this.#wakesAtMs = atMs
    this.#stopTimer?.()
    this.#stopTimer = this.#clock.after(Math.max(0, atMs - this.#clock.now()), () => this.#endLate())
  }

  /** Ends what has waited too long, and looks when the next will have. */
  #endLate(): void {
    this.#wakesAtMs = Infinity
    this.#stopTimer = undefined
    const now = this.#clock.now()
    let next = Infinity
    for (const [id, pending] of this.#pending) {
      if (pending.deadlineMs + graceMs <= now) this.#giveUp(id, pending, this.#stalled(pending.wanted))
      else next = Math.min(next, pending.deadlineMs + graceMs)
    }
    this.#wakeAt(next)
  }

  #send(id: Id, pending: Pending): void {
    const left = pending.deadlineMs === Infinity ? null : Math.max(0, pending.deadlineMs - this.#clock.now())
    const bytes = encode(pending.message(id, left))
    const { frameBytes } = this.#link
    if (bytes.length + 5 > frameBytes) {
      const message = `a message of ${bytes.length} bytes does not fit into a frame of ${frameBytes}: split it, or raise limits.frameBytes`
      this.#end(id)?.reject(new FanlightError('TOO_LARGE', message, { store: this.#name, applied: 'no' }))
      return
    }
    pending.wasSent = true
    this.#link.send(bytes)
  }
}
