import { FanlightError } from '../errors.ts'
import { assertKey, compareKeys } from '../keys/order.ts'
import { type Span, type Spans, mergeSpans, rangeOf, readQuery, spanHas } from '../ranges.ts'
import type {
  Change,
  Entry,
  FetchOptions,
  Query,
  Range,
  Scanned,
  Snapshot,
  Store,
  Types,
  ValueAt,
  Versions,
} from '../store.ts'
import { checkValue } from '../values.ts'

/** What a transaction asks of the commit. */
interface Outcome {
  readonly changes: readonly Change[]
  readonly basis?: Versions | undefined
  readonly guard?: Query | undefined
}

/** At most so many ranges stand in a guard, as in any query; more are covered by wider ones. */
const guardsMax = 64

/** What `transact` gives to its work: reads at one point, and writes. */
export class Transaction<T extends Types = { '': unknown }> {
  readonly #store: Store<T>
  readonly #options: FetchOptions
  readonly #writes = new Map<string, Change>()
  /** What was read and must not have changed: single keys, with whether they were there, and spans. */
  readonly #keys = new Map<string, boolean>()
  readonly #spans: Span[] = []
  #basis: Versions | undefined
  #reading: Promise<unknown> = Promise.resolve()
  #isOver = false

  /** @internal */
  constructor(store: Store<T>, options: Pick<FetchOptions, 'signal' | 'timeoutMs'>) {
    this.#store = store
    this.#options = { signal: options.signal, timeoutMs: options.timeoutMs }
  }

  /** The point at which it reads; undefined before the first read. */
  get versions(): Versions | undefined {
    return this.#basis
  }

  /**
   * The value at a key, as the transaction wrote it or as it is at its point; undefined where there is none.
   *
   * @throws UNSUPPORTED at the commit, where the store cannot guard it; as `fetch` does
   */
  async get<const K extends string>(key: K): Promise<ValueAt<T, K> | undefined> {
    this.#assertOpen()
    assertKey(key)
    const own = this.#writes.get(key)
    if (own !== undefined) return own.value as ValueAt<T, K> | undefined
    const { entries } = await this.#read(this.#store as Store<Types> as Store, key)
    this.#keys.set(key, entries.length > 0)
    return entries[0]?.value as ValueAt<T, K> | undefined
  }

