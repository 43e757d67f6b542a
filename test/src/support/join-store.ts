import {
  type Entry,
  type SourceId,
  type Store,
  type Supports,
  type Versions,
  compareKeys,
  createMemoryStore,
  isFanlightError,
} from '@fanlight/core'
import { type BaseOptions, BaseStore, type Difference, type Reading, type Spans, diffEntries } from '@fanlight/core/kit'

/** What a join makes of two whole states. */
export type Combine = (
  left: readonly Entry[],
  right: readonly Entry[],
) => Iterable<{ readonly key: string; readonly value: unknown }>

/**
 * A store of several sources in its plainest form: a function of two stores, evaluated from both at exactly the point that
 * is asked for. It keeps nothing.
 */
export class JoinStore extends BaseStore {
  readonly supports: Supports = { commit: false, guard: 'none', ids: false, single: false, durable: false }
  readonly #left: Store
  readonly #right: Store
  readonly #combine: Combine
  readonly #ended = new AbortController()
  #reached: Versions

  constructor(left: Store, right: Store, combine: Combine, options: BaseOptions = {}) {
    super(options, 'join')
    this.#left = left
    this.#right = right
    this.#combine = combine
    this.#reached = { ...left.reached, ...right.reached }
    for (const store of [left, right]) for (const source of store.sources) void this.#watch(store, source)
  }

  get sources(): readonly SourceId[] {
    return Object.keys(this.#reached)
  }

  get oldest(): Versions {
    return { ...this.#left.oldest, ...this.#right.oldest }
  }

  get reached(): Versions {
    return this.#reached
  }

  protected async read(spans: Spans, at: Versions): Promise<Reading> {
    const [left, right] = await Promise.all([this.#whole(this.#left, at), this.#whole(this.#right, at)])
    const entries = [...this.#combine(left.entries, right.entries)]
    // A store that holds just this answers whatever is asked.
    const whole = createMemoryStore()
    await whole.commit(entries)
    const found = await whole.fetch(spans.query)
    const answer = found.entries.map(({ key, value }) => ({ key, value }))
    return { entries: answer, more: found.more, windows: { ...left.windows, ...right.windows } }
  }

  protected async difference(spans: Spans, since: Versions, until: Versions): Promise<Difference> {
    const before = await this.read(spans, since)
    const after = await this.read(spans, until)
    const changes = diffEntries(before.entries, after.entries)
    const steps = this.sources.reduce((sum, source) => sum + (until[source] ?? 0) - (since[source] ?? 0), 0)
    // One version is one commit at most; of several nobody knows how many touched the answer.
    const folded = changes.length === 0 && steps <= 1 ? 0 : Math.min(2, steps)
    return { changes: changes.sort((a, b) => compareKeys(a.key, b.key)), folded }
  }

  protected override release(): Promise<void> {
    this.#ended.abort()
    return Promise.resolve()
  }

  #whole(store: Store, at: Versions): ReturnType<Store['fetch']> {
    const point = Object.fromEntries(store.sources.map((source) => [source, at[source] ?? 0]))
    return store.fetch({}, { min: point, max: point })
  }

  /** Follows the progress of one source, whatever changes with it. */
  async #watch(store: Store, source: SourceId): Promise<void> {
    const { signal } = this.#ended
    try {
      while (!signal.aborted) {
        const version = this.#reached[source] ?? 0
        const wait = { signal, timeoutMs: Infinity }
        const step = { since: { ...store.reached, [source]: version }, until: { [source]: version + 1 }, ...wait }
        const keys = await store.changes({}, step).then(
          // Where the answer is told in place of what changed, any key may have.
          ({ replace, changes }) => (replace === undefined ? changes.map(({ key }) => key) : undefined),
          // Lost: the store forgot the step before it could be looked at.
          (error: unknown) => (isFanlightError(error, 'LOST_IN_FOG') ? undefined : Promise.reject(error as Error)),
        )
        const next = keys === undefined ? store.reached[source] : version + 1
        this.#reached = { ...this.#reached, [source]: next ?? version }
        this.advanced(keys)
      }
    } catch (error) {
      if (!signal.aborted && !isFanlightError(error, 'CLOSED')) throw error
    }
  }
}

/** Puts together what both know under one key: `{ left, right }`, of which either may be null. */
export function pairUp(left: readonly Entry[], right: readonly Entry[]): readonly { key: string; value: unknown }[] {
  const [ofLeft, ofRight] = [left, right].map((side) => new Map(side.map(({ key, value }) => [key, value])))
  const keys = new Set([...left, ...right].map(({ key }) => key))
  return [...keys].map((key) => ({ key, value: { left: ofLeft?.get(key) ?? null, right: ofRight?.get(key) ?? null } }))
}
