/**
 * A signal of one's own that also ends when one of others does. Unlike `AbortSignal.any` it costs nothing until it is used,
 * and leaves nothing behind at a signal that lives long.
 */
export class Leash {
  readonly #outer: readonly AbortSignal[]
  #own: AbortController | undefined
  readonly #pull = (event: Event): void => this.#own?.abort((event.target as AbortSignal).reason)

  constructor(...outer: readonly (AbortSignal | undefined)[]) {
    this.#outer = outer.filter((signal) => signal !== undefined)
  }

  /** Hand it to whoever may wait. */
  get signal(): AbortSignal {
    if (this.#own !== undefined) return this.#own.signal
    const own = (this.#own = new AbortController())
    for (const signal of this.#outer) {
      if (signal.aborted) own.abort(signal.reason)
      else signal.addEventListener('abort', this.#pull, { once: true })
    }
    return own.signal
  }

  /** Ends whatever still waits. */
  end(): void {
    if (this.#own === undefined) return
    for (const signal of this.#outer) signal.removeEventListener('abort', this.#pull)
    this.#own.abort()
  }
}
