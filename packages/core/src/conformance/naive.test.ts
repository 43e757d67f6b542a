import { BaseStore, failedCommit } from '../base-store.ts'
import { FanlightError } from '../errors.ts'
import { createMemoryStore } from '../memory/memory-store.ts'
import type { MemoryStore } from '../memory/memory-store.ts'
import type { Spans } from '../ranges.ts'
import type { Difference, Reading } from '../reading.ts'
import type { Change, CommitOptions, SourceId, Supports, Versions } from '../store.ts'
import { mergeVersions } from '../versions.ts'
import { pointWindows } from '../windows.ts'
import { sameValue } from './check.ts'
import { answer, compareCodePoints, rangesOf, scan } from './evaluate.ts'
import { nastyKeys, storeConformance } from './index.ts'

/**
 * Two sources in one store, in the most naive way: it reads everything at the point, waits a turn, and claims no more than
 * that point. It shows that the suite asks nothing of a store but the laws.
 */
class NaivePair extends BaseStore {
  readonly #stores: readonly MemoryStore[]
  readonly supports: Supports = { commit: true, guard: 'none', ids: true, single: false, durable: false }
  #reached: Versions

  constructor(stores: readonly MemoryStore[], options: object) {
    super(options, 'pair')
    this.#stores = stores
    this.#reached = Object.assign({}, ...stores.map(({ reached }) => reached)) as Versions
  }

  get sources(): readonly SourceId[] {
    return Object.keys(this.#reached)
  }

  get oldest(): Versions {
    return Object.assign({}, ...this.#stores.map(({ oldest }) => oldest)) as Versions
  }

  get reached(): Versions {
    return this.#reached
  }

  async commit(changes: readonly Change[], options?: CommitOptions): Promise<Versions> {
    try {
      this.assertOpen()
      if (options?.guard !== undefined) throw new FanlightError('UNSUPPORTED', 'it keeps no guard')
      const [store, other] = isOther(changes[0]?.key) ? this.#stores.toReversed() : this.#stores
      const versions = (await store?.commit(changes, options)) ?? {}
      this.#reached = mergeVersions({ ...this.#reached, ...other?.reached }, versions)
      this.advanced(changes.map(({ key }) => key))
      return versions
    } catch (error) {
      throw failedCommit(error, 'no')
    }
  }

  protected override async read({ query }: Spans, at: Versions): Promise<Reading> {
    const state = new Map<string, unknown>()
    for (const store of this.#stores) {
      const [source = ''] = store.sources
      const point = { [source]: at[source] ?? 0 }
      const { entries } = await store.fetch({}, { min: point, max: point })
      for (const { key, value } of entries) state.set(key, value)
    }
    const more = rangesOf(query).map((range) => {
      const { taken, more: cut } = scan(range, state)
      const last = taken.at(-1)
      const { limit: _, reverse, gt, gte, lt, lte } = range
      if (!cut) return { more: cut, range: { gt, gte, lt, lte } }
      if (last === undefined) return { more: cut, range: { gte: '', lt: '' } }
      return { more: cut, range: reverse === true ? { gte: last, lt, lte } : { gt, gte, lte: last } }
    })
    return { entries: answer(query, state), windows: pointWindows(at), more }
  }

  protected override async difference(spans: Spans, since: Versions, until: Versions): Promise<Difference> {
    const before = await this.read(spans, since)
    const after = await this.read(spans, until)
    const folded = await this.#folded(spans, since, until)
    const replace = { ranges: [{}], entries: after.entries }
    const [old, now] = [before, after].map(({ entries }) => new Map(entries.map((entry) => [entry.key, entry])))
    const gone = before.entries.filter(({ key }) => !now?.has(key)).map(({ key }): Change => ({ key, gone: true }))
    const put = after.entries.filter(({ key, value }) => !sameValue(old?.get(key)?.value, value))
    const changes = [...gone, ...put].sort((a, b) => compareCodePoints(a.key, b.key))
    if (changes.length > after.entries.length) return { replace, changes: [], folded: Math.max(1, folded) }
    return { changes, folded: changes.length === 0 ? folded : Math.max(1, folded) }
  }

  async #folded({ query }: Spans, since: Versions, until: Versions): Promise<number> {
    let folded = 0
    const ranges = rangesOf(query).map((range) => ({ ...range, limit: undefined }))
    for (const store of this.#stores) folded += (await store.changes(ranges, { since, until })).folded
    return folded
  }
}

/** Whether a key lies in the second store; keys that are none lie in the first, which refuses them. */
function isOther(key: unknown): boolean {
  return typeof key === 'string' && key.startsWith('b/')
}

storeConformance('a naive pair', {
  create: ({ clock, random, history }) => {
    const stores = ['one', 'two'].map((name) => createMemoryStore({ name, clock, random, history }))
    return new NaivePair(stores, { clock, random })
  },
  keys: nastyKeys().chain((key) => nastyKeys().map((other) => (other < 'a' ? `a/${key}` : `b/${key}`))),
  place: (key) => (isOther(key) ? 'b' : 'a'),
})
