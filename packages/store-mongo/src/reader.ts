import type { Change, Entry, Scanned } from '@fanlight/core'
import {
  type Difference,
  type Reading,
  type Soon,
  type Span,
  type Spans,
  compareKeys,
  diffEntries,
  isEmptySpan,
  rangeOf,
  readQuery,
  replacement,
  scannedUpTo,
  spansOf,
} from '@fanlight/core/kit'
import type { Document } from 'mongodb'
import type { Names } from './catalog.ts'
import { Held, noVersions } from './change-log.ts'
import { Finder, type Found, type Named } from './finder.ts'
import { collectionSpan, mayHold } from './keys/id-ranges.ts'
import type { Ledger } from './ledger.ts'
import { valueOf } from './values.ts'

/** What was found in one span. */
interface Part {
  readonly found: readonly Found[]
  readonly scanned: Scanned
}

/** Above so many changes the answer is told in their place. */
const changesMax = 10_000

/** Answers at versions: documents from the server, and how long they are true from the log. */
export class Reader {
  readonly #ledger: Ledger
  readonly #finder: Finder
  /** What is to be read at a version, gathered in one turn. */
  readonly #loads = new Map<
    number,
    { readonly keys: Set<string>; readonly done: Promise<ReadonlyMap<string, Document>> }
  >()

  constructor(ledger: Ledger) {
    this.#ledger = ledger
    this.#finder = new Finder(ledger)
  }

  async read(spans: Spans, at: number): Promise<Reading> {
    const { source, log, catalog } = this.#ledger
    const names = catalog.at(at)
    const parts = await Promise.all(spans.list.map((span) => this.#span(names, span, at)))
    const more = parts.map(({ scanned }) => scanned)
    const ranges = more.map(({ range }) => range)
    const scanned = more.some((one) => one.more) ? readQuery(ranges, Infinity).list : spans.list
    // While it was read, a collection may have been dropped, and everything before that be forgotten.
    const isForgotten = log !== this.#ledger.log
    const { window, versions } = isForgotten
      ? { window: { from: at, to: at }, versions: noVersions }
      : log.windowOf(unlimited(scanned), at, this.#ledger.reached)
    const since = isForgotten ? at : Math.min(at, log.horizon)
    const entries = merged(parts, spans).map(({ key, document }): Entry => {
      return { key, value: valueOf(document), version: versions.get(key) ?? since }
    })
    return { entries, windows: { [source]: window }, more }
  }

  /** At once where the stream told all of it. */
  difference(spans: Spans, since: number, until: number): Soon<Difference> {
    const { changes, folded } = this.#ledger.log.touched(spans, since, until)
    if (folded === 0) return { changes: [], folded }
    if (spans.limited) return this.#limited(spans, since, until, folded)
    if (changes.length > changesMax) return this.#replaced(spans, until, folded)
    const unread = changes.flatMap(({ key, value }) => (value instanceof Held && !value.isKnown ? [key] : []))
    const filled = (read: ReadonlyMap<string, Document>): Difference => {
      return { changes: changes.map((change) => told(change, read)), folded }
    }
    return unread.length === 0 ? filled(noDocuments) : this.#load(unread, until).then(filled)
  }

  async #limited(spans: Spans, since: number, until: number, folded: number): Promise<Difference> {
    const [before, after] = await Promise.all([this.#ascending(spans, since), this.#ascending(spans, until)])
    return { changes: diffEntries(before, after), folded }
  }

  async #replaced(spans: Spans, until: number, folded: number): Promise<Difference> {
    const { entries } = await this.read(spans, until)
    return replacement(spans, entries, folded)
  }

  /** Whether there are any of these keys at a version. */
  async present(keys: readonly string[], at: number): Promise<string[]> {
    const found = await this.#finder.ofKeys(this.#ledger.catalog.at(at), keys, at)
    return keys.filter((key) => found.has(key))
  }

  /** Reads keys at a version: what many feeds ask for in one turn is one read. */
  #load(keys: readonly string[], at: number): Promise<ReadonlyMap<string, Document>> {
    let load = this.#loads.get(at)
    if (load === undefined) {
      const gathered = new Set<string>()
      const names = this.#ledger.catalog.at(at)
      const done = Promise.resolve().then(() => {
        this.#loads.delete(at)
        return this.#finder.ofKeys(names, [...gathered], at)
      })
      this.#loads.set(at, (load = { keys: gathered, done }))
    }
    for (const key of keys) load.keys.add(key)
    return load.done
  }

  async #ascending(spans: Spans, at: number): Promise<readonly Entry[]> {
    const { entries } = await this.read(spans, at)
    return spans.reverse ? entries.toReversed() : entries
  }

  async #span(all: Names, span: Span, at: number): Promise<Part> {
    const { lo, limit } = span
    const range = rangeOf(span)
    if (isEmptySpan(span)) return { found: [], scanned: { more: false, range } }
    const collections = collectionsIn(all, span)
    if (limit === Infinity) {
      const found = await Promise.all(collections.map((one) => this.#finder.inSpan(one, span, at)))
      return { found: found.flat(), scanned: { more: false, range } }
    }
    // One more than is asked for says whether more follow; it is not part of the answer.
    const found: Found[] = []
    for (const one of collections) {
      if (found.length > limit) break
      found.push(...(await this.#finder.inSpan(one, { ...span, limit: limit + 1 - found.length }, at)))
    }
    const more = found.length > limit
    if (limit === 0) return { found: [], scanned: { more, range: { gte: lo, lt: lo } } }
    const taken = more ? found.slice(0, limit) : found
    const scanned = more ? scannedUpTo(span, taken.at(-1)?.key) : range
    return { found: taken, scanned: { more, range: scanned } }
  }
}

/** The collections whose documents may lie in a span, in its order. */
function collectionsIn(names: Names, { lo, hi, reverse }: Span): Named[] {
  const found = [...names].flatMap(([name, uuid]) => (mayHold(name, lo, hi) ? [{ name, uuid }] : []))
  const sign = reverse ? -1 : 1
  return found.sort((a, b) => sign * compareKeys(collectionSpan(a.name).lo, collectionSpan(b.name).lo))
}

/** A change as it is told; a document that the server does not show is gone. */
function told(change: Change, read: ReadonlyMap<string, Document>): Change {
  const { key, value } = change
  if (!(value instanceof Held)) return change
  if (value.isKnown) return { key, value: value.value }
  const document = read.get(key)
  return document === undefined ? { key, gone: true } : { key, value: valueOf(document) }
}

/** The union of what the spans found, each key once, in the order of the answer. */
function merged(parts: readonly Part[], spans: Spans): readonly Found[] {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only.found
  const byKey = new Map<string, Found>()
  for (const { found } of parts) for (const one of found) byKey.set(one.key, one)
  const sign = spans.reverse ? -1 : 1
  return [...byKey.values()].sort((a, b) => sign * compareKeys(a.key, b.key))
}

function unlimited(list: readonly Span[]): Spans {
  return spansOf(list.map(({ lo, hi }) => ({ lo, hi, limit: Infinity, reverse: false })))
}

const noDocuments: ReadonlyMap<string, Document> = new Map()
