import type { Query, SourceId, Store, Versions } from '@fanlight/core'
import { type Spans, rangeOf } from '@fanlight/core/kit'

/** One wait at the upstream. */
interface Wait {
  readonly version: number
  readonly ended: AbortController
}

/**
 * Learns of progress that changes nothing: a feed that nothing touches wakes nobody, so where somebody waits for a version
 * that the upstream has not reached, the upstream is asked to tell when it has. One question a source is under way at most.
 * It is asked with the keys of the view and for no entry of them, since a router then waits for just their stores.
 */
export class Probe {
  readonly #upstream: Store
  readonly #query: Query
  readonly #reached: () => void
  readonly #waits = new Map<SourceId, Wait>()
  /** What the upstream said it has reached, although what is followed there has not: asking again says the same. */
  readonly #vain = new Map<SourceId, number>()

  /** @param reached is called when the upstream reached what somebody waits for */
  constructor(upstream: Store, spans: Spans, reached: () => void) {
    this.#upstream = upstream
    this.#query = withoutEntries(spans)
    this.#reached = reached
  }

  /**
   * Asks about the versions that are waited for.
   *
   * @param at      what the upstream has reached
   * @param awaited the least version of a source that somebody waits for
   */
  look(at: Versions, awaited: (source: SourceId) => number | undefined): void {
    for (const source of Object.keys(at)) {
      const version = awaited(source)
      const under = this.#waits.get(source)
      if (version === undefined || version <= (at[source] ?? 0)) continue
      if ((under !== undefined && under.version <= version) || this.#vain.get(source) === version) continue
      under?.ended.abort()
      void this.#ask(source, version)
    }
  }

  /** What is followed has moved: what was asked in vain may be asked again. */
  heard(): void {
    this.#vain.clear()
  }

  /** The upstream's own complaint that it has not reached a point; undefined: it has. */
  async complaint(min: Versions): Promise<unknown> {
    try {
      await this.#upstream.fetch(this.#query, { min, stall: 'fail' })
      return undefined
    } catch (error) {
      return error
    }
  }

  stop(): void {
    for (const { ended } of this.#waits.values()) ended.abort()
    this.#waits.clear()
  }

  async #ask(source: SourceId, version: number): Promise<void> {
    const ended = new AbortController()
    const wait = { version, ended }
    this.#waits.set(source, wait)
    const { signal } = ended
    let told = true
    try {
      await this.#upstream.fetch(this.#query, { min: { [source]: version }, signal, timeoutMs: Infinity })
    } catch {
      // It may be far beyond already. Whatever else went wrong, the feed will tell of too.
      told = (this.#upstream.reached[source] ?? -1) >= version
    }
    if (this.#waits.get(source) === wait) this.#waits.delete(source)
    if (!told) return
    // A router has no more to say of a source whose store is not mounted any more, while its feed is still under a table of
    // mounts where it was: without this the two would ask each other for ever.
    this.#vain.set(source, version)
    if (!signal.aborted) this.#reached()
  }
}

function withoutEntries({ list }: Spans): Query {
  return list.map((span) => ({ ...rangeOf(span), limit: 0 }))
}
