import type { SourceId, Store, Versions } from '@fanlight/core'

/** One wait at the upstream. */
interface Wait {
  readonly version: number
  readonly ended: AbortController
}

/**
 * Learns of progress that changes nothing: a feed that nothing touches wakes nobody, so where somebody waits for a version
 * that the upstream has not reached, the upstream is asked to tell when it has. One question a source is under way at most.
 */
export class Probe {
  readonly #upstream: Store
  readonly #reached: () => void
  readonly #waits = new Map<SourceId, Wait>()

  /** @param reached is called when the upstream reached what somebody waits for */
  constructor(upstream: Store, reached: () => void) {
    this.#upstream = upstream
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
      if (under !== undefined && under.version <= version) continue
      under?.ended.abort()
      void this.#ask(source, version, at)
    }
  }

  stop(): void {
    for (const { ended } of this.#waits.values()) ended.abort()
    this.#waits.clear()
  }

  async #ask(source: SourceId, version: number, since: Versions): Promise<void> {
    const ended = new AbortController()
    const wait = { version, ended }
    this.#waits.set(source, wait)
    const { signal } = ended
    let told = true
    try {
      await this.#upstream.changes([], { since, until: { [source]: version }, signal, timeoutMs: Infinity })
    } catch {
      // It may be far beyond already. Whatever else went wrong, the feed will tell of too.
      told = (this.#upstream.reached[source] ?? -1) >= version
    }
    if (this.#waits.get(source) === wait) this.#waits.delete(source)
    if (told && !signal.aborted) this.#reached()
  }
}
