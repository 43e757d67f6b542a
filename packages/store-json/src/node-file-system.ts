import {
  type BigIntStats,
  type FSWatcher,
  linkSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  watch,
} from 'node:fs'
import { type FileHandle, open, readFile, readdir, readlink, stat, unlink } from 'node:fs/promises'
import { platform } from 'node:process'
import type { ExpectedFile, FileStat, FileSystem, NewFile } from './file-system.ts'

/** The file system of the machine. */
export const nodeFileSystem: FileSystem = {
  async stat(path) {
    try {
      return statOf(await stat(path, { bigint: true }))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  },
  async readLink(path) {
    try {
      return await readlink(path)
    } catch (error) {
      if (isMissing(error) || codeOf(error) === 'EINVAL') return undefined
      throw error
    }
  },
  readFile: (path) => readFile(path),
  list: (folder) => readdir(folder),
  async create(path) {
    return new NodeFile(await open(path, 'wx', 0o600))
  },
  async replace(from, to, expected) {
    return expected === undefined ? nameNew(from, to) : rename(from, to, expected)
  },
  remove: (path) => unlink(path),
  async syncFolder(folder) {
    // Windows opens no folders: there the names are the business of the file system alone.
    if (platform === 'win32') return
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  watch(folder, changed, failed) {
    const watcher: FSWatcher = watch(folder, (_, name) => changed(name ?? undefined))
    watcher.on('error', (error) => {
      watcher.close()
      failed(error)
    })
    return () => watcher.close()
  },
}

class NodeFile implements NewFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async stat(): Promise<FileStat> {
    return statOf(await this.#handle.stat({ bigint: true }))
  }

  write(content: Uint8Array): Promise<void> {
    return this.#handle.writeFile(content)
  }

  chown(uid: number, gid: number): Promise<void> {
    return this.#handle.chown(uid, gid)
  }

  chmod(mode: number): Promise<void> {
    return this.#handle.chmod(mode)
  }

  sync(): Promise<void> {
    return this.#handle.sync()
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/** Looks and renames with nothing of this process in between, not even a turn of its loop: what is left are microseconds. */
function rename(from: string, to: string, { stamp, content }: ExpectedFile): boolean {
  const found = statSync(to, { bigint: true, throwIfNoEntry: false })
  if (found === undefined || stampOf(found) !== stamp) return false
  if (content !== undefined && Buffer.compare(readFileSync(to), content) !== 0) return false
  renameSync(from, to)
  return true
}

/** A second name fails where something has it: that is looking and naming as one. */
function nameNew(from: string, to: string): boolean {
  try {
    linkSync(from, to)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    // Some file systems know no second names.
    if (statSync(to, { throwIfNoEntry: false }) !== undefined) return false
    renameSync(from, to)
    return true
  }
  unlinkSync(from)
  return true
}

function statOf(stats: BigIntStats): FileStat {
  return {
    id: `${stats.dev}:${stats.ino}`,
    stamp: stampOf(stats),
    changedNs: stats.ctimeNs > stats.mtimeNs ? stats.ctimeNs : stats.mtimeNs,
    bytes: Number(stats.size),
    isFile: stats.isFile(),
    mode: Number(stats.mode) & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
  }
}

/** The time of the last change of attributes is part of it: no tool can set it back. */
function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
}

/** Whether nothing is at a path. */
function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** The code that the system gave an error. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
