/** Something that reads a version from disk. */
export interface Pin {
  readonly version: number
}

/** The versions that are being read from disk: what they need is not compacted meanwhile. */
export class Pins {
  readonly #held = new Set<Pin>()

  /** Holds a version, until it is released. */
  hold(version: number): Pin {
    const pin = { version }
    this.#held.add(pin)
    return pin
  }

  release(pin: Pin): void {
    this.#held.delete(pin)
  }

  /** The oldest version that is held; Infinity: none is. */
  get oldest(): number {
    let oldest = Infinity
    for (const { version } of this.#held) if (version < oldest) oldest = version
    return oldest
  }
}
