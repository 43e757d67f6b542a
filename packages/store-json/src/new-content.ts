import type { Random } from '@fanlight/core'
import { randomWord } from '@fanlight/core/kit'
import { dirname, join } from 'node:path'
import type { ExpectedFile, FileStat, FileSystem, NewFile } from './file-system.ts'

/** How new content is called until it has its place. */
const temporaryName = /^\.fanlight-[0-9a-z]{16}\.tmp$/

/** How old new content is that its process has left behind: milliseconds. */
const abandonedMs = 60_000

/** Whether a name in a folder is one of ours, which comes and goes. */
export function isTemporary(name: string): boolean {
  return temporaryName.test(name)
}

/**
 * New content of a file, under a name of its own beside it, readable by nobody else. It becomes the file as one: a process
 * that ends at any moment leaves the old content or the new.
 */
export class NewContent {
  readonly #fs: FileSystem
  readonly #path: string
  readonly #file: NewFile
  /** When it was made, by the clock of the file system. */
  readonly madeNs: bigint

  private constructor(fs: FileSystem, path: string, file: NewFile, madeNs: bigint) {
    this.#fs = fs
    this.#path = path
    this.#file = file
    this.madeNs = madeNs
  }

  /** Begins new content for a file that stands, or will stand, at `target`. */
  static async begin(fs: FileSystem, target: string, random: Random): Promise<NewContent> {
    const path = join(dirname(target), `.fanlight-${randomWord(random)}.tmp`)
    const file = await fs.create(path)
    try {
      return new NewContent(fs, path, file, (await file.stat()).changedNs)
    } catch (error) {
      await file.close()
      await fs.remove(path)
      throw error
    }
  }

  /**
   * Writes it, gives it the mode and the owner of the file that it will replace, and brings it to the disk.
   *
   * @param like undefined: there is none
   * @param mode what it gets then
   */
  async write(content: Uint8Array, like: FileStat | undefined, mode: number): Promise<void> {
    await this.#file.write(content)
    await this.#file.chmod(like === undefined ? mode : await this.#own(like))
    await this.#file.sync()
    await this.#file.close()
  }

  /** Makes it the file at `target`; false: something else than expected is there, and nothing was done. */
  replace(target: string, expected: ExpectedFile | undefined): Promise<boolean> {
    return this.#fs.replace(this.#path, target, expected)
  }

  /** Whether it has not become the file, for certain. */
  async isLeft(): Promise<boolean> {
    try {
      return (await this.#fs.stat(this.#path)) !== undefined
    } catch {
      return false
    }
  }

  /** Lets go of it. */
  async discard(): Promise<void> {
    await settled(this.#file.close())
    await settled(this.#fs.remove(this.#path))
  }

  /** Takes over the owner, as far as that is allowed. @returns the mode that goes with it */
  async #own(like: FileStat): Promise<number> {
    const { uid, gid } = await this.#file.stat()
    if (like.gid !== gid && !(await settled(this.#file.chown(uid, like.gid)))) {
      // Members of another group must not read what members of the former group could read.
      const others = like.mode & 0o007
      return (like.mode & 0o707) | (others << 3)
    }
    if (like.uid !== uid) await settled(this.#file.chown(like.uid, like.gid))
    return like.mode & 0o777
  }
}

/** Removes what processes that were killed have left in a folder. What cannot be removed stays. */
export async function removeAbandoned(fs: FileSystem, folder: string, nowMs: number): Promise<void> {
  const names: readonly string[] = await fs.list(folder).catch(() => [])
  for (const name of names) {
    if (!isTemporary(name)) continue
    const path = join(folder, name)
    const stat = await fs.stat(path).catch(() => undefined)
    if (stat !== undefined && nowMs - Number(stat.changedNs / 1_000_000n) > abandonedMs) await settled(fs.remove(path))
  }
}

/** Whether it went well. */
async function settled(work: Promise<void>): Promise<boolean> {
  try {
    await work
    return true
  } catch {
    return false
  }
}
