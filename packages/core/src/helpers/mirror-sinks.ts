import { intersectSpan, mergeSpans, readQuery, spanHas } from '../ranges.ts'
import type { Span, Spans } from '../ranges.ts'
import type { Range, Update, Versions } from '../store.ts'
import type { FanlightError } from '../errors.ts'

/** Who hears of what a sink finds out by itself. */
export interface SinkHost {
  /** Something ended what it did on its own account: the mirror is to start again, or to end. */
  failed(why: unknown): void
  /** What someone else changed was put back. */
  repaired(what: FanlightError): void
}

/** Where a mirror writes to. */
export interface MirrorSink<V> {
  /** The point at which it holds the query; undefined: none. Called before the first update, and again after a failure. */
  start(host: SinkHost): Versions | undefined | Promise<Versions | undefined>
  /** Applies one step, whole or not at all. */
  apply(update: Update<V>): void | Promise<void>
  /** Lets go of it. */
  close(): Promise<void>
}

const done = Promise.resolve()

/** A map that holds the entries, its keys with a prefix. All of a step is done in one turn. */
export class MapSink<V> implements MirrorSink<V> {
  readonly #map: Map<string, V>
  readonly #prefix: string
  readonly #own: readonly Span[]
  #at: Versions | undefined

  constructor(map: Map<string, V>, prefix: string, spans: Spans) {
    this.#map = map
    this.#prefix = prefix
    this.#own = mergeSpans(spans.list)
  }

  start(): Versions | undefined {
    return this.#at
  }

  apply({ replace, changes, versions }: Update<V>): void {
    if (replace !== undefined) {
      const spans = replacedSpans(replace.ranges, this.#own)
      for (const key of this.#map.keys()) {
        if (key.startsWith(this.#prefix) && hasKey(spans, key.slice(this.#prefix.length))) this.#map.delete(key)
      }
      for (const { key, value } of replace.entries) this.#map.set(this.#prefix + key, value)
    }
    for (const { key, value, gone } of changes) {
      if (gone === true) this.#map.delete(this.#prefix + key)
      else this.#map.set(this.#prefix + key, value)
    }
    this.#at = versions
  }

  close(): Promise<void> {
    return done
  }
}

/**
 * Where what is held is to be forgotten: a store may name more than it was asked for, since whoever follows it holds nothing
 * there. A sink may hold what is not the mirror's.
 */
export function replacedSpans(ranges: readonly Range[], own: readonly Span[]): Span[] {
  const replaced = readQuery(ranges, Infinity).list
  return mergeSpans(replaced.flatMap((span) => own.map(({ lo, hi }) => intersectSpan(span, lo, hi))))
}

/** Whether a key lies in any of the spans. */
export function hasKey(spans: readonly Span[], key: string): boolean {
  return spans.some((span) => spanHas(span, key))
}
