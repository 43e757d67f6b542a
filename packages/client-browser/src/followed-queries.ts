import { type Clock, type ErrorCode, FanlightError, type Random, type Versions } from '@fanlight/core'
import { type BackOff, backOffMs, factsOf, signatureOf, type Spans } from '@fanlight/core/kit'
import { encode, type Id, Kind } from '@fanlight/protocol'
import type { Link } from './link.ts'
import { Pushed } from './pushed.ts'
import { queryOf } from './unpack.ts'

/** What the queries that are followed need of their store. */
export interface FollowHost {
  readonly link: Link
  readonly clock: Clock
  readonly random: Random
  /** What the store is called in errors. */
  readonly name: string
  /** How many steps of each query are kept. */
  readonly stepsMax: number
  nextId(): Id
  /** The server follows a query no longer, or does again. */
  moved(): void
  /** Whether nobody needs to be told of what was before a point. */
  allHold(signature: string, point: Versions): boolean
  /** It never will: whoever follows it fails with this. */
  refused(signature: string, why: FanlightError): void
}

/** What may pass: the same query can be followed again. */
const passing: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'STALLED', 'LOST_IN_FOG', 'SOURCE_RESET'])

/** How long it waits before it asks to follow what the server gave up. */
const backOff: BackOff = { firstMs: 200, mostMs: 20_000 }

/** What was followed for so long was followed well: the next attempt comes soon. In milliseconds. */
const stableMs = 5_000

/** The queries that the server follows for us. */
export class FollowedQueries {
  readonly #host: FollowHost
  readonly #bySignature = new Map<string, Pushed>()
  readonly #byId = new Map<Id, Pushed>()
  /** Those that the server gave up, until it follows them again. */
  readonly #left = new Set<Pushed>()

  constructor(host: FollowHost) {
    this.#host = host
  }

  get size(): number {
    return this.#bySignature.size
  }

  /** Why not everything is told of; undefined: it is. */
  get why(): FanlightError | undefined {
    for (const { error } of this.#left) return error
    return undefined
  }

  /** The one of these spans, where they are followed. */
  of(spans: Spans): Pushed | undefined {
    return this.#bySignature.get(signatureOf(spans))
  }

  /** The one under an id. */
  byId(id: Id): Pushed | undefined {
    return this.#byId.get(id)
  }

  /** Follows a query from now on. */
  follow(spans: Spans, signature: string): void {
    const { link, stepsMax } = this.#host
    const pushed = new Pushed(this.#host.nextId(), queryOf(spans), stepsMax)
    this.#bySignature.set(signature, pushed)
    this.#byId.set(pushed.id, pushed)
    if (link.isOpen) this.#watch(pushed)
  }

  /** Follows it no longer. */
  unfollow(signature: string): void {
    const { link } = this.#host
    const pushed = this.#bySignature.get(signature)
    if (pushed === undefined) return
    this.#bySignature.delete(signature)
    this.#byId.delete(pushed.id)
    this.#forget(pushed)
    pushed.release()
    if (link.isOpen) link.send(encode([Kind.unwatch, pushed.id]))
  }

  /** The sources are others: what was told holds where they continue it. */
  restart(continued: (point: Versions) => Versions | undefined): void {
    for (const pushed of this.#bySignature.values()) pushed.restart(pushed.told && continued(pushed.told))
  }

  /** A connection is open: asks the server to follow, each from where it was told. */
  opened(): void {
    for (const pushed of this.#bySignature.values()) this.#watch(pushed)
  }

  /** The connection is gone. */
  lost(): void {
    for (const pushed of this.#bySignature.values()) {
      pushed.interrupt()
      this.#forget(pushed)
    }
  }

  /** Nothing will be told any more. */
  end(): void {
    for (const pushed of this.#bySignature.values()) {
      this.#forget(pushed)
      pushed.release()
    }
  }

  /** From the next step on, the server tells what changes in a query. */
  watching(id: Id): void {
    const pushed = this.#byId.get(id)
    if (pushed === undefined) return
    pushed.isTold = true
    pushed.error = undefined
    if (this.#left.delete(pushed)) this.#host.moved()
  }

  /** The server follows a query no longer. What may pass is asked for again, after a time; anything else is final (L9). */
  ended(id: Id, error: FanlightError): void {
    const pushed = this.#byId.get(id)
    if (pushed === undefined) return
    const { clock, random, link, name } = this.#host
    pushed.interrupt()
    // Who iterates takes an error without a store for an end by the holder.
    const why = new FanlightError(error.code, error.message, { ...factsOf(error), store: error.store ?? name })
    pushed.error = why
    if (passing.has(error.code)) {
      if (clock.now() - pushed.watchedAtMs >= stableMs) pushed.attempts = 0
      this.#left.add(pushed)
      const waitMs = backOffMs(++pushed.attempts, backOff, random)
      pushed.stopTimer = clock.after(waitMs, () => link.isOpen && this.#watch(pushed))
    } else {
      const [signature] = [...this.#bySignature].find(([, one]) => one === pushed) ?? []
      pushed.isRefused = true
      if (signature !== undefined) this.#host.refused(signature, why)
    }
    pushed.release()
    this.#host.moved()
  }

  /**
   * A step is whole.
   *
   * @returns the signatures of those in which something may have changed
   */
  step(point: Versions): string[] {
    const touched: string[] = []
    for (const [signature, pushed] of this.#bySignature) {
      const areHeld = pushed.next !== undefined && this.#host.allHold(signature, pushed.told ?? point)
      const update = pushed.step(point, areHeld)
      // Of what is not told of yet, or not up to here, anything may have changed.
      if (update !== undefined || pushed.next !== undefined || !pushed.isTold) touched.push(signature)
    }
    return touched
  }

  #watch(pushed: Pushed): void {
    pushed.watchedAtMs = this.#host.clock.now()
    this.#host.link.send(encode([Kind.watch, pushed.id, pushed.query, pushed.told ?? null]))
  }

  /** Nothing is to be done any more about that the server gave it up. */
  #forget(pushed: Pushed): void {
    pushed.stopTimer?.()
    pushed.error = undefined
    this.#left.delete(pushed)
  }
}
