import {
  type BaseOptions,
  type ChangeOf,
  type CommitId,
  type CommitOptions,
  type Continued,
  FanlightError,
  type FeedState,
  type History,
  type SourceId,
  type SourceState,
  type Supports,
  type Types,
  type WritableStore,
  type Versions,
} from '@fanlight/core'
import {
  BaseStore,
  type Difference,
  type Reading,
  type Spans,
  failedCommit,
  historyBounds,
  readCommit,
} from '@fanlight/core/kit'
import { difference } from './changes.ts'
import { Compaction } from './compaction.ts'
import type { Disk, Level } from './disk.ts'
import type { Opened } from './format.ts'
import { GroupCommit } from './group-commit.ts'
import { History as KeptHistory } from './history.ts'
import { type Ledger, horizonOf } from './ledger.ts'
import { continuedBy } from './lineage.ts'
import { Pins } from './pins.ts'
import { Reader } from './reader.ts'
import { Tail } from './tail.ts'

/** Options of `openLevelStore`. */
export interface LevelStoreOptions extends BaseOptions {
  /** How much of the past is kept. Default: 64 MiB or 100,000 commits, whichever comes first. */
  readonly history?: History | undefined
  /**
   * Whether a commit is on the disk when it is acknowledged and shown (L4). Default true. With false a commit is handed to
   * the operating system only: it survives the end of the process, but a power cut or a crash of the system loses what was
   * acknowledged in the last half minute or so, and may lose commits from the middle of it, so that what is left was never
   * the state of the store. For data that can be made again.
   */
  readonly sync?: boolean | undefined
  /**
   * A database to keep the store in, instead of LevelDB in a folder: of abstract-level, in the order of UTF-8 bytes, such as
   * `new MemoryLevel()`. It stays open when the store closes. Default: LevelDB at `location`.
   */
  readonly db?: Level | undefined
  /** About how many bytes of the newest commits are held in memory too, for feeds and `changes`. Default 8 MiB. */
  readonly recentBytesMax?: number | undefined
  /** How many commits may wait for the disk; TOO_MANY beyond. Default 10,000. */
  readonly waitingMax?: number | undefined
  /** About how many bytes of commits may wait for the disk; TOO_MANY beyond. Default 64 MiB. */
  readonly waitingBytesMax?: number | undefined
  /** About how many bytes one commit may have; TOO_LARGE beyond. Default 16 MiB. */
  readonly commitBytesMax?: number | undefined
}

/** How many of the newest commits are held in memory at most. */
const recentMax = 10_000

const live: SourceState = { status: 'live' }

/** A store in LevelDB: `openLevelStore` opens one. */
export interface LevelStore<T extends Types = { '': unknown }> extends WritableStore<T> {}

/** The same, as it is made. */
export class LevelDbStore<T extends Types = { '': unknown }> extends BaseStore<T> {
  readonly supports: Supports = { commit: true, guard: 'ranges', ids: true, single: false, durable: true }
  readonly sources: readonly SourceId[]
  readonly #ledger: Ledger
  readonly #reader: Reader
  readonly #commits: GroupCommit
  readonly #compaction: Compaction
  readonly #commitBytesMax: number
  readonly #ownsDisk: boolean
  readonly #continues: readonly Continued[]
  #oldest: Versions
  #reached: Versions
  #state: FeedState

  /** @internal */
  constructor(options: LevelStoreOptions, name: string, disk: Disk, { lineage, start, newest }: Opened) {
    super(options, name)
    const { sync = true, recentBytesMax = 2 ** 23, waitingMax = 10_000, waitingBytesMax = 2 ** 26 } = options
    const { source } = lineage
    this.sources = [source]
    this.#continues = continuedBy(lineage)
    this.#commitBytesMax = options.commitBytesMax ?? 2 ** 24
    this.#ownsDisk = options.db === undefined
    this.#ledger = {
      name: this.name,
      source,
      disk,
      tail: new Tail(recentBytesMax, recentMax, newest.version),
      history: new KeptHistory(historyBounds(options.history), start, newest),
      pins: new Pins(),
      reached: newest.version,
    }
    this.#reached = { [source]: newest.version }
    this.#oldest = { [source]: horizonOf(this.#ledger) }
    this.#state = { [source]: live }
    this.#reader = new Reader(this.#ledger)
    this.#compaction = new Compaction(this.#ledger, this.clock, sync)
    const host = {
      clock: this.clock,
      resolve: (point: Versions) => this.resolve(point, 'born'),
      born: (id: CommitId) => this.#born(id),
      advanced: (version: number, keys: readonly string[]) => this.#advance(version, keys),
      failed: (why: FanlightError) => this.#fail(why),
    }
    const limits = { commitsMax: waitingMax, bytesMax: waitingBytesMax }
    this.#commits = new GroupCommit(this.#ledger, host, this.#compaction, sync, limits)
    if (this.#compaction.isDue) this.#commits.start()
  }

  override get continues(): readonly Continued[] {
    return this.#continues
  }

  get oldest(): Versions {
    const { source } = this.#ledger
    const horizon = horizonOf(this.#ledger)
    if (this.#oldest[source] !== horizon) this.#oldest = { [source]: horizon }
    return this.#oldest
  }

  get reached(): Versions {
    return this.#reached
  }

  override get state(): FeedState {
    return this.#state
  }

  /**
   * Changes several keys as one. It resolves when the commit is on the disk, together with all that waited with it.
   *
   * @throws BAD_KEY, BAD_VALUE, BAD_QUERY, CONFLICT, LOST_IN_FOG, SOURCE_RESET, TOO_LARGE, TOO_MANY, CLOSED, ABORTED;
   *   UNAVAILABLE where the disk failed, then and from then on
   */
  commit(changes: readonly ChangeOf<T>[], options?: CommitOptions): Promise<Versions> {
    try {
      this.assertOpen()
      this.refuseAborted(options?.signal)
      const request = readCommit(changes, options, this.limits, (point, what) => this.resolve(point, what))
      if (request.bytes > this.#commitBytesMax) {
        const message = `a commit of about ${request.bytes} bytes is more than ${this.#commitBytesMax}: split it, or raise commitBytesMax`
        throw new FanlightError('TOO_LARGE', message, { store: this.name })
      }
      return this.#commits.add(request, options?.signal)
    } catch (error) {
      return Promise.reject(failedCommit(error, 'no'))
    }
  }

  protected read(spans: Spans, at: Versions): Reading | Promise<Reading> {
    return this.#reader.read(spans, this.#version(at))
  }

  protected difference(spans: Spans, since: Versions, until: Versions): Difference | Promise<Difference> {
    return difference(this.#ledger, this.#reader, spans, this.#version(since), this.#version(until))
  }

  protected override async release(): Promise<void> {
    await this.#commits.end()
    if (this.#ownsDisk) await this.#ledger.disk.close()
  }

  #born({ born }: CommitId): number | undefined {
    try {
      return this.resolve(born, 'born')[this.#ledger.source]
    } catch {
      return undefined
    }
  }

  #version(point: Versions): number {
    return point[this.#ledger.source] ?? 0
  }

  #advance(version: number, keys: readonly string[]): void {
    this.#ledger.reached = version
    this.#reached = { [this.#ledger.source]: version }
    this.advanced(keys)
  }

  #fail(why: FanlightError): void {
    this.#state = { [this.#ledger.source]: { status: 'failed', why } }
    this.stateChanged()
  }
}
