import { tell } from '../feeds/tell.ts'

/** Callbacks that are told when something changed. */
export class Listeners {
  #callbacks: (() => void)[] = []

  /**
   * Adds a callback; the same one twice is told twice.
   *
   * @returns removes it
   */
  add(callback: () => void): () => void {
    const own = (): void => callback()
    this.#callbacks.push(own)
    return () => {
      this.#callbacks = this.#callbacks.filter((other) => other !== own)
    }
  }

  /** Tells everyone who is there now. What one of them throws does not keep it from the others. */
  tell(): void {
    for (const callback of this.#callbacks.slice()) tell(callback)
  }
}
