import { FanlightError, type Versions } from '@fanlight/core'
import { type CommitRequest, aborted } from '@fanlight/core/kit'

/** A commit that was asked for and has no outcome. */
export interface Waiting {
  readonly request: CommitRequest
  readonly resolve: (versions: Versions) => void
  readonly reject: (error: FanlightError) => void
  /** Whether it is in a group: it may be applied, whatever its asker wants now. */
  taken: boolean
  /** Whether its asker was told an outcome already. */
  ended: boolean
}

/** How much may wait, and how much goes into one batch. */
export interface WaitingLimits {
  readonly commitsMax: number
  readonly bytesMax: number
}

/** So much goes into one batch at most: more would make those behind it wait for long. */
const groupMax: WaitingLimits = { commitsMax: 1024, bytesMax: 2 ** 23 }

/** The commits that wait for the batch before theirs. */
export class WaitingCommits {
  readonly #store: string
  readonly #limits: WaitingLimits
  #queue: Waiting[] = []
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
   * @throws TOO_MANY; ABORTED, 'no' as long as it is in no group
   */
  add(request: CommitRequest, signal: AbortSignal | undefined): Promise<Versions> {
    const { commitsMax, bytesMax } = this.#limits
    if (this.#queue.length >= commitsMax || (this.#bytes + request.bytes > bytesMax && this.#queue.length > 0)) {
      const message = `${this.#queue.length} commits wait already: await some, or raise waitingMax and waitingBytesMax`
      return Promise.reject(new FanlightError('TOO_MANY', message, { store: this.#store, applied: 'no' }))
    }
    this.#bytes += request.bytes
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { request, resolve, reject, taken: false, ended: false }
      this.#queue.push(waiting)
      if (signal !== undefined) this.#heed(signal, waiting)
    })
  }

  /** Takes the first ones, as many as go into one batch. */
  take(): Waiting[] {
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

  #heed(signal: AbortSignal, waiting: Waiting): void {
    const abort = (): void => {
      const applied = waiting.taken ? 'unknown' : 'no'
      if (!waiting.taken) {
        this.#queue = this.#queue.filter((one) => one !== waiting)
        this.#bytes -= waiting.request.bytes
      }
      waiting.ended = true
      waiting.reject(aborted(signal, { store: this.#store, applied }))
    }
    signal.addEventListener('abort', abort, { once: true })
    const forget = (): void => signal.removeEventListener('abort', abort)
    const { resolve, reject } = waiting
    Object.assign(waiting, {
      resolve: (versions: Versions) => (forget(), resolve(versions)),
      reject: (error: FanlightError) => (forget(), reject(error)),
    })
  }
}
