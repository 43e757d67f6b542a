import { type Clock, FanlightError, type Random, type Stall, type Versions } from '@fanlight/core'
import { aborted, type BackOff, backOffMs, onAbort } from '@fanlight/core/kit'
import { encode, type Id, Kind, type ServerMessage } from '@fanlight/protocol'
import type { Link } from './link.ts'
import type { HasParts, Parts } from './parts.ts'

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

/** What the server answered, with the parts that came before. */
export interface Answered {
  readonly message: ServerMessage
  readonly parts: Parts | undefined
}

/** What was asked, and is not answered. */
interface Pending extends HasParts {
  readonly message: MessageOf
  readonly deadlineMs: number
  readonly wanted: Versions
  readonly stall: Stall | null | undefined
  readonly isHarmless: boolean
  readonly isOfFeed: boolean
  /** Whether the server may have got it, over whichever connection. */
  wasSent: boolean
  /** Whether it went out over this connection, and when. */
  isUnderWay: boolean
  sentAtMs: number
  /** How often the server gave up early. */
  stalls: number
  /** How many connections the server ended since a frame could not be read, while this was under way. */
  badFrames: number
  /** Ends the pause before it is asked again. */
  stopPause?: (() => void) | undefined
  /** Listens no more to what would end it. */
  deaf?: () => void
  resolve(answered: Answered): void
  reject(error: FanlightError): void
}

/** The server's own answer about a time that is over comes a moment later than ours would. */
const graceMs = 1_000

/** A server that waited for so long did wait: whoever has more patience asks it again at once. In milliseconds. */
const waitedMs = 1_000

/** How long to wait before asking a server again that gave up sooner than that. */
const stalledBackOff: BackOff = { firstMs: 100, mostMs: 5_000 }

/** What was under way at so many ends of this kind is what the server cannot read, or will not be answered beside that. */
const badFramesMax = 3

/** What requests need of their store. */
export interface RequestHost {
  readonly link: Link
  readonly clock: Clock
  readonly random: Random
  /** What the store is called in errors. */
  readonly name: string
  /** The error for when somebody's time is over, by what was waited for. */
  stalled(wanted: Versions): FanlightError
}

/**
 * What was asked of the server and is not answered. What can be asked twice is, when a connection comes back. No more is under
 * way at once than the server takes; the rest waits here, in order.
 */
export class Requests {
  readonly #host: RequestHost
  readonly #pending = new Map<Id, Pending>()
  /** What the server has to answer over this connection, also where nobody waits for that any more. */
  readonly #underWay = new Set<Id>()
  /** What is to be sent. */
  readonly #queue = new Set<Id>()
  #nextId = 0
  #over: FanlightError | undefined
  /** When somebody's patience ends next, as far as is known: one timer for all. */
  #wakesAtMs = Infinity
  #stopTimer: (() => void) | undefined

  constructor(host: RequestHost) {
    this.#host = host
  }

  /** The next id: of a request, or of a query that is followed. */
  nextId(): Id {
    return this.#nextId++
  }

  /** Asks, now or when there is a connection. Where the server's patience ends before the asker's, it asks again. */
  ask(message: MessageOf, patience: Patience): Promise<Answered> {
    const { link, clock, name } = this.#host
    const { timeoutMs, signal, wanted, stall, isHarmless = true, isOfFeed = false } = patience
    if (this.#over !== undefined) return Promise.reject(isHarmless ? this.#over : this.#over.withApplied('no'))
    if (stall === 'fail' && !link.isOpen) return Promise.reject(this.#host.stalled(wanted))
    const id = this.nextId()
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        message,
        deadlineMs: timeoutMs === Infinity ? Infinity : clock.now() + timeoutMs,
        wanted,
        stall,
        isHarmless,
        isOfFeed,
        wasSent: false,
        isUnderWay: false,
        sentAtMs: 0,
        stalls: 0,
        badFrames: 0,
        parts: undefined,
        resolve,
        reject,
      }
      this.#pending.set(id, pending)
      if (signal !== undefined) {
        pending.deaf = onAbort(signal, () => this.#giveUp(id, pending, aborted(signal, { store: name })))
      }
      if (link.isOpen) this.#enqueue(id)
      this.#wakeAt(endOf(pending))
    })
  }

  /** Who waits under an id. */
  of(id: Id): HasParts | undefined {
    return this.#pending.get(id)
  }

  /** The server answered. */
  answered(id: Id, message: ServerMessage): void {
    this.#underWay.delete(id)
    const pending = this.#end(id)
    pending?.resolve({ message, parts: pending.parts })
    this.#sendNext()
  }

  /** The server says what went wrong. */
  failed(id: Id, error: FanlightError): void {
    this.#underWay.delete(id)
    const pending = this.#pending.get(id)
    if (pending !== undefined) {
      const { isHarmless, stall, deadlineMs } = pending
      const isPatient = isHarmless && stall !== 'fail' && this.#host.clock.now() < deadlineMs
      if (isPatient && error.code === 'STALLED') this.#askAgain(id, pending)
      else this.#end(id)?.reject(error)
    }
    this.#sendNext()
  }

