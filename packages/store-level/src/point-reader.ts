import type { Entry } from '@fanlight/core'
import { deleted } from '@fanlight/core/kit'
import type { Bounds } from './bounds.ts'
import { decodeStored } from './codec.ts'
import { gathered } from './gathered.ts'
import { dataKey } from './keys.ts'
import type { Ledger } from './ledger.ts'
import { readPast } from './past.ts'
import type { Found } from './tail.ts'

/** So many keys are read at once at most. */
const batchMax = 1000

/** The reads of one turn: they go to disk together. */
interface Batch {
  readonly keys: string[]
  /** The newest records of the keys, some perhaps of commits that are still under way, and what was durable then. */
  readonly read: Promise<{ readonly texts: readonly (string | undefined)[]; readonly reached: number }>
}

/** Reads single keys. Those of one turn that memory does not know share one trip to the disk. */
export class PointReader {
  readonly #ledger: Ledger
  #batch: Batch | undefined

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /**
   * What a key was at a version.
   *
   * @param bounds narrows, or widens to what is known when it was read
   * @param made   makes the result of what was found
   */
  read<R>(key: string, at: number, bounds: Bounds, made: (entry: Entry | undefined) => R): R | Promise<R> {
    const { pins, tail } = this.#ledger
    const found = tail.at(key, at)
    if (found !== undefined) return made(taken(found, bounds))
    const pin = pins.hold(at)
    const batch = (this.#batch ??= this.#begin())
    const place = batch.keys.push(dataKey(key)) - 1
    return batch.read.then(
      ({ texts, reached }) => {
        pins.release(pin)
        const entry = this.#entry(key, at, texts[place], reached, bounds)
        return entry instanceof Promise ? entry.then(made) : made(entry)
      },
      (error: unknown) => {
        pins.release(pin)
        throw error
      },
    )
  }

  #begin(): Batch {
    const keys: string[] = []
    const read = gathered(() => keys.length, batchMax).then(() => {
      this.#batch = undefined
      const { disk, reached } = this.#ledger
      return disk.getMany(keys).then((texts) => ({ texts, reached }))
    })
    return { keys, read }
  }

  #entry(
    key: string,
    at: number,
    text: string | undefined,
    reached: number,
    bounds: Bounds,
  ): Entry | undefined | Promise<Entry | undefined> {
    const { tail } = this.#ledger
    // It may have changed meanwhile; then memory knows what it was.
    const found = tail.at(key, at)
    if (found !== undefined) return taken(found, bounds)
    // No commit since then touched it.
    if (tail.newest(key) === undefined && reached >= tail.start) bounds.to = this.#ledger.reached
    if (text === undefined) return undefined
    const stored = decodeStored(key, text)
    if (stored.version > at) return this.#past(key, at, stored.version, bounds)
    bounds.since(stored.version)
    return stored.value === deleted ? undefined : stored
  }

  async #past(key: string, at: number, newest: number, bounds: Bounds): Promise<Entry | undefined> {
    const { disk, pins } = this.#ledger
    const pin = pins.hold(at)
    try {
      const replaced = (await readPast(disk, [key], at)).get(key)
      bounds.until(newest)
      // It was not there at `at`. When it came is not known: its first record tells of nothing before it.
      bounds.until(replaced?.until ?? at + 1)
      if (replaced === undefined) return undefined
      const { stored } = replaced
      bounds.since(stored.version)
      return stored.value === deleted ? undefined : stored
    } finally {
      pins.release(pin)
    }
  }
}

/** Takes what memory knows of a key. */
function taken({ cell, next }: Found, bounds: Bounds): Entry | undefined {
  if (next !== undefined) bounds.until(next)
  if (cell === undefined) return undefined
  bounds.since(cell.version)
  return cell.value === deleted ? undefined : cell
}
