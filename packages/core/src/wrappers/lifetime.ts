import { onAbort } from '../on-abort.ts'
import { type FanlightError, closed } from '../errors.ts'

/** How long a wrapper lives: what is under way when it closes ends with CLOSED, while the store inside lives on. */
export class Lifetime {
  readonly #name: string
  readonly #ends = new Set<(why: FanlightError) => void>()
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  /** @param name what it is called in errors */
  constructor(name: string) {
    this.#name = name
  }

  get isClosed(): boolean {
    return this.#closing !== undefined
  }

  assertOpen(): void {
    if (this.#closing !== undefined) throw this.#closed()
  }

  /**
   * Calls back when it closes.
   *
   * @returns ends that
   */
  onClose(end: (why: FanlightError) => void): () => void {
    this.#ends.add(end)
    return () => this.#ends.delete(end)
  }

  /**
   * Does something that ends with CLOSED when this closes.
   *
   * @param signal of the asker
   * @param mayWait whether it is worth a signal of its own, which ends a wait inside; one costs more than a fetch
   */
  run<R>(
    signal: AbortSignal | undefined,
    mayWait: boolean,
    work: (signal: AbortSignal | undefined) => Promise<R>,
  ): Promise<R> {
    if (this.#closing !== undefined) return Promise.reject(this.#closed())
    if (!mayWait || signal?.aborted === true) return this.#until(() => work(signal))
    const ended = new AbortController()
    const deaf = signal && onAbort(signal, () => ended.abort(signal.reason))
    const stop = this.onClose((why) => ended.abort(why))
    return this.#until(() => work(ended.signal)).finally(() => {
      stop()
      deaf?.()
    })
  }

  /** Whatever comes first: what the work comes to, or the end of this. */
  #until<R>(work: () => Promise<R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.#ends.add(reject)
      try {
        work().then(
          (value) => {
            this.#ends.delete(reject)
            resolve(value)
          },
          (error: unknown) => {
            this.#ends.delete(reject)
            reject(error)
          },
        )
      } catch (error) {
        this.#ends.delete(reject)
        reject(error)
      }
    })
  }

  /** Does something that must end by itself, as a commit: closing waits for it. */
  finish<R>(work: Promise<R>): Promise<R> {
    const running: Promise<unknown> = work.catch(() => undefined).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return work
  }

  /** Ends all that is under way; resolves when what must end by itself has. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    const closing = Promise.all(this.#running).then(() => undefined)
    this.#closing = closing
    const why = this.#closed()
    for (const end of this.#ends) end(why)
    this.#ends.clear()
    return closing
  }

  #closed(): FanlightError {
    return closed(this.#name, { store: this.#name })
  }
}
