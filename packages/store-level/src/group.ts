import type { Change, CommitId } from '@fanlight/core'
import { Cell, type CommitRequest, type KnownPast, type Spans, deleted, nothingKnown } from '@fanlight/core/kit'
import {
  type LogCommit,
  type Touched,
  decodeStored,
  encodeLog,
  encodeReplaced,
  encodeStored,
  number,
  storedVersion,
} from './codec.ts'
import type { Operation } from './disk.ts'
import { dataEnd, dataKey, historyKey, idKey, idName, keyOfData, logKey } from './keys.ts'
import { type Ledger, horizonOf } from './ledger.ts'
import { readCommitAt } from './log.ts'
import { readExactly } from './past.ts'
import type { Newest } from './tail.ts'

/** So many records are read at once where a guard looks back further than memory. */
const pageSize = 1000

/** A commit of long ago, as far as a retry of it must know. */
interface Former {
  readonly version: number
  readonly changes: readonly Change[]
}

/**
 * Commits that are written in one batch: what they must know of the disk, read in one trip, and what they do to it. The
 * commits before them, those of the same group included, are in the tail.
 */
export class Group implements KnownPast {
  /** The keys that the commits changed. */
  readonly keys: string[] = []
  readonly #operations: Operation[] = []
  readonly #log: LogCommit[] = []
  readonly #ledger: Ledger
  /** The newest records on disk, of keys that memory does not know. */
  readonly #texts = new Map<string, string | undefined>()
  readonly #ids = new Map<string, Former>()
  /** The keys in a guard that changed after its basis, before what memory knows. */
  readonly #guarded = new Map<Spans, readonly string[]>()

  private constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** Reads what the commits must know. No batch may be under way. */
  static async load(ledger: Ledger, requests: readonly CommitRequest[]): Promise<Group> {
    const group = new Group(ledger)
    const keys = new Set<string>()
    const ids = new Set<string>()
    const guards: Promise<void>[] = []
    for (const { changes, id, basis, guard } of requests) {
      for (const { key } of changes) if (ledger.tail.newest(key) === undefined) keys.add(key)
      if (id !== undefined && ledger.tail.find(id) === undefined) ids.add(idName(id))
      const since = basis === undefined ? Infinity : (basis[ledger.source] ?? nothingKnown)
      if (guard !== undefined && since < ledger.tail.start) guards.push(group.#loadGuard(guard, since))
    }
    await Promise.all([group.#loadRecords([...keys], [...ids]), ...guards])
    return group
  }

  get horizon(): number {
    return horizonOf(this.#ledger)
  }

  /** Ids are kept as long as anything of their time is on disk. */
  get idsSince(): number {
    return this.#ledger.history.start.version
  }

  find(id: CommitId): Former | undefined {
    return this.#ledger.tail.find(id) ?? this.#ids.get(idName(id))
  }

  changedAfter(version: number, keys: readonly string[], guard: Spans | undefined): string[] {
    const { tail } = this.#ledger
    const changed = new Set<string>()
    for (const key of keys) if ((this.#newest(key)?.cell.version ?? nothingKnown) > version) changed.add(key)
    if (guard !== undefined) {
      for (const key of this.#guarded.get(guard) ?? []) changed.add(key)
      for (const key of tail.changedAfter(version, guard)) changed.add(key)
    }
    return [...changed]
  }

  /** Adds a commit, on which was decided: to memory, and to what is going to be written. */
  stage(request: CommitRequest, version: number, now: number): void {
    const { tail, history } = this.#ledger
    const { changes, bytes, id, meta } = request
    const touched: Touched[] = []
    const operations: Operation[] = []
    const cells: Cell[] = []
    const texts: string[] = []
    for (const { key, value, gone } of changes) {
      const before = this.#newest(key)
      const wasThere = Cell.isThere(before?.cell)
      if (gone === true && !wasThere) {
        if (id !== undefined) touched.push({ key, gone: true, replaced: undefined, wasThere, idle: true })
        continue
      }
      const cell = Cell.after(before?.cell, key, gone === true ? deleted : value, version)
      const text = encodeStored(version, cell.value)
      operations.push({ type: 'put', key: dataKey(key), value: text })
      if (before !== undefined) {
        const replaced = encodeReplaced(version, before.text)
        operations.push({ type: 'put', key: historyKey(key, before.cell.version), value: replaced })
      }
      touched.push({ key, gone: gone === true, replaced: before?.cell.version, wasThere, idle: false })
      cells.push(cell)
      texts.push(text)
    }
    const name = id === undefined ? undefined : idName(id)
    if (name !== undefined) operations.push({ type: 'put', key: idKey(name), value: String(version) })
    for (const operation of operations) this.#operations.push(operation)
    for (const { key } of cells) this.keys.push(key)
    this.#log.push({ touched, id: name, meta })
    tail.push({ version, at: now, bytes, cells, changes: id === undefined ? [] : changes, id, meta: undefined }, texts)
    history.grow({ version, sum: history.sum + bytes })
  }

  /**
   * What is to be written for all that was staged.
   *
   * @param version that of the last commit
   * @param at      when they came
   */
  operations(version: number, at: number): Operation[] {
    if (this.#log.length === 0) return []
    const text = encodeLog({ at, sum: this.#ledger.history.sum, commits: this.#log })
    this.#operations.push({ type: 'put', key: logKey(version), value: text })
    return this.#operations
  }

  /** The newest record of a key, what was staged included. */
  #newest(key: string): Newest | undefined {
    const known = this.#ledger.tail.newest(key)
    if (known !== undefined) return known
    const text = this.#texts.get(key)
    if (text === undefined) return undefined
    const { version, value } = decodeStored(key, text)
    return { cell: new Cell(key, value, version), text }
  }

  async #loadRecords(keys: readonly string[], ids: readonly string[]): Promise<void> {
    if (keys.length + ids.length === 0) return
    const texts = await this.#ledger.disk.getMany([...keys.map(dataKey), ...ids.map(idKey)])
    for (const [i, key] of keys.entries()) this.#texts.set(key, texts[i])
    for (const [i, id] of ids.entries()) {
      const version = texts[keys.length + i]
      if (version !== undefined) this.#ids.set(id, await this.#former(number(version)))
    }
  }

  /** What a commit of long ago asked for. */
  async #former(version: number): Promise<Former> {
    const { disk } = this.#ledger
    const { touched } = await readCommitAt(disk, version)
    const values = await readExactly(
      disk,
      touched.filter(({ gone }) => !gone).map(({ key }) => ({ key, version })),
    )
    const changes = touched.map(({ key, gone }): Change =>
      gone ? { key, gone: true } : { key, value: values.get(key) },
    )
    return { version, changes }
  }

  async #loadGuard(guard: Spans, since: number): Promise<void> {
    const changed: string[] = []
    for (const { lo, hi } of guard.list) {
      const pages = this.#ledger.disk.pages({ gte: dataKey(lo), lt: hi === undefined ? dataEnd : dataKey(hi) })
      try {
        for (let page = await pages.next(pageSize); page.length > 0; page = await pages.next(pageSize)) {
          for (const [place, text] of page) {
            if (storedVersion(text) > since) changed.push(keyOfData(place))
          }
        }
      } finally {
        pages.close()
      }
    }
    this.#guarded.set(guard, changed)
  }
}
