import type { ExpectedFile, FileStat, FileSystem, NewFile } from '../file-system.ts'

/** What a process does to the disk. `event` is a watcher being told. */
export type Operation =
  | 'stat'
  | 'readLink'
  | 'readFile'
  | 'list'
  | 'create'
  | 'write'
  | 'chown'
  | 'chmod'
  | 'sync'
  | 'close'
  | 'replace'
  | 'remove'
  | 'syncFolder'
  | 'watch'
  | 'event'

/** Whose a file is, and who may do what with it. */
export interface Owner {
  uid: number
  gid: number
  mode: number
}

/** A file, by whatever name. */
export interface Inode extends Owner {
  readonly id: number
  content: Uint8Array
  /** What of the content is on the disk for certain. */
  synced: Uint8Array
  changedNs: bigint
}

/** Who wants to hear of a folder. */
export interface Watcher {
  readonly folder: string
  readonly changed: (name: string | undefined) => void
  readonly failed: (why: unknown) => void
}

/** What a process needs of its disk. */
export interface ProcessHost {
  /** Does one thing for a process, in its turn, unless it is dead by then: nobody ever hears of that. */
  operate<R>(process: { readonly isDead: boolean }, operation: Operation, path: string, work: () => R): Promise<R>
  stat(path: string): FileStat | undefined
  readLink(path: string): string | undefined
  readFile(path: string): Uint8Array
  names(folder: string): string[]
  create(path: string): Inode
  setContent(inode: Inode, content: Uint8Array): void
  replace(from: string, to: string, expected: ExpectedFile | undefined): boolean
  remove(path: string): void
  syncFolder(folder: string): void
  watch(watcher: Watcher): () => void
  ended(process: MemoryProcess): void
}

/** A process that sees the disk, and can be killed. */
export class MemoryProcess implements FileSystem {
  readonly #disk: ProcessHost
  readonly #stops = new Set<() => void>()
  #isDead = false

  constructor(disk: ProcessHost) {
    this.#disk = disk
  }

  get isDead(): boolean {
    return this.#isDead
  }

  readonly kill = (): void => {
    this.#isDead = true
    for (const stop of this.#stops) stop()
    this.#disk.ended(this)
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#do('stat', path, () => this.#disk.stat(path))
  }

  readLink(path: string): Promise<string | undefined> {
    return this.#do('readLink', path, () => this.#disk.readLink(path))
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.#do('readFile', path, () => this.#disk.readFile(path))
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#do('list', folder, () => this.#disk.names(folder))
  }

  async create(path: string): Promise<NewFile> {
    const disk = this.#disk
    const inode = await this.#do('create', path, () => disk.create(path))
    return {
      stat: () => this.#do('stat', path, () => statOf(inode)),
      write: (content) => this.#do('write', path, () => disk.setContent(inode, content.slice())),
      chown: (uid, gid) => this.#do('chown', path, () => void Object.assign(inode, { uid, gid })),
      chmod: (mode) => this.#do('chmod', path, () => void Object.assign(inode, { mode })),
      sync: () => this.#do('sync', path, () => void (inode.synced = inode.content)),
      close: () => this.#do('close', path, () => undefined),
    }
  }

  replace(from: string, to: string, expected: ExpectedFile | undefined): Promise<boolean> {
    return this.#do('replace', to, () => this.#disk.replace(from, to, expected))
  }

  remove(path: string): Promise<void> {
    return this.#do('remove', path, () => this.#disk.remove(path))
  }

  syncFolder(folder: string): Promise<void> {
    return this.#do('syncFolder', folder, () => this.#disk.syncFolder(folder))
  }

  watch(folder: string, changed: (name: string | undefined) => void, failed: (why: unknown) => void): () => void {
    const stop = this.#disk.watch({ folder, changed, failed })
    this.#stops.add(stop)
    return () => {
      this.#stops.delete(stop)
      stop()
    }
  }

  #do<R>(operation: Operation, path: string, work: () => R): Promise<R> {
    return this.#disk.operate(this, operation, path, work)
  }
}

/** What a process that was killed waits for. */
export const never: Promise<never> = new Promise(() => undefined)

/** What a folder is like. */
export const folderStat: FileStat = {
  id: '',
  stamp: '',
  changedNs: 0n,
  bytes: 0,
  isFile: false,
  mode: 0o755,
  uid: 1,
  gid: 1,
}

/** What a file is like. */
export function statOf({ id, content, changedNs, mode, uid, gid }: Inode): FileStat {
  const bytes = content.length
  return { id: `${id}`, stamp: `${id}:${bytes}:${changedNs}`, changedNs, bytes, isFile: true, mode, uid, gid }
}

/** An error as the system makes it. */
export function errorOf(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
