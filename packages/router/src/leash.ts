import { onAbort } from '@fanlight/core/kit'

/**
 * A signal of one's own that also ends when one of others does. Unlike `AbortSignal.any` it costs nothing until it is used,
 * and leaves nothing behind at a signal that lives long.
 */
export class Leash {
  readonly #outer: readonly AbortSignal[]
  #own: AbortController | undefined
  #deaf: (() => void)[] = []

  constructor(...outer: readonly (AbortSignal | undefined)[]) {
    this.#outer = outer.filter((signal) => signal !== undefined)
  }

  /** Hand it to whoever may wait. */
  get signal(): AbortSignal {
    if (this.#own !== undefined) return this.#own.signal
    const own = (this.#own = new AbortController())
    for (const signal of this.#outer) {
      if (signal.aborted) own.abort(signal.reason)
      else this.#deaf.push(onAbort(signal, () => own.abort(signal.reason)))
    }
    return own.signal
  }

  /** Ends whatever still waits. */
  end(): void {
    for (const deaf of this.#deaf.splice(0)) deaf()
    this.#own?.abort()
  }
}