  /** The points that feeds ask for are no more. */
  refuseOfFeeds(errorOf: (wanted: Versions) => FanlightError): void {
    for (const [id, { isOfFeed, wanted }] of this.#pending) if (isOfFeed) this.#end(id)?.reject(errorOf(wanted))
  }

  /** A connection is open: asks what was not answered. */
  resend(): void {
    for (const id of this.#pending.keys()) this.#queue.add(id)
    this.#sendNext()
  }

  /**
   * The connection is gone: what cannot be asked twice may have been done, or not. Where the server could not read a frame, it
   * would not read the same one the next time either.
   */
  lost(why: FanlightError): void {
    this.#underWay.clear()
    this.#queue.clear()
    for (const [id, pending] of this.#pending) {
      if (why.code === 'BAD_FRAME' && pending.isUnderWay) pending.badFrames++
      pending.stopPause?.()
      pending.isUnderWay = false
      pending.parts = undefined
      if (!pending.isHarmless && pending.wasSent) this.#end(id)?.reject(this.#unknown(why))
      else if (pending.badFrames >= badFramesMax) this.#end(id)?.reject(why)
      else if (pending.stall === 'fail') this.#end(id)?.reject(this.#host.stalled(pending.wanted))
      else this.#wakeAt(endOf(pending))
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

  #unknown(why: FanlightError): FanlightError {
    if (why.code === 'BAD_FRAME') return why.withApplied('unknown')
    const message = `${why.message}: commit again under the same id`
    return new FanlightError('UNAVAILABLE', message, { store: this.#host.name, cause: why, applied: 'unknown' })
  }

  /** A request is not under way any more. Gives it, the first time. */
  #end(id: Id): Pending | undefined {
    const pending = this.#pending.get(id)
    pending?.deaf?.()
    pending?.stopPause?.()
    this.#pending.delete(id)
    this.#queue.delete(id)
    return pending
  }

  #giveUp(id: Id, { wasSent, isUnderWay, isHarmless }: Pending, error: FanlightError): void {
    if (isUnderWay && isHarmless) this.#host.link.send(encode([Kind.cancel, id]))
    this.#end(id)?.reject(isHarmless ? error : error.withApplied(wasSent ? 'unknown' : 'no'))
  }

  /** The server's patience ended before the asker's, or it gave up early: then it gets some rest. */
  #askAgain(id: Id, pending: Pending): void {
    const { clock, random } = this.#host
    pending.isUnderWay = false
    pending.parts = undefined
    if (clock.now() - pending.sentAtMs >= waitedMs) {
      pending.stalls = 0
      this.#queue.add(id)
    } else {
      const waitMs = backOffMs(++pending.stalls, stalledBackOff, random)
      pending.stopPause = clock.after(waitMs, () => this.#enqueue(id))
    }
    this.#wakeAt(endOf(pending))
  }

  #wakeAt(atMs: number): void {
    if (atMs >= this.#wakesAtMs) return
    const { clock } = this.#host
    this.#wakesAtMs = atMs
    this.#stopTimer?.()
    this.#stopTimer = clock.after(Math.max(0, atMs - clock.now()), () => this.#endLate())
  }

  /** Ends what has waited too long, and looks when the next will have. */
  #endLate(): void {
    this.#wakesAtMs = Infinity
    this.#stopTimer = undefined
    const now = this.#host.clock.now()
    let next = Infinity
    for (const [id, pending] of this.#pending) {
      const endsAtMs = endOf(pending)
      if (endsAtMs <= now) this.#giveUp(id, pending, this.#host.stalled(pending.wanted))
      else next = Math.min(next, endsAtMs)
    }
    this.#wakeAt(next)
  }

  #enqueue(id: Id): void {
    this.#queue.add(id)
    this.#sendNext()
  }

  /** Sends what waits, as much as the server takes at once. */
  #sendNext(): void {
    const { link } = this.#host
    for (const id of this.#queue) {
      if (!link.isOpen || this.#underWay.size >= link.limits.requests) return
      this.#queue.delete(id)
      const pending = this.#pending.get(id)
      if (pending !== undefined) this.#send(id, pending)
    }
  }

  #send(id: Id, pending: Pending): void {
    const { link, clock, name } = this.#host
    const now = clock.now()
    const left = pending.deadlineMs === Infinity ? null : Math.max(0, pending.deadlineMs - now)
    const bytes = encode(pending.message(id, left))
    const { frameBytes } = link.limits
    if (bytes.length + 5 > frameBytes) {
      const message = `a message of ${bytes.length} bytes does not fit into a frame of ${frameBytes}: split it, or raise limits.frameBytes`
      this.#end(id)?.reject(new FanlightError('TOO_LARGE', message, { store: name, applied: 'no' }))
      return
    }
    this.#underWay.add(id)
    pending.wasSent = pending.isUnderWay = true
    pending.sentAtMs = now
    link.send(bytes)
  }
}

/** When somebody's patience is over. The server may say so itself where it was asked. */
function endOf({ deadlineMs, isUnderWay }: Pending): number {
  return isUnderWay ? deadlineMs + graceMs : deadlineMs
}
