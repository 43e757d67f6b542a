import type { Clock } from '@fanlight/core'
import { basename, dirname } from 'node:path'
import type { FileSystem } from './file-system.ts'
import { isTemporary } from './new-content.ts'

/** What a watch needs to know. */
export interface WatchOptions {
  readonly fs: FileSystem
  readonly clock: Clock
  /** How long it must be quiet before what happened is looked at: milliseconds. */
  readonly settleMs: number
  /** How often a look is taken where nothing can be watched: milliseconds. */
  readonly pollMs: number
  /** Called when something happened, and then it was quiet. */
  readonly look: () => void
}

/** A burst that does not end is looked at nevertheless, after so many times `settleMs`. */
const burstMax = 10

/** One folder that is being watched. */
interface Watched {
  /** Which folder it was: another one may have its name by now. */
  readonly id: string | undefined
  readonly stop: () => void
}

/**
 * Watches the folders on the way to a file: renaming another file to its place is seen there, and nowhere else. Where a
 * folder cannot be watched, it looks at intervals.
 */
export class FolderWatch {
  readonly #options: WatchOptions
  readonly #watched = new Map<string, Watched>()
  #names: ReadonlySet<string> = new Set()
  #cancelSettle: (() => void) | undefined
  #burstSince: number | undefined
  #cancelPoll: (() => void) | undefined
  /** Whether a folder cannot be watched. */
  #blind = false
  #stopped = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  /**
   * Watches the folders of these paths from now on.
   *
   * @param paths the links on the way, and the file
   */
  async follow(paths: readonly string[]): Promise<void> {
    this.#names = new Set(paths.map((path) => basename(path)))
    const folders = new Set(paths.map((path) => dirname(path)))
    for (const folder of this.#watched.keys()) if (!folders.has(folder)) this.#drop(folder)
    let blind = false
    for (const folder of folders) if (!(await this.#watch(folder))) blind = true
    this.#blind = blind
  }

  /**
   * A look has ended.
   *
   * @param unsteady whether the file is not as it should be, so that the next look is not left to a watch alone
   */
  rest(unsteady: boolean): void {
    this.#cancelPoll?.()
    this.#cancelPoll = undefined
    if (this.#stopped || !(this.#blind || unsteady)) return
    this.#cancelPoll = this.#options.clock.after(this.#options.pollMs, () => this.#options.look())
  }

  /** Something happened, or may have: takes a look when it is quiet. */
  stir(): void {
    if (this.#stopped) return
    const { clock, settleMs } = this.#options
    const now = clock.now()
    this.#burstSince ??= now
    const leftMs = Math.max(0, this.#burstSince + burstMax * settleMs - now)
    this.#cancelSettle?.()
    this.#cancelSettle = clock.after(Math.min(settleMs, leftMs), () => {
      this.#cancelSettle = this.#burstSince = undefined
      this.#options.look()
    })
  }

  stop(): void {
    this.#stopped = true
    this.#cancelSettle?.()
    this.#cancelPoll?.()
    for (const folder of this.#watched.keys()) this.#drop(folder)
  }

  async #watch(folder: string): Promise<boolean> {
    const { fs } = this.#options
    const id = (await fs.stat(folder).catch(() => undefined))?.id
    const before = this.#watched.get(folder)
    if (this.#stopped || (before !== undefined && before.id === id)) return true
    this.#drop(folder)
    if (id === undefined) return false
    try {
      const stop = fs.watch(
        folder,
        (name) => this.#happened(name),
        () => this.#lost(folder),
      )
      this.#watched.set(folder, { id, stop })
      // What happened before the watch began is seen by a look after it.
      if (before !== undefined) this.stir()
      return true
    } catch {
      return false
    }
  }

  #happened(name: string | undefined): void {
    if (name !== undefined && isTemporary(name)) return
    // Something else in the folder may be on the way to the file as well, but is not what a burst is made of.
    if (name === undefined || this.#names.has(name) || this.#cancelSettle === undefined) this.stir()
  }

  #lost(folder: string): void {
    this.#watched.delete(folder)
    this.stir()
  }

  #drop(folder: string): void {
    this.#watched.get(folder)?.stop()
    this.#watched.delete(folder)
  }
}
