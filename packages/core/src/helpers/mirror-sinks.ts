import type { Seams } from '../ambient.ts'
import { FanlightError } from '../errors.ts'
import { type Span, type Spans, mergeSpans, prefixEnd, rangeOf, readQuery, spanHas, subtractSpans } from '../ranges.ts'
import { type WritableSession, createSession } from '../session.ts'
import type { Change, Entry, Range, Replace, Types, Update, Versions, WritableStore } from '../store.ts'
import { applyUpdate, diffEntries } from '../update.ts'
import { valuesEqual } from '../values.ts'
import { checkVersions } from '../versions.ts'
import { reconcile } from './reconcile.ts'

/** Where a mirror writes to. */
export interface MirrorSink<V> {
  /** The point at which it holds the query; undefined: none. Called before the first update, and again after a failure. */
  start(): Versions | undefined | Promise<Versions | undefined>
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
  #at: Versions | undefined

  constructor(map: Map<string, V>, prefix: string) {
    this.#map = map
    this.#prefix = prefix
  }

  start(): Versions | undefined {
    return this.#at
  }

  apply({ replace, changes, versions }: Update<V>): void {
    if (replace !== undefined) {
      const spans = plainSpans(replace.ranges)
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

/** Anything with a `set`, which gets what is made of the entries. */
export class SettableSink<V> implements MirrorSink<V> {
  readonly #set: (entries: readonly Entry<V>[]) => void
  readonly #reverse: boolean
  #entries: readonly Entry<V>[] | undefined
  #at: Versions | undefined

  constructor(set: (entries: readonly Entry<V>[]) => void, reverse: boolean) {
    this.#set = set
    this.#reverse = reverse
  }

  start(): Versions | undefined {
    return this.#at
  }

  apply(update: Update<V>): void {
    const before = this.#entries
    const entries = reconcile(before ?? [], update, this.#reverse)
    if (entries !== before) this.#set(entries)
    this.#entries = entries
    this.#at = update.versions
  }

  close(): Promise<void> {
    return done
  }
}

/** How a mirror writes to a store. */
export interface StoreSinkOptions extends Seams {
  readonly prefix: string
  readonly watermarkKey: string
}

/**
 * A store that takes commits. Each step is one commit, which also says, at the watermark, up to which point the sink holds
 * which query: so that a mirror that starts again goes on exactly there. Every commit has a basis, so that two mirrors at one
 * watermark cannot both take the same step.
 */
export class StoreSink<V> implements MirrorSink<V> {
  readonly #session: WritableSession
  readonly #spans: Spans
  readonly #ranges: readonly Range[]
  readonly #options: StoreSinkOptions
  /** What the sink is known to be unchanged since, but for this mirror. */
  #basis: Versions = {}
  /** Spans of a query that was mirrored before: what lies there goes with the first step. */
  #orphans: readonly Span[] = []

  constructor(sink: WritableStore<Types>, spans: Spans, options: StoreSinkOptions) {
    this.#session = createSession(sink as WritableStore, options)
    this.#spans = spans
    this.#ranges = spans.list.map(rangeOf)
    this.#options = options
  }

  async start(): Promise<Versions | undefined> {
    const { watermarkKey } = this.#options
    const { entries, versions } = await this.#session.fetch(watermarkKey)
    this.#basis = versions
    this.#orphans = []
    const mark = readMark(entries[0]?.value)
    if (mark === undefined) return undefined
    if (valuesEqual(mark.query, this.#ranges)) return mark.versions
    this.#orphans = subtractSpans(plainSpans(mark.query), this.#spans.list)
    return undefined
  }

  async apply({ replace, changes, versions }: Update<V>): Promise<void> {
    const { prefix, watermarkKey } = this.#options
    const own = replace === undefined ? this.#mapped(changes) : await this.#replaced(replace, changes)
    const clash = own.find(({ key }) => key === watermarkKey)
    if (clash !== undefined) {
      throw new FanlightError(
        'BAD_KEY',
        `an entry is mirrored to ${JSON.stringify(clash.key)}, where the watermark is: name another`,
        {
          keys: [clash.key.slice(prefix.length)],
        },
      )
    }
    const mark: Change = { key: watermarkKey, value: { versions, query: this.#ranges } }
    this.#basis = await this.#session.commit([...own, mark], { basis: this.#basis })
    this.#orphans = []
  }

  close(): Promise<void> {
    return this.#session.close()
  }

  #mapped(changes: readonly Change<V>[]): Change[] {
    return changes.map((change) => ({ ...change, key: this.#options.prefix + change.key }))
  }

  /** What makes the sink, as it is in the replaced spans, into what the update says. */
  async #replaced(replace: Replace<V>, changes: readonly Change<V>[]): Promise<Change[]> {
    const { prefix, watermarkKey } = this.#options
    const after = applyUpdate<V>([], { replace, changes })
    const spans = mergeSpans([...plainSpans(replace.ranges), ...this.#orphans])
    const before: Entry[] = []
    for (let i = 0; i < spans.length; i += 64) {
      const ranges = spans.slice(i, i + 64).map((span) => rangeOf(under(prefix, span)))
      const { entries, versions } = await this.#session.fetch(ranges)
      before.push(...entries.filter(({ key }) => key !== watermarkKey))
      if (i === 0) this.#basis = { ...this.#basis, ...versions }
    }
    return diffEntries(
      before,
      after.map(({ key, value }) => ({ key: prefix + key, value })),
    )
  }
}

/** A watermark, as it was written. */
interface Mark {
  readonly versions: Versions
  readonly query: readonly Range[]
}

/** Reads a watermark; undefined where there is none that can be understood: then all is mirrored anew. */
function readMark(value: unknown): Mark | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { versions, query } = value as Partial<Record<keyof Mark, unknown>>
  try {
    return {
      versions: checkVersions(versions, 'the watermark'),
      query: readQuery(query as readonly Range[]).list.map(rangeOf),
    }
  } catch {
    return undefined
  }
}

/** A span with a prefix in front of its keys. */
function under(prefix: string, span: Span): Span {
  return { ...span, lo: prefix + span.lo, hi: span.hi === undefined ? prefixEnd(prefix) : prefix + span.hi }
}

function plainSpans(ranges: readonly Range[]): readonly Span[] {
  return mergeSpans(readQuery(ranges, Infinity).list)
}

function hasKey(spans: readonly Span[], key: string): boolean {
  return spans.some((span) => spanHas(span, key))
}
