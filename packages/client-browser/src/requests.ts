import { type Clock, FanlightError, isFanlightError, type Stall } from '@fanlight/core'
import { aborted, onAbort } from '@fanlight/core/kit'
import { encode, type Id, Kind } from '@fanlight/protocol'
import type { Link } from './link.ts'

/** Makes the message that asks; `timeoutMs` is what is left of the asker's patience, null where that has no end. */
export type MessageOf = (id: Id, timeoutMs: number | null) => unknown

/** How long an asker waits, and what ends that. */
export interface Patience {
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
  /** The error for when the time is over. */
  stalled(): FanlightError
}

/** What may be under way. */
interface Pending {
  readonly message: MessageOf
  readonly deadlineMs: number
  /** Whether it may be asked twice. */
  readonly isHarmless: boolean
  wasSent: boolean
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
  readonly #pending = new Map<Id, Pending>()
  #nextId = 0

  constructor(link: Link, clock: Clock, name: string) {
    this.#link = link
    this.#clock = clock
    this.#name = name
  }

  get size(): number {
    return this.#pending.size
  }

  /** The next id: of a request, or of a query that is followed. */
  nextId(): Id {
    return this.#nextId++
  }

  /** Asks, now or when there is a connection. */
  ask(message: MessageOf, patience: Patience, isHarmless: boolean = true): Promise<unknown> {
    const { timeoutMs, signal } = patience
    const id = this.nextId()
    return new Promise((resolve, reject) => {
      let stopTimer: (() => void) | undefined
      let deaf: (() => void) | undefined
      const finish = (): boolean => {
        stopTimer?.()
        deaf?.()
        return this.#pending.delete(id)
      }
      const pending: Pending = {
        message,
        deadlineMs: timeoutMs === Infinity ? Infinity : this.#clock.now() + timeoutMs,
        isHarmless,
        wasSent: false,
        resolve: (answer) => finish() && resolve(answer),
        reject: (error) => finish() && reject(error),
      }
      this.#pending.set(id, pending)
      const giveUp = (error: FanlightError): void => {
        if (pending.wasSent && isHarmless && this.#link.isOpen) this.#link.send(encode([Kind.cancel, id]))
        pending.reject(isHarmless ? error : error.withApplied(pending.wasSent ? 'unknown' : 'no'))
      }
      if (timeoutMs !== Infinity) stopTimer = this.#clock.after(timeoutMs + graceMs, () => giveUp(patience.stalled()))
      if (signal !== undefined) deaf = onAbort(signal, () => giveUp(aborted(signal, { store: this.#name })))
      if (this.#link.isOpen) this.#send(id, pending)
    })
  }

  /** Asks, and asks again where the server's patience ends before the asker's. */
  persist(message: MessageOf, patience: Patience, stall: Stall | null = null): Promise<unknown> {
    const endsAt = patience.timeoutMs === Infinity ? Infinity : this.#clock.now() + patience.timeoutMs
    const attempt = (): Promise<unknown> => {
      const timeoutMs = endsAt === Infinity ? Infinity : Math.max(0, endsAt - this.#clock.now())
      return this.ask(message, { ...patience, timeoutMs }).catch((error: unknown) => {
        if (!isFanlightError(error, 'STALLED') || stall === 'fail' || this.#clock.now() >= endsAt) throw error
        return attempt()
      })
    }
    return attempt()
  }

  /** The server answered. */
  answered(id: Id, message: unknown): void {
    this.#pending.get(id)?.resolve(message)
  }

  /** The server says what went wrong. */
  failed(id: Id, error: FanlightError): void {
    this.#pending.get(id)?.reject(error)
  }

  /** A connection is open: asks what was not answered. */
  resend(): void {
    for (const [id, pending] of this.#pending) this.#send(id, pending)
  }

  /** The connection is gone: what cannot be asked twice may have been done, or not. */
  lost(why: FanlightError): void {
    for (const pending of this.#pending.values()) {
      if (!pending.isHarmless && pending.wasSent) {
        const message = `${why.message}: commit again under the same id`
        pending.reject(new FanlightError('UNAVAILABLE', message, { store: this.#name, cause: why, applied: 'unknown' }))
      }
    }
  }

  /** There will be no answers any more. */
  end(why: FanlightError): void {
    for (const pending of this.#pending.values()) {
      pending.reject(pending.isHarmless ? why : why.withApplied(pending.wasSent ? 'unknown' : 'no'))
    }
  }

  #send(id: Id, pending: Pending): void {
    const left = pending.deadlineMs === Infinity ? null : Math.max(0, pending.deadlineMs - this.#clock.now())
    const bytes = encode(pending.message(id, left))
    const { frameBytes } = this.#link
    if (bytes.length + 5 > frameBytes) {
      const message = `a message of ${bytes.length} bytes does not fit into a frame of ${frameBytes}: split it, or raise limits.frameBytes`
      return pending.reject(new FanlightError('TOO_LARGE', message, { store: this.#name, applied: 'no' }))
    }
    pending.wasSent = true
    this.#link.send(bytes)
  }
}
