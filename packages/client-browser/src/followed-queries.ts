import type { Versions } from '@fanlight/core'
import { signatureOf, type Spans } from '@fanlight/core/kit'
import { encode, type Id, Kind } from '@fanlight/protocol'
import type { Link } from './link.ts'
import { Pushed } from './pushed.ts'
import { queryOf } from './unpack.ts'

/** What the queries that are followed need of their store. */
export interface FollowHost {
  readonly link: Link
  /** How many steps of each query are kept. */
  readonly stepsMax: number
  nextId(): Id
}

/** The queries that the server follows for us. */
export class FollowedQueries {
  readonly #host: FollowHost
  readonly #bySignature = new Map<string, Pushed>()
  readonly #byId = new Map<Id, Pushed>()
  readonly #signatures = new WeakMap<Spans, string>()

  constructor(host: FollowHost) {
    this.#host = host
  }

  get size(): number {
    return this.#bySignature.size
  }

  /** The one of these spans, where they are followed. */
  of(spans: Spans): Pushed | undefined {
    let signature = this.#signatures.get(spans)
    if (signature === undefined) this.#signatures.set(spans, (signature = signatureOf(spans)))
    return this.#bySignature.get(signature)
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
    for (const pushed of this.#bySignature.values()) pushed.interrupt()
  }

  /** Nothing will be told any more. */
  end(): void {
    for (const pushed of this.#bySignature.values()) pushed.release()
  }

  /**
   * A step is whole.
   *
   * @returns the signatures of those in which something may have changed
   */
  step(point: Versions): string[] {
    const touched: string[] = []
    for (const [signature, pushed] of this.#bySignature) {
      // Of what is not told of yet anything may have changed.
      if (pushed.step(point) !== undefined || !pushed.isTold) touched.push(signature)
    }
    return touched
  }

  #watch(pushed: Pushed): void {
    pushed.error = undefined
    this.#host.link.send(encode([Kind.watch, pushed.id, pushed.query, pushed.told ?? null]))
  }
}
