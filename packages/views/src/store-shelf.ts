import {
  type Change, type Entry, FanlightError, type Query, type Scanned, type Snapshot, type SourceId, type Store, type Versions,
  defaultLimits,
} from '@fanlight/core'
import { type Difference, type Span, type Spans, rangeOf } from '@fanlight/core/kit'
import { changeOf, filed, filedSpan } from './memory-shelf.ts'
import type { Area, Opened, Reader, Shelf, ShelfChange, ShelfReading, Watermark } from './shelf.ts'

/** A store that takes commits. */
export type Writable = Store & Required<Pick<Store, 'commit'>>

/** Which layout of the areas is written: another one is not read, but made anew. */
const format = 1

/** Where the watermark stands. No area begins with it. */
const markKey = 'at'

/** A shelf in a store: each state is one commit to it. Nobody else may write there. */
export class StoreShelf implements Shelf {
  readonly instant = false
  readonly #store: Writable
  readonly #source: SourceId
  /** The commit that the next one must find: somebody else's would be a second view on the same shelf. */
  #last = 0

  /** @throws BAD_QUERY where the store is none to write into */
  constructor(store: Store) {
    const [source, ...others] = store.sources
    if (!isWritable(store)) throw new FanlightError('BAD_QUERY', '`into` must be a store that takes commits')
    if (source === undefined || others.length > 0) {
      throw new FanlightError('BAD_QUERY', `\`into\` must be a store of one source, not of ${store.sources.length}`)
    }
    this.#store = store
    this.#source = source
  }

  get oldest(): number {
    return this.#store.oldest[this.#source] ?? 0
  }

  get newest(): number {
    return this.#last
  }

  async open(): Promise<Opened> {
    const { entries, versions } = await this.#store.fetch(markKey)
    this.#last = versions[this.#source] ?? 0
    return { n: this.#last, watermark: readMark(entries[0]?.value) }
  }

  async read(spans: Spans, n: number): Promise<ShelfReading> {
    const { entries, windows, more } = await this.#fetch(spans.list.map((span) => rangeOf(filedSpan('out', span))), n)
    const { from = n, to = n } = windows[this.#source] ?? {}
    return { entries: entries.map((entry) => unfiled('out', entry)), from, to, more: more.map(unfiledScan) }
  }

  async difference(spans: Spans, since: number, until: number): Promise<Difference> {
    const query = spans.list.map((span) => rangeOf(filedSpan('out', span)))
    const { changes, folded } = await this.#store.changes(query, { since: this.#at(since), until: this.#at(until) })
    return { changes: changes.map((change) => ({ ...change, key: change.key.slice('out/'.length) })), folded }
  }

  reader(n?: number): Reader {
    return {
      values: (area, keys) => this.#values(area, keys, n),
      scan: async (area, span) => {
        const { entries } = await this.#fetch(rangeOf(filedSpan(area, span)), n)
        return entries.map((entry) => unfiled(area, entry))
      },
    }
  }

  async write(changes: readonly ShelfChange[], watermark: Watermark, afresh: boolean): Promise<number> {
    const commit: Change[] = changes.map((change) => changeOf(filed(change)))
    if (afresh) commit.push(...(await this.#leftovers(commit)))
    commit.push({ key: markKey, value: { ...watermark, format } })
    // What others commit beside the shelf may have pushed the horizon past our last commit.
    const basis = this.#at(Math.max(this.#last, this.oldest))
    const versions = await this.#store.commit(commit, { basis })
    return (this.#last = versions[this.#source] ?? 0)
  }

  /** Deletes of whatever stands there and is not written now. */
  async #leftovers(written: readonly Change[]): Promise<Change[]> {
    const kept = new Set(written.map(({ key }) => key)).add(markKey)
    const { entries } = await this.#store.fetch({})
    return entries.flatMap(({ key }) => (kept.has(key) ? [] : [{ key, gone: true as const }]))
  }

  async #values(area: Area, keys: readonly string[], n: number | undefined): Promise<readonly unknown[]> {
    const found = new Map<string, unknown>()
    const size = defaultLimits.ranges
    for (let i = 0; i < keys.length; i += size) {
      const { entries } = await this.#fetch(keys.slice(i, i + size).map((key) => `${area}/${key}`), n)
      for (const entry of entries) found.set(entry.key, entry.value)
    }
    return keys.map((key) => found.get(`${area}/${key}`))
  }

  #fetch(query: Query, n: number | undefined): Promise<Snapshot> {
    return this.#store.fetch(query, n === undefined ? undefined : { max: this.#at(n) })
  }

  #at(n: number): Versions {
    return { [this.#source]: n }
  }
}

function isWritable(store: Store): store is Writable {
  return store.commit !== undefined && store.supports.commit
}

function readMark(value: unknown): Watermark | undefined {
  const mark = value as (Watermark & { readonly format?: unknown }) | undefined
  return mark?.format === format ? { versions: mark.versions, definition: mark.definition } : undefined
}

/** An entry under its own key. */
function unfiled(area: Area, { key, value }: Entry): Entry {
  return { key: key.slice(area.length + 1), value }
}

function unfiledScan({ more, range }: Scanned): Scanned {
  const { gt, gte, lt, lte, ...rest } = range
  const own = { gt: unfiledBound(gt), gte: unfiledBound(gte), lt: lt === 'out0' ? undefined : unfiledBound(lt), lte: unfiledBound(lte) }
  return { more, range: { ...rest, ...Object.fromEntries(Object.entries(own).filter(([, bound]) => bound !== undefined)) } }
}

function unfiledBound(bound: string | undefined): string | undefined {
  return bound?.slice('out/'.length)
}
