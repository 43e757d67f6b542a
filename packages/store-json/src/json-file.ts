import {
  type Again, type Change, type Clock, type Driver, type DriverCommit, type DriverReading, type DriverStop, FanlightError,
  type Pushed, type Random, type Written, isFanlightError, valuesEqual,
} from '@fanlight/core'
import { dirname } from 'node:path'
import { JsonDocument } from './document.ts'
import type { FileSystem } from './file-system.ts'
import { FolderWatch } from './folder-watch.ts'
import { assertJsonValue, readValue, roundedNumber } from './json-values.ts'
import { NewContent, removeAbandoned } from './new-content.ts'
import { pathAt } from './paths.ts'
import { type FileReading, findPlace, readWhole, sameContent, tooLarge } from './reading.ts'

/** Everything that a JSON file needs to know, complete. */
export interface JsonFileOptions {
  readonly path: string
  readonly name: string
  readonly depth: number
  readonly create: boolean
  readonly mode: number
  readonly rounding: 'allow' | 'refuse'
  readonly bytesMax: number
  readonly settleMs: number
  readonly pollMs: number
  readonly patienceMs: number
  readonly fs: FileSystem
  readonly clock: Clock
  readonly random: Random
}

/** What a file holds: undefined where there is none. */
interface Held {
  readonly content: Uint8Array | undefined
  readonly document: JsonDocument
}

/** What came of a look at the file. */
type Looked = 'same' | 'taken' | 'trouble'

/** How often another process may come between looking and renaming before a commit gives up. */
const triesMax = 100

/** A JSON file as a driver: one look at it, or one write to it, is under way at a time. */
export class JsonFile implements Driver {
  readonly name: string
  readonly durable = true
  readonly #options: JsonFileOptions
  readonly #watch: FolderWatch
  #push: (pushed: Pushed) => void = () => undefined
  #fail: (why: unknown) => void = () => undefined
  /** What was read or written last, and taken in. */
  #held: Held
  /** What is there instead and cannot be taken in: since when, and why. */
  #trouble: { readonly content: Uint8Array | undefined; readonly sinceMs: number; readonly why: FanlightError } | undefined
  /** The folder whose names may not survive a power cut. */
  #unsynced: string | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #stopped = false

  constructor(options: JsonFileOptions) {
    this.#options = options
    this.name = options.name
    this.#held = { content: undefined, document: JsonDocument.empty(options.depth) }
    const { fs, clock, settleMs, pollMs } = options
    this.#watch = new FolderWatch({ fs, clock, settleMs, pollMs, look: () => this.#lookSoon() })
  }

  async listen(push: (pushed: Pushed) => void, fail: (why: unknown) => void): Promise<DriverStop> {
    this.#push = push
    this.#fail = fail
    const { fs, path, clock } = this.#options
    const { target } = await this.#follow(false)
    await removeAbandoned(fs, dirname(target), clock.now())
    return () => this.#stop()
  }

  /** Reads all of it: at the opening, and where it is not known what became of a write. */
  read(): Promise<DriverReading> {
    return this.#inTurn(async () => {
      const { fs, path, create, bytesMax } = this.#options
      const { target } = await this.#follow(false)
      if (this.#unsynced !== undefined) await fs.syncFolder(this.#unsynced)
      this.#unsynced = undefined
      const found = await readWhole(fs, target, bytesMax)
      if (found === undefined && !create) throw this.#missing(`there is no file ${path}: make one, or open with create`)
      const held = this.#heldOf(found?.content)
      const entries = [...held.document.leaves()].map(([key, raw]) => ({ key, value: this.#valueOf(key, raw) }))
      this.#held = held
      this.#trouble = undefined
      return { entries }
    })
  }

  check(changes: readonly Change[]): void {
    const { depth } = this.#options
    for (const change of changes) {
      const path = pathAt(change.key, depth)
      if (change.gone === true) continue
      assertJsonValue(change.value, change.key)
      if (path.length < depth && isObject(change.value)) {
        const message = `with depth ${depth} the members of an object at ${JSON.stringify(change.key)} are keys: commit each`
        throw new FanlightError('BAD_VALUE', message, { keys: [change.key] })
      }
    }
  }

  writeMany(commits: readonly DriverCommit[]): Promise<readonly Written[] | Again> {
    return this.#inTurn(async () => {
      for (let i = 0; i < triesMax; i++) {
        const outcome = await this.#write(commits)
        if (outcome !== undefined) return outcome
      }
      throw this.#unavailable(`other processes write to it all the time: commit again`)
    })
  }

  /** One attempt. undefined: the file was touched meanwhile; its content is to be looked at once more. */
  async #write(commits: readonly DriverCommit[]): Promise<readonly Written[] | Again | undefined> {
    const { fs, random, bytesMax, mode } = this.#options
    const { target } = await findPlace(fs, this.#options.path)
    const made = await this.#harmless(NewContent.begin(fs, target, random))
    let replaced = false
    try {
      // It was begun before the file is read: what changed before that moment changed in a tick of the clock that is over.
      const found = await this.#harmless(readWhole(fs, target, bytesMax))
      if (!(await this.#isAsHeld(found))) return 'again'
      const document = this.#held.document.copy()
      const outcomes = changeAll(document, commits, { bytes: this.#held.content?.length ?? 4, bytesMax, path: target })
      if (outcomes.every((outcome) => isFanlightError(outcome))) return outcomes
      const content = new TextEncoder().encode(document.text())
      await this.#harmless(made.write(content, found?.stat, mode))
      replaced = await this.#replace(made, target, found)
      if (!replaced) return undefined
      this.#held = { content, document }
      await this.#syncFolder(dirname(target))
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
      throw this.#unavailable('the new content could not take its place', (await made.isLeft()) ? 'no' : 'unknown', error)
    }
  }

  async #syncFolder(folder: string): Promise<void> {
    try {
      await this.#options.fs.syncFolder(folder)
    } catch (error) {
      this.#unsynced = folder
      throw this.#unavailable('it was written, and may not survive a power cut', 'unknown', error)
    }
  }

  /**
   * Whether the file is as it was read or written last, so that it can be written. What somebody else wrote is taken in; while
   * they are writing, this waits.
   */
  async #isAsHeld(found: FileReading | undefined): Promise<boolean> {
    const { clock, settleMs, patienceMs, create } = this.#options
    const content = found?.content
    if (sameContent(content, this.#held.content)) {
      this.#mended()
      return true
    }
    if (content !== undefined && this.#takeIn(content, false) === 'taken') return false
    if (content === undefined && create && this.#trouble?.content === undefined && this.#trouble !== undefined) return true
    const sinceMs = this.#trouble?.sinceMs ?? clock.now()
    await new Promise<void>((resolve) => clock.after(settleMs, resolve))
    if ((await this.#look()) !== 'trouble') return false
    if (content === undefined && create) return false
    if (clock.now() - sinceMs < patienceMs) return false
    throw this.#unavailable('somebody else left it in a state that cannot be taken in', 'no', this.#trouble?.why)
  }
}
