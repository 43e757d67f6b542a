import { type Change, type Clock, type Entry, FanlightError, type History, type Replace } from '@fanlight/core'
import { type Difference, type Span, type Spans, VersionedTree, historyBounds, spansOf } from '@fanlight/core/kit'
import {
  type Area,
  type Opened,
  type Reader,
  type Shelf,
  type ShelfChange,
  type ShelfReading,
  type Written,
  spanOf,
} from './shelf.ts'

/** A shelf in memory: two trees that move together, one for what readers see, one for all else. */
export class MemoryShelf implements Shelf {
  readonly instant = true
  readonly #clock: Clock
  readonly #out: VersionedTree
  readonly #rest: VersionedTree
  #n = 0

  constructor(history: History | undefined, clock: Clock) {
    const bounds = historyBounds(history)
    this.#clock = clock
    this.#out = new VersionedTree(bounds)
    this.#rest = new VersionedTree(bounds)
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
    return { n: this.#n, watermark: undefined }
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
      values: (area, keys) => keys.map((key) => this.#scan(area, spanOf(key), n)[0]?.value),
      scan: (area, span) => this.#scan(area, span, n),
    }
  }

  write(changes: readonly ShelfChange[]): Written {
    const n = ++this.#n
    const now = this.#clock.now()
    this.#out.apply(requestOf(changes.filter(({ area }) => area === 'out')), n, now)
    this.#rest.apply(requestOf(changes.filter(({ area }) => area !== 'out').map(filed)), n, now)
    return { n, whole: true }
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

  #scan(area: Area, span: Span, n: number): readonly Entry[] {
    if (area === 'out') return this.#out.read(spansOf([span]), n).entries
    const { entries } = this.#rest.read(spansOf([filedSpan(area, span)]), n)
    return entries.map(({ key, value }) => ({ key: key.slice(area.length + 1), value }))
  }
}

/** The versions of the shelf mean nothing to the readers of a view. */
export function withoutVersions({ ranges, entries }: Replace): Replace {
  return { ranges, entries: entries.map(({ key, value }) => ({ key, value })) }
}

/** A change under the name of its area. */
export function filed(change: ShelfChange): ShelfChange {
  return { ...change, key: `${change.area}/${change.key}` }
}

/** A span under the name of its area. */
export function filedSpan(area: Area, span: Span): Span {
  // After `/` comes `0`: no key of the area is behind that.
  const hi = span.hi === undefined ? `${area}0` : `${area}/${span.hi}`
  return { ...span, lo: `${area}/${span.lo}`, hi }
}

/** What a record costs beside its key and value: as in the stores of the core. */
const overheadBytes = 112

/** About how many bytes a change takes. */
export function bytesOf({ key, bytes }: ShelfChange): number {
  return overheadBytes + key.length + bytes
}

function requestOf(changes: readonly ShelfChange[]): Parameters<VersionedTree['apply']>[0] {
  const bytes = changes.reduce((sum, change) => sum + bytesOf(change), 0)
  return { changes: changes.map(changeOf), bytes, id: undefined, meta: undefined }
}

/** A change as the stores take it. */
export function changeOf({ key, value }: ShelfChange): Change {
  return value === undefined ? { key, gone: true } : { key, value }
}
