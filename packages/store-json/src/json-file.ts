import {
  type Again,
  type Change,
  type Clock,
  type Driver,
  type DriverCommit,
  type DriverReading,
  type DriverStop,
  FanlightError,
  type Pushed,
  type Random,
  type Written,
  isFanlightError,
} from '@fanlight/core'
import { dirname } from 'node:path'
import { type Content, type ContentOptions, assertCarried, changeAll, differences, parseContent } from './content.ts'
import type { FileStat, FileSystem } from './file-system.ts'
import { FolderWatch } from './folder-watch.ts'
import { NewContent, removeAbandoned } from './new-content.ts'
import { type FileReading, findPlace, readWhole, sameContent, tooLarge } from './reading.ts'

/** Everything that a JSON file needs to know, complete. */
export interface JsonFileOptions extends ContentOptions {
  readonly name: string
  readonly create: boolean
  readonly mode: number
  readonly settleMs: number
  readonly pollMs: number
  readonly patienceMs: number
  readonly fs: FileSystem
  readonly clock: Clock
  readonly random: Random
}

/** Why what is there cannot be taken in. */
interface Trouble {
  readonly why: FanlightError
  /** The content that cannot be taken in; undefined: there is none, or it cannot be read. */
  readonly bytes: Uint8Array | undefined
  readonly isMissing: boolean
  readonly sinceMs: number
}

/** What an attempt to write came to, where nothing was written: the file changed right then, or is not whole. */
type Unwritten = 'moved' | 'trouble'

/** How often another process may come between looking and renaming before a commit gives up. */
const triesMax = 100

/** A JSON file as a driver. One look at it, or one write to it, is under way at a time. */
export class JsonFile implements Driver {
  readonly name: string
  readonly durable = true
  readonly #options: JsonFileOptions
  readonly #watch: FolderWatch
  #push: (pushed: Pushed) => void = () => undefined
  #fail: (why: unknown) => void = () => undefined
  /** What was read or written last, and taken in. */
  #held: Content
  #trouble: Trouble | undefined
  /** The trouble that the store knows of. */
  #told: FanlightError | undefined
  /** What the file was like: where it went, it is made again like that. */
  #like: FileStat | undefined
  /** How many changes of others were taken in. */
  #taken = 0
  /** The folder whose names may not survive a power cut. */
  #unsynced: string | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #lookWaits = false

  constructor(options: JsonFileOptions) {
    this.#options = options
    this.name = options.name
    this.#held = parseContent(undefined, options)
    const { fs, clock, settleMs, pollMs } = options
    this.#watch = new FolderWatch({ fs, clock, settleMs, pollMs, look: () => this.#lookSoon() })
  }

  async listen(push: (pushed: Pushed) => void, fail: (why: unknown) => void): Promise<DriverStop> {
    this.#push = push
    this.#fail = fail
    const { fs, clock } = this.#options
    const target = await this.#follow()
    this.#watch.rest(false)
    await removeAbandoned(fs, dirname(target), clock.now())
    return async () => {
      this.#watch.stop()
      await this.#turn
    }
  }

