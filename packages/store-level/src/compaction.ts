import type { Clock } from '@fanlight/core'
import { storedVersion } from './codec.ts'
import type { Operation } from './disk.ts'
import type { Mark } from './history.ts'
import { dataKey, historyKey, horizonKey, idKey, logKey } from './keys.ts'
import type { Ledger } from './ledger.ts'
import { type PlacedGroup, readGroups } from './log.ts'

/** How many batches of commits one step drops at most. */
const groupsMax = 256

/** How many operations one step has at least before it ends. */
const operationsMin = 4096

/**
 * Forgets what the bounds of the history say: the commits of the log from its start on, the records that they replaced, the
 * deletes that they made, and their ids. It goes in steps of one batch each, which moves the start on and leaves all
 * consistent; commits go in between.
 */
export class Compaction {
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #sync: boolean
  /** Whether the step before left something to do. */
  #more = false
  /** Whether time has passed, so that age may say something new. */
  #aged: boolean
  #stopTimer: (() => void) | undefined
  #ended = false

  constructor(ledger: Ledger, clock: Clock, sync: boolean) {
    this.#ledger = ledger
    this.#clock = clock
    this.#sync = sync
    this.#aged = ledger.history.bounds.ageMs !== Infinity
  }

  /** Whether a step may find something to drop. */
  get isDue(): boolean {
    return !this.#ended && (this.#more || this.#aged || this.#ledger.history.overdue())
  }

  /** Tells when commits may have grown too old. */
  watch(ring: () => void, oldestAt: number = this.#clock.now()): void {
    const { ageMs } = this.#ledger.history.bounds
    if (ageMs === Infinity || this.#stopTimer !== undefined || this.#ended) return
    const dueMs = Math.max(oldestAt + ageMs - this.#clock.now() + 1, ageMs / 16)
    this.#stopTimer = this.#clock.after(dueMs, () => {
      this.#stopTimer = undefined
      this.#aged = true
      ring()
    })
  }

  /** Starts no more steps. */
  end(): void {
    this.#ended = true
    this.#stopTimer?.()
  }

  /**
   * Drops some commits. No batch may be under way.
   *
   * @param ring       called when there may be something to drop, at a later time
   * @param operations how many operations commits took since the step before: it drops more than they add
   * @returns whether it dropped any
   * @throws UNAVAILABLE where the batch failed
   */
  async step(ring: () => void, operations: number): Promise<boolean> {
    const batch = await this.#prepare(ring, Math.max(operationsMin, operations * 2)).catch(() => undefined)
    // What cannot be read stays; whoever asks for it is told why.
    if (batch === undefined) return false
    await this.#ledger.disk.write(batch, this.#sync)
    return true
  }

  async #prepare(ring: () => void, operationsMax: number): Promise<Operation[] | undefined> {
    const { disk, history } = this.#ledger
    const dropped = this.#select(await readGroups(disk, history.start.version, groupsMax), operationsMax, ring)
    const last = dropped.at(-1)
    if (last === undefined) return undefined
    // From here on nobody can ask for what is about to go.
    history.shrink({ version: last.version, sum: last.sum })
    return this.#operations(dropped, last)
  }

  #select(groups: readonly PlacedGroup[], operationsMax: number, ring: () => void): PlacedGroup[] {
    const { history, pins } = this.#ledger
    const now = this.#clock.now()
    const pinned = pins.oldest
    const dropped: PlacedGroup[] = []
    let operations = 0
    this.#aged = false
    this.#more = false
    for (const group of groups) {
      if (!history.mustGo(group, group.at, now)) {
        this.watch(ring, group.at)
        return dropped
      }
      if (group.version > pinned) {
        this.watch(ring, group.at)
        return dropped
      }
      dropped.push(group)
      for (const { touched } of group.commits) operations += 1 + 2 * touched.length
      if (operations > operationsMax) break
    }
    this.#more = dropped.length > 0
    return dropped
  }

  async #operations(dropped: readonly PlacedGroup[], { version, sum }: Mark): Promise<Operation[]> {
    const operations: Operation[] = [{ type: 'put', key: horizonKey, value: JSON.stringify([version, sum]) }]
    const del = (key: string): void => void operations.push({ type: 'del', key })
    /** Of each deleted key the version of its last delete. */
    const deletes = new Map<string, number>()
    for (const group of dropped) {
      del(logKey(group.version))
      for (const [i, { id, touched }] of group.commits.entries()) {
        if (id !== undefined) del(idKey(id))
        for (const { key, gone, idle, replaced } of touched) {
          if (replaced !== undefined) del(historyKey(key, replaced))
          if (gone && !idle) deletes.set(key, group.version - group.commits.length + 1 + i)
        }
      }
    }
    const keys = [...deletes.keys()]
    const texts = keys.length === 0 ? [] : await this.#ledger.disk.getMany(keys.map(dataKey))
    for (const [i, key] of keys.entries()) {
      const text = texts[i]
      // Where the key was made again meanwhile, what stands there is not the delete.
      if (text !== undefined && storedVersion(text) === deletes.get(key)) del(dataKey(key))
    }
    return operations
  }
}
