import { FanlightError, factsOf } from '../errors.ts'
import { assertKey, cutKey } from '../keys/order.ts'
import { type Span, intersectSpan, isEmptySpan, prefixEnd, rangeOf, readQuery } from '../ranges.ts'
import type {
  Change,
  CommitOptions,
  Entry,
  Query,
  Range,
  Replace,
  Scanned,
  Snapshot,
  Store,
  Supports,
  Types,
  Update,
  Versions,
  WritableStore,
} from '../store.ts'
import { type Mapping, WritableWrapper } from './wrapper.ts'

/** The types of what lies under the prefix `P` of a store with the types `T`. */
export type Under<T, P extends string> = string extends P
  ? { '': T[keyof T] }
  : { [K in keyof T & string as K extends `${P}${infer Rest}` ? Rest : never]: T[K] } & Whole<
      T,
      Around<keyof T & string, P>
    >

/** All keys have the type of the prefix `K`; where there is none, nothing is added. */
type Whole<T, K> = [K] extends [never] ? unknown : { '': T[K & keyof T] }

/** The longest of the prefixes `All` that `P` lies inside of; none where `P` is one of them. */
type Around<All extends string, P extends string> = P extends All ? never : Longest<Outer<All, P>>

type Outer<K extends string, P extends string> = K extends unknown ? (P extends `${K}${string}` ? K : never) : never

type Longest<K extends string, All extends string = K> = K extends unknown
  ? [Extract<Exclude<All, K>, `${K}${string}`>] extends [never]
    ? K
    : never
  : never

class PrefixedStore<T extends Types> extends WritableWrapper<T> {
  readonly #keys: PrefixMapping

  constructor(inner: Store<Types>, keys: PrefixMapping) {
    super(inner, `prefixed ${JSON.stringify(keys.prefix)}`, keys)
    this.#keys = keys
  }

  override get supports(): Supports {
    return { ...this.inner.supports, single: this.inner.supports.single && this.#keys.prefix === '' }
  }

  protected override committed(changes: readonly Change[], options: CommitOptions | undefined): Promise<Versions> {
    const keys = this.#keys
    const { guard } = options ?? {}
    const mapped = guard === undefined ? options : { ...options, guard: keys.query(guard) }
    const inside = Array.isArray(changes) ? changes.map((change: Change) => keys.change(change)) : changes
    return this.commitInside(inside, mapped).catch((error: unknown) => {
      throw keys.error(error)
    })
  }
}

/** Puts a prefix in front of keys, and takes it away again. */
class PrefixMapping implements Mapping {
  readonly prefix: string
  readonly #end: string | undefined

  constructor(prefix: string) {
    this.prefix = prefix
    this.#end = prefixEnd(prefix)
  }

