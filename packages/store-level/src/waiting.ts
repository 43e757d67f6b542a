import { FanlightError, type Versions } from '@fanlight/core'
import { type CommitRequest, aborted, onAbort } from '@fanlight/core/kit'

/** A commit that was asked for and has no outcome. */
export class WaitingCommit {
  readonly request: CommitRequest
  readonly outcome: Promise<Versions>
  /** Whether it is in a group: it may be applied, whatever its asker wants now. */
  taken = false
  #ended = false
  #forget: (() => void) | undefined
  #resolve: (versions: Versions) => void = () => undefined
  #reject: (error: FanlightError) => void = () => undefined

  constructor(request: CommitRequest) {
    this.request = request
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  /** Whether its asker was told an outcome. */
  get isEnded(): boolean {
    return this.#ended
  }

  /** Calls back when the signal says so before there is an outcome. */
  heed(signal: AbortSignal, abort: () => void): void {
    this.#forget = onAbort(signal, abort)
  }

  resolve(versions: Versions): void {
    this.#end()
    this.#resolve(versions)
  }

  reject(error: FanlightError): void {
    this.#end()
    this.#reject(error)
  }

  #end(): void {
    this.#ended = true
    this.#forget?.()
  }
}

/** How much may wait, or goes into one batch. */
export interface WaitingLimits {
  readonly commitsMax: number
  readonly bytesMax: number
}

/** So much goes into one batch at most: more would make those behind it wait for long. */
export const groupMax: WaitingLimits = { commitsMax: 1024, bytesMax: 2 ** 23 }

/** The commits that wait for the batch before theirs. */
export class WaitingCommits {
  readonly #store: string
  readonly #limits: WaitingLimits
  #queue: WaitingCommit[] = []
  #bytes = 0

  constructor(store: string, limits: WaitingLimits) {
    this.#store = store
    this.#limits = limits
  }

  get size(): number {
    return this.#queue.length
  }

  /**
   * Waits for the outcome of a commit.
   *
   * @throws TOO_MANY; ABORTED, which says 'no' as long as it is in no group
   */
  add(request: CommitRequest, signal: AbortSignal | undefined): Promise<Versions> {
    const { commitsMax, bytesMax } = this.#limits
    if (this.#queue.length >= commitsMax || (this.#bytes + request.bytes > bytesMax && this.#queue.length > 0)) {
      const message = `${this.#queue.length} commits wait already: await some, or raise waitingMax and waitingBytesMax`
      return Promise.reject(new FanlightError('TOO_MANY', message, { store: this.#store, applied: 'no' }))
    }
    const waiting = new WaitingCommit(request)
    if (signal !== undefined) waiting.heed(signal, () => this.#abort(waiting, signal))
    this.#bytes += request.bytes
    this.#queue.push(waiting)
    return waiting.outcome
  }

  /** Takes the first ones, as many as go into one batch. */
  take(): WaitingCommit[] {
    let bytes = 0
    let count = 0
    for (const { request } of this.#queue) {
      bytes += request.bytes
      if (count > 0 && (count >= groupMax.commitsMax || bytes > groupMax.bytesMax)) break
      count++
    }
    const group = this.#queue.splice(0, count)
    for (const waiting of group) {
      waiting.taken = true
      this.#bytes -= waiting.request.bytes
    }
    return group
  }

  #abort(waiting: WaitingCommit, signal: AbortSignal): void {
    const applied = waiting.taken ? 'unknown' : 'no'
    if (!waiting.taken) {
      this.#queue = this.#queue.filter((one) => one !== waiting)
      this.#bytes -= waiting.request.bytes
    }
    waiting.reject(aborted(signal, { store: this.#store, applied }))
  }
}
