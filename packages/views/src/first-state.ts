import type { Store, Versions } from '@fanlight/core'
import type { Spans } from '@fanlight/core/kit'
import type { Answers, Found } from './answers.ts'
import { Bootstrap, rangesMax } from './bootstrap.ts'
import { MapFailure } from './mapping.ts'

/** How far a view is with its first state. */
export interface Progress {
  /** How many entries of its upstream it has read for it, since it was made. */
  readonly read: number
  /** Whether it has read all of them. */
  readonly isWhole: boolean
}

/** What the first state of a view is made of, and where. */
export interface FirstStateOptions {
  readonly upstream: Store
  readonly spans: Spans
  readonly answers: Answers
  /** How many entries of a range are read at once. */
  readonly pageSize: number
  /** So many entries have been read. */
  progressed(read: number): void
}

/** Makes the first state of a view, where there is none. */
export class FirstState {
  readonly #options: FirstStateOptions
  #read = 0
  #bootstrap: Bootstrap | undefined

  constructor(options: FirstStateOptions) {
    this.#options = options
  }

  /** How many entries were read for it. */
  get read(): number {
    return this.#read
  }

  /**
   * Reads the upstream part by part.
   *
   * @param found what is there of it already
   * @returns the point that was reached; undefined: it is to be read at once
   */
  async make(found: Found | undefined): Promise<Versions | undefined> {
    const { upstream, spans, answers, pageSize } = this.#options
    const { load } = answers
    if (load === undefined || spans.limited || spans.list.length > rangesMax) return undefined
    if (found === undefined) this.#read = 0
    const progressed = (entries: number): void => this.#options.progressed((this.#read += entries))
    const host = { pageSize, load: load.bind(answers), progressed }
    const started = found?.rest === undefined ? undefined : { at: found.at, rest: found.rest }
    this.#bootstrap = new Bootstrap(upstream, spans, host, started)
    try {
      return await this.#bootstrap.run()
    } catch (error) {
      // Whoever follows the upstream knows how to go on where a function of the view threw.
      if (error instanceof MapFailure) return undefined
      throw error
    } finally {
      this.#bootstrap = undefined
    }
  }

  /** Ends it; resolves when nothing is written any more. */
  async stop(): Promise<void> {
    await this.#bootstrap?.stop()
  }
}
