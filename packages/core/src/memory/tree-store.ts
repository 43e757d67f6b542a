import { randomWord } from '../ambient.ts'
import { type BaseOptions, BaseStore } from '../base-store.ts'
import { type CommitRequest, readCommit } from '../commit-request.ts'
import { settledBefore } from '../commit-checks.ts'
import { type History, historyBounds } from '../limits.ts'
import { isWellFormed } from '../keys/order.ts'
import type { Spans } from '../ranges.ts'
import type { Difference, Reading } from '../reading.ts'
import type { Soon } from '../soon.ts'
import type {
  Change,
  CommitOptions,
  Entry,
  FetchOptions,
  Query,
  Snapshot,
  SourceId,
  Types,
  Versions,
} from '../store.ts'
import { makeSourceId } from '../versions.ts'
import { Cell } from './cell.ts'
import { VersionedTree } from './versioned-tree.ts'

/** Options of a store that holds its state and history in memory. */
export interface TreeStoreOptions extends BaseOptions {
  /** How much of the past is kept. Default: 64 MiB or 100,000 commits, whichever comes first; of `defineStore` 'lease'. */
  readonly history?: History | undefined
}

/** What a store holds before anyone asks. */
export interface Beginning {
  readonly version: number
  readonly entries: Iterable<Entry>
}

/** A store of one source whose state and history are in memory; where its commits come from is up to who extends it. */
export abstract class TreeStore<T extends Types = { '': unknown }> extends BaseStore<T> {
  readonly sources: readonly SourceId[]
  protected readonly source: SourceId
  protected readonly tree: VersionedTree
  #oldest: Versions
  #reached: Versions
  /** How far an answer is behind that is at the newest version. */
  readonly #level: Versions

  constructor(options: TreeStoreOptions, name: string, beginning: Beginning = { version: 0, entries: [] }) {
    super(options, name)
    this.source = makeSourceId(this.name, randomWord(this.random))
    this.sources = [this.source]
    this.tree = new VersionedTree(historyBounds(options.history), beginning.version)
    for (const { key, value } of beginning.entries) this.tree.seed(key, value)
    this.#oldest = this.#reached = { [this.source]: beginning.version }
    this.#level = { [this.source]: 0 }
  }

  get oldest(): Versions {
    this.tree.trim(this.clock)
    const { horizon } = this.tree
    if (this.#oldest[this.source] !== horizon) this.#oldest = { [this.source]: horizon }
    return this.#oldest
  }

  get reached(): Versions {
    return this.#reached
  }

  override '~atHand'(query: Query, options?: FetchOptions): Soon<Snapshot> {
    if (typeof query !== 'string' || isBound(options) || this.isClosed || !isWellFormed(query)) {
      return super['~atHand'](query, options)
    }
    return this.#point(query)
  }

  protected read(spans: Spans, at: Versions): Reading {
    const { entries, from, to, more } = this.tree.read(spans, at[this.source] ?? 0)
    return { entries, windows: { [this.source]: { from, to } }, more }
  }

  protected difference(spans: Spans, since: Versions, until: Versions): Difference {
    return this.tree.difference(spans, since[this.source] ?? 0, until[this.source] ?? 0)
  }

  /** The newest answer to one key: what is asked most, with nothing made that the answer does not need. */
  #point(key: string): Snapshot {
    const { source, tree } = this
    const cell = tree.cell(key)
    const entries = cell === undefined || Cell.isGone(cell) ? [] : [cell]
    const from = cell === undefined || cell.version < tree.horizon ? tree.horizon : cell.version
    const more = [{ more: false, range: { gte: key, lte: key } }]
    const windows = { [source]: { from, to: tree.version } }
    return { entries, windows, versions: this.#reached, more, behind: this.#level }
  }

  /** Checks a commit, all but its conditions. */
  protected checked(changes: readonly Change[], options: CommitOptions | undefined): CommitRequest {
    this.assertOpen()
    this.refuseAborted(options?.signal)
    return readCommit(changes, options, this.limits, (point, what) => this.resolve(point, what))
  }

  /** The versions of a commit that came before with this id; otherwise its conditions hold, and it is to be applied. */
  protected settled(request: CommitRequest): Versions | undefined {
    const { source, name, tree } = this
    const version = settledBefore(request, source, name, tree, (point) => this.resolve(point, 'born'))
    return version === undefined ? undefined : { [source]: version }
  }

  /** Applies a commit at a version, and tells whoever waits or follows. */
  protected apply(request: Pick<CommitRequest, 'changes' | 'bytes' | 'id' | 'meta'>, version: number): Versions {
    this.tree.apply(request, version, this.clock.now())
    const reached = { [this.source]: version }
    this.#reached = reached
    this.advanced(keysOf(request.changes))
    return reached
  }
}

/** Whether the options can make an answer other than the newest one, or none. */
function isBound(options: FetchOptions | undefined): boolean {
  return (
    options !== undefined && (options.min !== undefined || options.max !== undefined || options.signal !== undefined)
  )
}

function keysOf(changes: readonly Change[]): readonly string[] {
  return changes.map(({ key }) => key)
}
