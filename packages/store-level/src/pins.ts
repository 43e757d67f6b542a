/** The versions that are being read from disk: what they need is not compacted meanwhile. */
export class Pins {
  readonly #held = new Set<{ readonly version: number }>()

  /**
   * Holds a version.
   *
   * @returns lets go of it
   */
  hold(version: number): () => void {
    const pin = { version }
    this.#held.add(pin)
    return () => void this.#held.delete(pin)
  }

  /** The oldest version that is held; Infinity: none is. */
  get oldest(): number {
    let oldest = Infinity
    for (const { version } of this.#held) if (version < oldest) oldest = version
    return oldest
  }
}
