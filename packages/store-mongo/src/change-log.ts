import type { Window } from '@fanlight/core'
import { type HistoryBounds, type Spans, type VersionedDifference, VersionedTree } from '@fanlight/core/kit'
import type { Document } from 'mongodb'
import { valueOf } from './values.ts'

/** What a commit gave a key: the stream tells of it, and often of its value too; otherwise that is read when it is asked for. */
export class Held {
  readonly #document: Document | undefined
  #value: unknown

  /** @param document the whole of it, where the stream told it */
  constructor(document?: Document) {
    this.#document = document
  }

  get isKnown(): boolean {
    return this.#document !== undefined
  }

  /** The value, where it is known. */
  get value(): unknown {
    if (this.#document !== undefined) this.#value ??= valueOf(this.#document)
    return this.#value
  }
}

/** What one commit did to a document. */
export interface DocumentChange {
  readonly key: string
  /** Whether it was there before the commit. */
  readonly wasThere: boolean
  /** Absent: it is there no more. */
  readonly held: Held | undefined
  /** About how many bytes are held for it. */
  readonly bytes: number
}

/** What has changed since the horizon, and when: the documents themselves are in the database. */
export class ChangeLog {
  readonly #tree: VersionedTree

  constructor(bounds: HistoryBounds, version: number) {
    this.#tree = new VersionedTree(bounds, version, true)
  }

  /** The version since which every change is known. */
  get horizon(): number {
    return this.#tree.horizon
  }

  /** Keeps what a commit did. */
  push(changes: readonly DocumentChange[], version: number, nowMs: number): void {
    let bytes = 0
    const told = changes.map(({ key, wasThere, held, bytes: own }) => {
      bytes += own
      if (wasThere && this.#tree.cell(key) === undefined) this.#tree.seed(key, new Held())
      return held === undefined ? ({ key, gone: true } as const) : { key, value: held }
    })
    this.#tree.apply({ changes: told, bytes, id: undefined, meta: undefined }, version, nowMs)
  }

  /** The keys, of those given, that changed after a version. */
  changedAfter(version: number, keys: readonly string[]): string[] {
    return this.#tree.changedAfter(version, keys, undefined)
  }

  /**
   * How long an answer was and is true that was read at a version, and since when its entries are what they are.
   *
   * @param spans   those that were scanned, whatever their limits
   * @param reached the version up to which every change is known
   */
  windowOf(spans: Spans, at: number, reached: number): { window: Window; versions: ReadonlyMap<string, number> } {
    // While it was read, the horizon may have passed it: it is true where it was read all the same.
    if (at < this.horizon) return { window: { from: at, to: at }, versions: noVersions }
    const { entries, from, to } = this.#tree.read(spans, at)
    const window = { from, to: to >= this.#tree.version ? Math.max(at, reached) : to }
    if (entries.length === 0) return { window, versions: noVersions }
    return { window, versions: new Map(entries.map(({ key, version = this.horizon }) => [key, version])) }
  }

  /** What the commits between two versions changed: of each key whether it is gone, or what is held for it. */
  touched(spans: Spans, since: number, until: number): VersionedDifference {
    return this.#tree.touched(spans, since, until)
  }
}

export const noVersions: ReadonlyMap<string, number> = new Map()
