import { isFanlightError } from '@fanlight/core'
import { packError, type WireError } from '@fanlight/protocol'

/** What goes wrong in the process itself: clients are told no more than that it did. */
export class Report {
  readonly #onError: ((error: unknown) => void) | undefined

  constructor(onError: ((error: unknown) => void) | undefined) {
    this.#onError = onError
  }

  /** Tells whoever runs the server. */
  tell(error: unknown): void {
    try {
      this.#onError?.(error)
    } catch {
      // Who listens to errors must not make the next one.
    }
  }

  /** An error, in the form of the wire. What is not Fanlight's own is told here, and not there. */
  packed(error: unknown): WireError {
    if (!isFanlightError(error)) this.tell(error)
    return packError(error)
  }
}