  /**
   * The entries that answer a query at the point of the transaction, with what it wrote.
   *
   * @throws UNSUPPORTED where the store cannot guard ranges; NOT_ATOMIC where another store is asked; as `fetch` does
   */
  fetch<const Q extends Query>(query: Q): Promise<readonly Entry<ValueAt<T, Q>>[]>
  fetch<O extends Types, const Q extends Query>(store: Store<O>, query: Q): Promise<readonly Entry<ValueAt<O, Q>>[]>
  async fetch(first: Query | Store<Types>, second?: Query): Promise<readonly Entry[]> {
    this.#assertOpen()
    if (second !== undefined && first !== (this.#store as unknown)) {
      const message =
        'what another store answers cannot be guarded: read it with tx.unguarded, or through the store itself'
      throw new FanlightError('NOT_ATOMIC', message, { applied: 'no' })
    }
    const query = second ?? (first as Query)
    if (typeof query !== 'string' && this.#store.supports.guard !== 'ranges') {
      const message = 'the store cannot guard ranges: read keys with tx.get, or the range with tx.unguarded'
      throw new FanlightError('UNSUPPORTED', message, { applied: 'no' })
    }
    return this.#answer(query, true)
  }

  /**
   * The entries that answer a query, of this store or of another one, at the point of the transaction as far as both have the
   * same sources. Nothing is guarded: somebody may change it before the commit.
   *
   * @throws as `fetch` of a store does
   */
  unguarded<const Q extends Query>(query: Q): Promise<readonly Entry<ValueAt<T, Q>>[]>
  unguarded<O extends Types, const Q extends Query>(store: Store<O>, query: Q): Promise<readonly Entry<ValueAt<O, Q>>[]>
  async unguarded(first: Query | Store<Types>, second?: Query): Promise<readonly Entry[]> {
    this.#assertOpen()
    if (second === undefined || first === (this.#store as unknown))
      return this.#answer(second ?? (first as Query), false)
    return (await this.#read(first as Store, second)).entries
  }

  /**
   * Gives a key a value when the transaction commits.
   *
   * @throws BAD_KEY, BAD_VALUE
   */
  put<const K extends string>(key: K, value: ValueAt<T, K>): void {
    this.#assertOpen()
    assertKey(key)
    checkValue(value)
    this.#writes.set(key, { key, value })
  }

  /**
   * Deletes a key when the transaction commits.
   *
   * @throws BAD_KEY
   */
  del(key: string): void {
    this.#assertOpen()
    assertKey(key)
    this.#writes.set(key, { key, gone: true })
  }

  /** Ends it, and nothing is written. @internal */
  abandon(): void {
    this.#isOver = true
  }

  /** Ends it: what is to be committed, and under which conditions. @internal */
  async end(): Promise<Outcome> {
    this.#isOver = true
    const changes = [...this.#writes.values()]
    if (this.#basis === undefined || changes.length === 0) return { changes, basis: this.#basis }
    const guard = this.#guard()
    const basis = await this.#completed(this.#basis)
    return guard.length === 0 ? { changes, basis } : { changes, basis, guard }
  }

  /**
   * What was written and never read may lie in a store of which nothing was read: of that one the newest point is as good as
   * any. One key tells which store it is, since a commit goes to one.
   */
  async #completed(basis: Versions): Promise<Versions> {
    if (this.#store.sources.every((source) => source in basis)) return basis
    const isRead = (key: string): boolean => this.#keys.has(key) || this.#spans.some((span) => spanHas(span, key))
    const blind = [...this.#writes.keys()].find((key) => !isRead(key))
    if (blind === undefined) return basis
    return { ...(await this.#store.fetch(blind, this.#options)).versions, ...basis }
  }

  /** What was read and is not written: a key that is written is checked with the basis anyway. */
  #guard(): (string | Range)[] {
    const keys = [...this.#keys].filter(([key]) => !this.#writes.has(key))
    const { guard } = this.#store.supports
    if (guard === 'ranges')
      return withinLimit(
        keys.map(([key]) => key),
        this.#spans,
      )
    const refused = guard === 'none' ? keys[0] : keys.find(([, isThere]) => !isThere)
    if (refused !== undefined) {
      const message = `the store cannot guard ${JSON.stringify(refused[0])}: write it too, or read it with tx.unguarded`
      throw new FanlightError('UNSUPPORTED', message, { keys: [refused[0]], applied: 'no' })
    }
    return keys.map(([key]) => key)
  }

  async #answer(query: Query, isGuarded: boolean): Promise<readonly Entry[]> {
    const spans = readQuery(query)
    const own = [...this.#writes.values()]
    const snapshot = await this.#read(this.#store as Store<Types> as Store, widened(spans, own))
    if (isGuarded) this.#note(query, snapshot)
    return own.length === 0 ? snapshot.entries : overlaid(spans, snapshot, own)
  }

  #note(query: Query, { entries, more }: Snapshot): void {
    if (typeof query === 'string') this.#keys.set(query, entries.length > 0)
    else this.#spans.push(...more.flatMap(({ range }) => plainSpan(range)))
  }

  /** Reads at the point of the transaction; the first read of a source says where that is. */
  #read(store: Store, query: Query): Promise<Snapshot> {
    const read = async (): Promise<Snapshot> => {
      const at = this.#basis ?? {}
      const bounds = this.#basis === undefined ? {} : { min: at, max: at }
      const snapshot = await store.fetch(query, { ...this.#options, ...bounds })
      // What is known already stays: the answer is true there too, though its window may end later.
      this.#basis = { ...snapshot.versions, ...at }
      return snapshot
    }
    const { sources } = store
    const isFixed = this.#basis !== undefined && sources.every((source) => source in (this.#basis ?? {}))
    if (isFixed) return read()
    const found = this.#reading.then(read)
    this.#reading = found.catch(() => undefined)
    return found
  }

  #assertOpen(): void {
    if (this.#isOver) throw new FanlightError('CLOSED', 'the transaction is over: await all of it inside its work')
  }
}

/** A query that reads so much more as the writes may delete of it. */
function widened(spans: Spans, own: readonly Change[]): Query {
  if (!spans.limited || own.length === 0) return spans.query
  return spans.list.map((span) => {
    const gone = own.filter(({ key, gone: isGone }) => isGone === true && spanHas(span, key)).length
    return rangeOf({ ...span, limit: span.limit + gone })
  })
}

/** The answer with what was written. */
function overlaid(spans: Spans, snapshot: Snapshot, own: readonly Change[]): readonly Entry[] {
  const found = new Map<string, Entry>()
  spans.list.forEach((span, i) => {
    const scanned = plainSpan((snapshot.more[i] as Scanned).range)
    const inside = new Map<string, Entry>()
    for (const entry of snapshot.entries)
      if (scanned.some((part) => spanHas(part, entry.key))) inside.set(entry.key, entry)
    for (const change of own) {
      if (!spanHas(span, change.key)) continue
      if (change.gone === true) inside.delete(change.key)
      else inside.set(change.key, { key: change.key, value: change.value })
    }
    const sorted = [...inside.values()].sort((a, b) => (span.reverse ? -1 : 1) * compareKeys(a.key, b.key))
    for (const entry of sorted.slice(0, span.limit === Infinity ? undefined : span.limit)) found.set(entry.key, entry)
  })
  return [...found.values()].sort((a, b) => (spans.reverse ? -1 : 1) * compareKeys(a.key, b.key))
}

/** A scanned range as a span of keys, without limit and direction. */
function plainSpan({ gt, gte, lt, lte }: Range): readonly Span[] {
  return mergeSpans(readQuery({ gt, gte, lt, lte }).list)
}

/** The keys and spans as a guard; too many of them are covered by fewer that are wider, which refuses more and never less. */
function withinLimit(keys: readonly string[], spans: readonly Span[]): (string | Range)[] {
  const merged = mergeSpans([...spans, ...readQuery(keys, Infinity).list])
  const each = Math.ceil(merged.length / guardsMax)
  if (each <= 1) return merged.map((span) => (span.hi === `${span.lo}\0` ? span.lo : rangeOf(span)))
  const guards: Range[] = []
  for (let i = 0; i < merged.length; i += each) {
    const last = merged[Math.min(i + each, merged.length) - 1] as Span
    guards.push(rangeOf({ ...(merged[i] as Span), hi: last.hi }))
  }
  return guards
}
