import {
  type Change,
  FanlightError,
  type Query,
  type Range,
  type Scanned,
  type Snapshot,
  type SourceId,
  type Store,
  type Versions,
  defaultLimits,
  prefix,
} from '@fanlight/core'
import { type Difference, type Spans, rangeOf, replacement } from '@fanlight/core/kit'
import { filedKey, filedSpan, filedValue, unfiledEntry, unfiledKey } from './filing.ts'
import {
  type Area,
  type Opened,
  type Reader,
  type Shelf,
  type ShelfChange,
  type ShelfReading,
  type ShelfWrite,
  type Watermark,
  type Written,
  areas,
  bytesOf,
  changesOf,
} from './shelf.ts'

/** A store that takes commits. */
export type Writable = Store & Required<Pick<Store, 'commit'>>

/** Which layout of the areas is written: another one is not read, but made anew. */
const format = 3

/** Where the watermark stands, beside the areas. */
const markKey = 'mark/at'

/** Stands in place of the watermark while a state is written that takes several commits. */
const unfinished = { format: 0 }

/** About how much one commit may hold: less than any store refuses. */
const commitBytesMax = 2 ** 22

/** So many entries are read at once where all of the shelf is looked through. */
const pageSize = 1_000

/** A change of the store, and about how many bytes it takes. */
interface Sized {
  readonly change: Change
  readonly bytes: number
}

/** A shelf in a store: each state is one commit to it. Nobody else may write there. */
export class StoreShelf implements Shelf {
  readonly instant = false
  readonly #store: Writable
  readonly #source: SourceId
  /** The commit that the next one must find: somebody else's would be a second view on the same shelf. */
  #last = 0

  /** @throws BAD_QUERY where the store is none to write into */
  constructor(store: Store) {
    if (!isWritable(store)) throw new FanlightError('BAD_QUERY', '`into` must be a store that takes commits')
    const [source, ...others] = store.sources
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
    const { entries, windows, more } = await this.#fetch(
      spans.list.map((span) => rangeOf(filedSpan('out', span))),
      n,
    )
    const { from = n, to = n } = windows[this.#source] ?? {}
    return { entries: entries.map(unfiledEntry), from, to, more: more.map(unfiledScan) }
  }

  async difference(spans: Spans, since: number, until: number): Promise<Difference> {
    const ranges = spans.list.map((span) => rangeOf(filedSpan('out', span)))
    const { replace, changes, folded } = await this.#store.changes(ranges, {
      since: this.#at(since),
      until: this.#at(until),
    })
    if (replace === undefined) return { changes: changes.map(unfiledChange), folded }
    const { entries } = await this.read(spans, until)
    return replacement(spans, entries, folded)
  }

  reader(n?: number): Reader {
    return {
      values: (area, keys) => this.#values(area, keys, n),
      scan: async (area, span) => {
        const { entries } = await this.#fetch(rangeOf(filedSpan(area, span)), n)
        return entries.map(unfiledEntry)
      },
    }
  }

  load(write: ShelfWrite, watermark: Watermark, afresh: boolean): Promise<Written> {
    return this.write(write, watermark, afresh)
  }

  async write(write: ShelfWrite, watermark: Watermark, afresh: boolean): Promise<Written> {
    const all = changesOf(write).map((change): Sized => ({ change: filedChange(change), bytes: bytesOf(change) }))
    if (afresh) all.push(...(await this.#leftovers(all)))
    const commits = inCommits(all)
    const last = commits.pop() ?? []
    // Until the last commit is there, what stands on the shelf is nothing that anyone could go on from.
    for (const commit of commits) await this.#commit(commit, unfinished)
    const n = await this.#commit(last, markOf(watermark))
    return { n, whole: commits.length === 0 }
  }

  async #commit(changes: readonly Change[], mark: unknown): Promise<number> {
    // What others commit beside the shelf may have pushed the horizon past our last commit.
    const basis = this.#at(Math.max(this.#last, this.oldest))
    const versions = await this.#store.commit([...changes, { key: markKey, value: mark }], { basis })
    return (this.#last = versions[this.#source] ?? 0)
  }

  /** Deletes of whatever stands there and is not written now. */
  async #leftovers(written: readonly Sized[]): Promise<Sized[]> {
    const kept = new Set(written.map(({ change }) => change.key))
    const gone: Sized[] = []
    for (const area of areas) {
      let rest: Range | undefined = { ...prefix(`${area}/`), limit: pageSize }
      while (rest !== undefined) {
        const page: Snapshot = await this.#store.fetch(rest)
        for (const { key } of page.entries)
          if (!kept.has(key)) gone.push({ change: { key, gone: true }, bytes: 2 * key.length })
        const last = page.more[0]?.more === true ? page.entries.at(-1)?.key : undefined
        rest = last === undefined ? undefined : { gt: last, lt: `${area}0`, limit: pageSize }
      }
    }
    return gone
  }

  async #values(area: Area, keys: readonly string[], n: number | undefined): Promise<readonly unknown[]> {
    const found = new Map<string, unknown>()
    const size = defaultLimits.ranges
    for (let i = 0; i < keys.length; i += size) {
      const { entries } = await this.#fetch(
        keys.slice(i, i + size).map((key) => filedKey(area, key)),
        n,
      )
      for (const { key, value } of entries.map(unfiledEntry)) found.set(key, value)
    }
    return keys.map((key) => found.get(key))
  }

  #fetch(query: Query, n: number | undefined): Promise<Snapshot> {
    return this.#store.fetch(query, n === undefined ? undefined : { max: this.#at(n) })
  }

  #at(n: number): Versions {
    return { [this.#source]: n }
  }
}

/** Cuts a write into commits that are not too large. */
function inCommits(all: readonly Sized[]): Change[][] {
  const commits: Change[][] = []
  let left = 0
  for (const { change, bytes } of all) {
    if (bytes > left) {
      commits.push([])
      left = commitBytesMax
    }
    commits.at(-1)?.push(change)
    left -= bytes
  }
  return commits
}

function isWritable(store: Partial<Store> | null): store is Writable {
  return store?.commit !== undefined && store.supports?.commit === true
}

function markOf({ versions, definition, rest }: Watermark): unknown {
  return { format, versions, definition, ...(rest === undefined ? {} : { rest }) }
}

function readMark(value: unknown): Watermark | undefined {
  const mark = value as (Watermark & { readonly format?: unknown }) | undefined
  return mark?.format === format ? { versions: mark.versions, definition: mark.definition, rest: mark.rest } : undefined
}

function filedChange({ area, key, value }: ShelfChange): Change {
  const filed = filedKey(area, key)
  return value === undefined ? { key: filed, gone: true } : { key: filed, value: filedValue(value) }
}

function unfiledChange(change: Change): Change {
  if (change.gone === true) return { key: unfiledKey(change.key), gone: true }
  return unfiledEntry(change)
}

function unfiledScan({ more, range }: Scanned): Scanned {
  const bounds = Object.entries(range).flatMap(([name, bound]): [string, unknown][] => {
    if (typeof bound !== 'string') return [[name, bound]]
    return bound === endOfOut ? [] : [[name, unfiledKey(bound)]]
  })
  return { more, range: Object.fromEntries(bounds) }
}

const endOfOut = 'out0'