  /** Reads all of it: at the opening, and where it is not known what became of a write. */
  read(): Promise<DriverReading> {
    return this.#inTurn(async () => {
      const options = this.#options
      const { fs, path, bytesMax } = options
      const { target } = await findPlace(fs, path)
      await this.#syncNames()
      const found = await readWhole(fs, target, bytesMax)
      if (found === undefined) await this.#refuseMissing(target)
      this.#like = found?.stat
      const content = parseContent(found?.content, options)
      const changes = differences(parseContent(undefined, options), content, options)
      this.#held = content
      this.#trouble = this.#told = undefined
      return { entries: changes.map(({ key, value }) => ({ key, value })) }
    })
  }

  check(changes: readonly Change[]): void {
    assertCarried(changes, this.#options.depth)
  }

  writeMany(commits: readonly DriverCommit[]): Promise<readonly Written[] | Again> {
    // The conditions were checked now; a look that is under way may take in what breaks them.
    const taken = this.#taken
    return this.#inTurn(async () => {
      let sinceMs: number | undefined
      for (let tries = 0; tries < triesMax;) {
        const outcome = await this.#attempt(commits, taken)
        if (outcome === 'trouble') await this.#waitForBetter((sinceMs ??= this.#options.clock.now()))
        else if (outcome === 'moved') tries++
        else return outcome
      }
      throw this.#unavailable('other processes write to it all the time: commit again', 'no')
    })
  }

  async #attempt(commits: readonly DriverCommit[], taken: number): Promise<readonly Written[] | Again | Unwritten> {
    const options = this.#options
    const { fs, random, bytesMax } = options
    const { target } = await this.#harmless(findPlace(fs, options.path))
    // It is begun before the file is read, so that what changed in a later tick of the file system's clock is known to be so.
    const made = await this.#harmless(NewContent.begin(fs, target, random))
    let replaced = false
    try {
      const found = await this.#reading(readWhole(fs, target, bytesMax))
      if (this.#taken !== taken) return 'again'
      if (this.#trouble !== undefined && !this.#mayCreate()) return 'trouble'
      const document = this.#held.document.copy()
      const outcomes = changeAll(document, commits, this.#held.bytes?.length ?? 0, options)
      if (outcomes.every((outcome) => isFanlightError(outcome))) return outcomes
      const bytes = new TextEncoder().encode(document.text())
      // What was reckoned before is not exact to the byte, and what is too large could not be read again.
      if (bytes.length > Math.max(bytesMax, found?.stat.bytes ?? 0)) throw this.#tooLarge(bytes.length)
      await this.#harmless(made.write(bytes, found?.stat ?? this.#like, options.mode))
      replaced = await this.#replace(made, target, found)
      if (!replaced) return 'moved'
      await this.#syncFolder(dirname(target))
      this.#held = { bytes, document }
      this.#mended()
      return outcomes
    } finally {
      if (!replaced) await made.discard()
    }
  }

  async #replace(made: NewContent, target: string, found: FileReading | undefined): Promise<boolean> {
    const { stamp = '', changedNs = 0n } = found?.stat ?? {}
    const content = changedNs >= made.madeNs ? found?.content : undefined
    try {
      return await made.replace(target, found === undefined ? undefined : { stamp, content })
    } catch (error) {
      throw this.#unavailable(
        'what was written could not take its place',
        (await made.isLeft()) ? 'no' : 'unknown',
        error,
      )
    }
  }

  async #syncFolder(folder: string): Promise<void> {
    try {
      await this.#options.fs.syncFolder(folder)
    } catch (error) {
      this.#unsynced = folder
      throw this.#unavailable('what was written may not survive a power cut', 'unknown', error)
    }
  }

  /** A file that somebody is writing, or that went, is waited for. */
  async #waitForBetter(sinceMs: number): Promise<void> {
    const { clock, settleMs, patienceMs } = this.#options
    await new Promise<void>((resolve) => {
      clock.after(settleMs, resolve)
    })
    await this.#look()
    const trouble = this.#trouble
    if (trouble === undefined || this.#mayCreate() || clock.now() - sinceMs < patienceMs) return
    // The reason names the file itself.
    const why = trouble.why.message.replace(`${this.#options.path}: `, '')
    throw this.#unavailable(`what is there is not taken in, and not overwritten: ${why}`, 'no', trouble.why)
  }

  /** Whether the file went, some time ago, and may be made again. */
  #mayCreate(): boolean {
    const { clock, create, settleMs } = this.#options
    const trouble = this.#trouble
    return create && trouble?.isMissing === true && clock.now() - trouble.sinceMs >= settleMs
  }

  #lookSoon(): void {
    if (this.#lookWaits) return
    this.#lookWaits = true
    // A look does not fail: what goes wrong in it is told to the store.
    void this.#inTurn(() => {
      this.#lookWaits = false
      return this.#look()
    })
  }

  /** Looks at what is there, takes it in, and tells the store where that cannot be done. */
  async #look(): Promise<void> {
    const { fs, bytesMax } = this.#options
    await this.#reading(
      this.#follow().then(async (target) => {
        await this.#syncNames()
        return readWhole(fs, target, bytesMax)
      }),
    )
    const why = this.#trouble?.why
    if (why !== undefined && why !== this.#told) {
      this.#told = why
      this.#fail(why)
    }
    this.#watch.rest(why !== undefined)
  }

  /** Watches what leads to the file, and says where it is. */
  async #follow(): Promise<string> {
    const { fs, path } = this.#options
    const { target, paths } = await findPlace(fs, path)
    await this.#watch.follow(paths)
    return target
  }

  /** Brings names to the disk that may not be there: nothing is shown before (L4). */
  async #syncNames(): Promise<void> {
    if (this.#unsynced !== undefined) await this.#options.fs.syncFolder(this.#unsynced)
    this.#unsynced = undefined
  }

  /** Takes in what is being read. What cannot be taken in is a trouble from then on. */
  async #reading(work: Promise<FileReading | undefined>): Promise<FileReading | undefined> {
    let found: FileReading | undefined
    try {
      found = await work
      this.#like = found?.stat ?? this.#like
      this.#meet(found?.content)
    } catch (error) {
      this.#enter(found?.content, false, error)
    }
    return found
  }

  #meet(bytes: Uint8Array | undefined): void {
    if (sameContent(bytes, this.#held.bytes)) return this.#mended()
    if (bytes === undefined) return this.#enter(undefined, true, this.#missing())
    const options = this.#options
    const content = parseContent(bytes, options)
    const changes = differences(this.#held, content, options)
    this.#push({ changes })
    this.#held = content
    if (changes.length > 0) this.#taken++
    this.#mended()
  }

  #enter(bytes: Uint8Array | undefined, isMissing: boolean, error: unknown): void {
    const before = this.#trouble
    const why = isFanlightError(error)
      ? error
      : this.#unavailable('it could not be read: see the cause', undefined, error)
    const isSame =
      before?.isMissing === isMissing && before.why.message === why.message && sameContent(before.bytes, bytes)
    if (!isSame) this.#trouble = { why, bytes, isMissing, sinceMs: this.#options.clock.now() }
  }

  #mended(): void {
    const told = this.#told
    this.#trouble = this.#told = undefined
    if (told !== undefined) this.#push({ changes: [] })
  }

  #missing(): FanlightError {
    return this.#unavailable('there is no such file any more: what it held last is kept', undefined, undefined)
  }

  async #refuseMissing(target: string): Promise<void> {
    const { fs, create } = this.#options
    if (!create) throw this.#unavailable('there is no such file: make one, or open it with create', undefined)
    const folder = await fs.stat(dirname(target))
    if (folder === undefined) throw this.#unavailable('there is no such folder: make it first', undefined)
  }

  /** Fails as work does before anything of a commit is in its place. */
  async #harmless<R>(work: Promise<R>): Promise<R> {
    try {
      return await work
    } catch (error) {
      throw this.#unavailable('it could not be written: see the cause', 'no', error)
    }
  }

  #unavailable(what: string, applied: 'no' | 'unknown' | undefined, cause?: unknown): FanlightError {
    return new FanlightError('UNAVAILABLE', `${this.#options.path}: ${what}`, { store: this.name, applied, cause })
  }

  #tooLarge(bytes: number): FanlightError {
    return tooLarge(this.#options.path, bytes, this.#options.bytesMax).withApplied('no')
  }

  #inTurn<R>(work: () => Promise<R>): Promise<R> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }
}
