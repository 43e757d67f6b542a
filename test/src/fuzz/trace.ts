import { createHash, type Hash } from 'node:crypto'

/** Everything that a case did and saw, as a hash: two runs of one seed must have the same. */
export class Trace {
  readonly #hash: Hash = createHash('sha256')
  readonly #last: string[] = []

  /** Notes something; the last of it is kept for whoever reads a failure. */
  note(what: string): void {
    this.#hash.update(what).update('\n')
    this.#last.push(what)
    if (this.#last.length > 60) this.#last.shift()
  }

  get tail(): readonly string[] {
    return this.#last
  }

  digest(): string {
    return this.#hash.copy().digest('hex').slice(0, 16)
  }
}