  readonly query = (query: Query): Query => {
    const { list } = readQuery(query, Infinity)
    const items =
      typeof query === 'string' || !Array.isArray(query)
        ? [query as string | Range]
        : (query as readonly (string | Range)[])
    const inside = list.map((span, i) => {
      const item = items[i]
      // A key stays a key: some stores guard keys only.
      return typeof item === 'string' ? this.prefix + item : rangeOf(this.#inside(span))
    })
    return Array.isArray(query) ? inside : (inside[0] as string | Range)
  }

  readonly snapshot = (snapshot: Snapshot, query: Query): Snapshot => {
    const { list } = readQuery(query, Infinity)
    return {
      ...snapshot,
      entries: snapshot.entries.map((entry) => this.#entry(entry)),
      more: snapshot.more.map(({ more, range }, i): Scanned => ({ more, range: this.#scanned(range, list[i]) })),
    }
  }

  readonly update = (update: Update): Update => ({
    ...update,
    changes: update.changes.map((change) => ({ ...change, key: this.#outside(change.key) })),
    ...(update.replace === undefined ? {} : { replace: this.#replace(update.replace) }),
  })

  readonly error = (error: unknown): unknown => {
    if (!(error instanceof FanlightError) || error.keys === undefined) return error
    const { code, message, keys } = error
    const own = keys.map((key) => (key.startsWith(this.prefix) ? this.#outside(key) : key))
    let text = message
    keys.forEach((key, i) => (text = text.replace(JSON.stringify(key), JSON.stringify(own[i]))))
    return new FanlightError(code, text, { ...factsOf(error), keys: own })
  }

  change(change: Change): Change {
    if (typeof change !== 'object' || change === null) return change
    assertKey(change.key)
    return { ...change, key: this.prefix + change.key }
  }

  #outside(key: string): string {
    return cutKey(key, this.prefix.length)
  }

  #entry(entry: Entry): Entry {
    const { key, value, version } = entry
    return version === undefined ? { key: this.#outside(key), value } : { key: this.#outside(key), value, version }
  }

  #inside({ lo, hi, limit, reverse }: Span): Span {
    return { lo: this.prefix + lo, hi: hi === undefined ? this.#end : this.prefix + hi, limit, reverse }
  }

  #replace({ ranges, entries }: Replace): Replace {
    const spans = readQuery(ranges, Infinity).list.map((span) => intersectSpan(span, this.prefix, this.#end))
    return {
      ranges: spans.filter((span) => !isEmptySpan(span)).map((span) => rangeOf(this.#cut(span))),
      entries: entries.map((entry) => this.#entry(entry)),
    }
  }

  /** The span under the prefix, as it is seen from outside. */
  #cut(span: Span): Span {
    const { lo, hi } = span
    return { ...span, lo: this.#outside(lo), hi: hi === this.#end ? undefined : this.#outside(hi as string) }
  }

  /** What was scanned: bounds that the prefix put there go. */
  #scanned(range: Range, asked: Span | undefined): Range {
    const shown: { -readonly [O in keyof Range]: Range[O] } = { ...range }
    for (const bound of ['gt', 'gte', 'lt', 'lte'] as const) {
      const key = range[bound]
      if (key === undefined) continue
      const isStart = bound === 'gt' || bound === 'gte'
      if (!key.startsWith(this.prefix)) delete shown[bound]
      else if (isStart && key === this.prefix && asked?.lo === '' && bound === 'gte') delete shown[bound]
      else shown[bound] = this.#outside(key)
    }
    return shown
  }
}

/**
 * The part of a store whose keys start with a prefix, as a store of its own whose keys do not: several of them can share one
 * database, and a router can mount each where it likes. Whatever is asked of it, is asked of the store with the prefix put in
 * front: queries, guards, commits; and taken away from what comes back: entries, updates, spans, the keys of errors. Its
 * sources, versions and windows are those of the store (L1 to L6).
 *
 * Closing it ends what was asked through it with CLOSED, and leaves the store open.
 *
 * @param store  what is shown
 * @param prefix what the keys start with inside
 * @throws BAD_KEY where the prefix is no well-formed string
 *
 * @example
 * ```ts
 * import { createMemoryStore, get, prefixed, put } from '@fanlight/core'
 *
 * const store = createMemoryStore<{ 'users/': { name: string }; 'config/': string }>()
 * const users = prefixed(store, 'users/')
 * await users.commit([put('ann', { name: 'Ann' })])
 * console.log((await get(store, 'users/ann'))?.name) // Ann
 * ```
 */
export function prefixed<T extends Types, const P extends string>(
  store: WritableStore<T>,
  prefix: P,
): WritableStore<Under<T, P>>
export function prefixed<T extends Types, const P extends string>(store: Store<T>, prefix: P): Store<Under<T, P>>
export function prefixed<T extends Types, const P extends string>(store: Store<T>, prefix: P): Store<Under<T, P>> {
  const text: string = prefix
  assertKey(text)
  return new PrefixedStore<Under<T, P>>(store, new PrefixMapping(text))
}
