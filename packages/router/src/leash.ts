/**
 * A signal of one's own that also ends when another one does. Unlike `AbortSignal.any` it costs nothing until it is used,
 * and leaves nothing behind at a signal that lives long.
 */
export class Leash {
  readonly #outer: AbortSignal | undefined
  #own: AbortController | undefined
  readonly #pull = (): void => this.#own?.abort(this.#outer?.reason)

  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer
  }

  /** Hand it to whoever may wait. */
  get signal(): AbortSignal {
    if (this.#own === undefined) {
      this.#own = new AbortController()
      if (this.#outer?.aborted === true) this.#pull()
      else this.#outer?.addEventListener('abort', this.#pull, { once: true })
    }
    return this.#own.signal
  }

  /** Ends whatever still waits. */
  end(): void {
    if (this.#own === undefined) return
    this.#outer?.removeEventListener('abort', this.#pull)
    this.#own.abort()
  }
}
