import { failedCommit } from './base-store.ts'
import type { CommitRequest } from './commit-request.ts'
import type { Again, Written } from './driver.ts'
import { FanlightError, aborted, isFanlightError } from './errors.ts'
import { onAbort } from './on-abort.ts'
import { spansHave } from './ranges.ts'
import type { CommitId, Versions } from './store.ts'

/** A commit that waits for its turn. */
interface Waiting {
  readonly request: CommitRequest
  readonly signal: AbortSignal | undefined
  readonly resolve: (versions: Versions) => void
  readonly reject: (error: FanlightError) => void
  /** Ends the wait when the signal says so. */
  readonly abort: () => void
  /** Stops hearing the signal. */
  deaf?: (() => void) | undefined
  /** How often something else came first. */
  rounds: number
}

/** What the queue needs of its store. */
export interface WriteHost {
  readonly name: string
  /** How many commits one write takes at most. */
  readonly batchMax: number
  /** How many commits may wait. */
  readonly waitsMax: number
  /** Makes sure that the copy, on which conditions are checked, is what the driver holds. */
  ready(): void | Promise<void>
  /** The versions of a commit that came before with this id; throws where the commit is refused. */
  settled(request: CommitRequest, signal: AbortSignal | undefined): Versions | undefined
  write(
    requests: readonly CommitRequest[],
    signals: readonly (AbortSignal | undefined)[],
  ): Promise<readonly Written[] | Again>
  /** What was written is applied, in its order. */
  written(requests: readonly CommitRequest[], outcomes: readonly Written[]): readonly (Versions | FanlightError)[]
  /** A write ended without outcomes: 'again', or an error. */
  unwritten(requests: readonly CommitRequest[], failure: FanlightError | undefined): void
}

/** How often something else may come first before a commit gives up. */
const roundsMax = 100

/**
 * The commits that wait to be written. One write is under way at a time; all that wait meanwhile go into the next, up to
 * the first whose conditions depend on another of them: they are checked when that one is applied.
 */
export class WriteQueue {
  readonly #host: WriteHost
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined

  constructor(host: WriteHost) {
    this.#host = host
  }

  /** Waits for its turn, and is written. */
  add(request: CommitRequest, signal: AbortSignal | undefined): Promise<Versions> {
    const { name, waitsMax } = this.#host
    if (this.#waiting.length >= waitsMax) {
      const message = `${waitsMax} commits wait already: await some, or raise limits.waits`
      return Promise.reject(new FanlightError('TOO_MANY', message, { store: name, applied: 'no' }))
    }
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting)
        reject(aborted(signal as AbortSignal, { store: name, applied: 'no' }))
      }
      const waiting: Waiting = { request, signal, resolve, reject, abort, rounds: 0 }
      heed(waiting)
      this.#waiting.push(waiting)
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing waits or is being written. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // A turn later, so that commits which are made together are written together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      if (!(await this.#ready())) continue
      const batch = this.#next()
      if (batch.length > 0) await this.#write(batch)
    }
    this.#running = undefined
  }

  async #ready(): Promise<boolean> {
    try {
      await this.#host.ready()
      return true
    } catch (error) {
      for (const waiting of this.#waiting.splice(0)) this.#refuse(waiting, failedCommit(error, 'no'))
      return false
    }
  }

  /** Takes the commits that can be written together; those that are refused, or were written before, end here. */
  #next(): Waiting[] {
    const batch: Waiting[] = []
    while (batch.length < this.#host.batchMax) {
      const [waiting] = this.#waiting
      if (waiting === undefined || batch.some((one) => dependsOn(waiting.request, one.request))) break
      this.#waiting.shift()
      try {
        const before = this.#host.settled(waiting.request, waiting.signal)
        if (before === undefined) batch.push(waiting)
        else this.#accept(waiting, before)
      } catch (error) {
        this.#refuse(waiting, failedCommit(error, 'no'))
      }
    }
    // What is being written cannot be called back by the queue: the driver has the signal too.
    for (const waiting of batch) waiting.deaf?.()
    return batch
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const requests = batch.map(({ request }) => request)
    try {
      const outcomes = await this.#host.write(
        requests,
        batch.map(({ signal }) => signal),
      )
      if (outcomes === 'again') {
        this.#host.unwritten(requests, undefined)
        this.#again(batch)
        return
      }
      const results = this.#host.written(requests, outcomes)
      for (const [i, waiting] of batch.entries()) {
        const result = results[i]
        if (isFanlightError(result)) waiting.reject(result)
        else waiting.resolve(result ?? {})
      }
    } catch (error) {
      const failure = failedCommit(error, 'unknown')
      this.#host.unwritten(requests, failure)
      for (const waiting of batch) waiting.reject(failure)
    }
  }

  /** Something else came first: they wait at the front once more. */
  #again(batch: readonly Waiting[]): void {
    const patient: Waiting[] = []
    for (const waiting of batch) {
      if (++waiting.rounds <= roundsMax) {
        patient.push(waiting)
        heed(waiting)
      } else {
        const message = `something else was written first ${roundsMax} times in a row: commit again`
        waiting.reject(new FanlightError('UNAVAILABLE', message, { store: this.#host.name, applied: 'no' }))
      }
    }
    this.#waiting.unshift(...patient)
  }

  #accept(waiting: Waiting, versions: Versions): void {
    waiting.deaf?.()
    waiting.resolve(versions)
  }

  #refuse(waiting: Waiting, error: FanlightError): void {
    waiting.deaf?.()
    waiting.reject(error)
  }
}

function heed(waiting: Waiting): void {
  const { signal, abort } = waiting
  if (signal?.aborted === false) waiting.deaf = onAbort(signal, abort)
}

/** Whether what a commit asks for is decided by another one before it. */
function dependsOn(request: CommitRequest, before: CommitRequest): boolean {
  if (sameId(request.id, before.id)) return true
  const { basis, guard } = request
  if (basis === undefined) return false
  const own = new Set(request.changes.map(({ key }) => key))
  return before.changes.some(({ key }) => own.has(key) || (guard !== undefined && spansHave(guard, key)))
}

function sameId(a: CommitId | undefined, b: CommitId | undefined): boolean {
  return a !== undefined && b !== undefined && a.number === b.number && a.session === b.session
}
