import { type Clock, type Entry, FanlightError, type History, type Replace } from '@fanlight/core'
import {
  type Difference,
  type HistoryBounds,
  type Span,
  type Spans,
  VersionedTree,
  compareKeys,
  historyBounds,
  spansOf,
} from '@fanlight/core/kit'
import { Blocks } from './blocks.ts'
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
  bytesOf,
  changeOf,
  changesOf,
  spanOf,
} from './shelf.ts'

/** A shelf in memory: two trees that move together, one for what readers see, one for all else. */
export class MemoryShelf implements Shelf {
  readonly instant = true
  readonly #clock: Clock
  readonly #bounds: HistoryBounds
  #out: VersionedTree
  #rest: VersionedTree
  /** What came many at once, by area, until it changes. */
  #blocks = new Map<Area, Blocks>()
  #n = 0
  /** How far the first state is, until there is another one. */
  #mark: Watermark | undefined

  constructor(history: History | undefined, clock: Clock) {
    this.#bounds = historyBounds(history)
    this.#clock = clock
    this.#out = new VersionedTree(this.#bounds)
    this.#rest = new VersionedTree(this.#bounds)
  }

  get oldest(): number {
    this.#out.trim(this.#clock)
    this.#rest.trim(this.#clock)
    return this.#horizon
  }

  get newest(): number {
    return this.#n
  }

  open(): Opened {
    return { n: this.#n, watermark: this.#mark }
  }

  read(spans: Spans, n: number): ShelfReading {
    this.#refuseLost(n)
    const { entries, from, to, more } = this.#out.read(spans, n)
    // The tree's versions mean nothing to the readers of a view.
    return { entries: entries.map(({ key, value }) => ({ key, value })), from, to, more }
  }

  difference(spans: Spans, since: number, until: number): Difference {
    this.#refuseLost(since)
    const { replace, changes, folded } = this.#out.difference(spans, since, until)
    return { replace: replace && withoutVersions(replace), changes, folded }
  }

  reader(n: number = this.#n): Reader {
    this.#refuseLost(n)
    return {
      values: (area, keys) => keys.map((key) => this.#value(area, key, n)),
      scan: (area, span) => this.#scan(area, span, n),
    }
  }

  write(write: ShelfWrite, _watermark: Watermark, afresh: boolean): Written {
    if (afresh && this.#n === 0) this.#clear()
    this.#mark = undefined
    const changes = changesOf(write)
    const n = ++this.#n
    const now = this.#clock.now()
    const rest = changes.filter(({ area }) => area !== 'out')
    if (this.#blocks.size > 0) for (const change of rest) this.#unblock(change)
    this.#out.apply(requestOf(changes.filter(({ area }) => area === 'out')), n, now)
    this.#rest.apply(requestOf(rest.map(filed)), n, now)
    return { n, whole: true }
  }

  load({ changes, blocks = [] }: ShelfWrite, watermark: Watermark, afresh: boolean): Written {
    if (afresh) this.#clear()
    this.#mark = watermark
    for (const block of blocks) {
      const { area, keys, valueAt } = block
      if (this.#blocksOf(area).add(block)) continue
      keys.forEach((key, i) => this.#rest.seed(`${area}/${key}`, valueAt(i)))
    }
    for (const change of changes) {
      if (change.area === 'out') this.#out.seed(change.key, change.value)
      else {
        this.#unblock(change)
        this.#rest.seed(filed(change).key, change.value)
      }
    }
    return { n: this.#n, whole: true }
  }

  /** Who took their time may come when the history has gone on: what it says of a state before its horizon is not true. */
  #refuseLost(n: number): void {
    if (n < this.#horizon)
      throw new FanlightError('LOST_IN_FOG', 'the view has forgotten this state: ask for a later one')
  }

  /** Without a look at the clock: what was found to be there stays while it is read. */
  get #horizon(): number {
    return Math.max(this.#out.horizon, this.#rest.horizon)
  }

  #clear(): void {
    this.#out = new VersionedTree(this.#bounds)
    this.#rest = new VersionedTree(this.#bounds)
    this.#blocks = new Map()
  }

  /** What is about to change stands in the tree from here on, with its past. */
  #unblock({ area, key }: ShelfChange): void {
    const value = this.#blocks.get(area)?.take(key)
    if (value !== undefined) this.#rest.seed(`${area}/${key}`, value)
  }

  #blocksOf(area: Area): Blocks {
    let blocks = this.#blocks.get(area)
    if (blocks === undefined) this.#blocks.set(area, (blocks = new Blocks()))
    return blocks
  }

  #value(area: Area, key: string, n: number): unknown {
    const [entry] = this.#scanTree(area, spanOf(key), n)
    return entry === undefined ? this.#blocks.get(area)?.get(key) : entry.value
  }

  #scan(area: Area, span: Span, n: number): readonly Entry[] {
    const entries = this.#scanTree(area, span, n)
    const blocks = this.#blocks.get(area)
    return blocks === undefined ? entries : withBlocks(entries, blocks, span)
  }

  #scanTree(area: Area, span: Span, n: number): readonly Entry[] {
    if (area === 'out') return this.#out.read(spansOf([span]), n).entries
    const { entries } = this.#rest.read(spansOf([filedSpan(area, span)]), n)
    return entries.map(({ key, value }) => ({ key: key.slice(area.length + 1), value }))
  }
}

function withBlocks(entries: readonly Entry[], blocks: Blocks, span: Span): readonly Entry[] {
  const all = [...entries]
  for (const [key, value] of blocks.scan(span)) {
    if (all.length - entries.length >= span.limit) break
    all.push({ key, value })
  }
  if (all.length === entries.length) return entries
  const sign = span.reverse ? -1 : 1
  return all.sort((a, b) => sign * compareKeys(a.key, b.key)).slice(0, span.limit)
}

/** The versions of the shelf mean nothing to the readers of a view. */
function withoutVersions({ ranges, entries }: Replace): Replace {
  return { ranges, entries: entries.map(({ key, value }) => ({ key, value })) }
}

/** A change under the name of its area. */
function filed(change: ShelfChange): ShelfChange {
  return { ...change, key: `${change.area}/${change.key}` }
}

/** A span under the name of its area. */
function filedSpan(area: Area, span: Span): Span {
  // After `/` comes `0`: no key of the area is behind that.
  const hi = span.hi === undefined ? `${area}0` : `${area}/${span.hi}`
  return { ...span, lo: `${area}/${span.lo}`, hi }
}

function requestOf(changes: readonly ShelfChange[]): Parameters<VersionedTree['apply']>[0] {
  const bytes = changes.reduce((sum, change) => sum + bytesOf(change), 0)
  return { changes: changes.map(changeOf), bytes, id: undefined, meta: undefined }
}
