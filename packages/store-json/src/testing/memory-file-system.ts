import { type Clock, type Random, systemClock } from '@fanlight/core'
import { seededRandom } from '@fanlight/core/testing'
import { dirname } from 'node:path'
import type { ExpectedFile, FileStat, FileSystem } from '../file-system.ts'
import {
  type Inode,
  MemoryProcess,
  type Operation,
  type Owner,
  type ProcessHost,
  type Watcher,
  errorOf,
  folderStat,
  never,
  statOf,
} from './memory-process.ts'

/** Options of `createMemoryDisk`. */
export interface MemoryDiskOptions {
  /** Gives the times of files. Default the machine's. */
  readonly clock?: Clock | undefined
  /** Decides what a power cut leaves. Default seeded by 1. */
  readonly random?: Random | undefined
  /**
   * Called before an operation of a process takes effect, and once more before the process hears of it: what it waits for
   * decides who comes first. A fuzzer puts its scheduler here. Default nothing.
   */
  readonly pace?: ((operation: Operation, path: string, phase: 'begin' | 'end') => unknown) | undefined
  /** How coarse the times of files are, in milliseconds, as on a real disk. Default 4. */
  readonly tickMs?: number | undefined
}

const nobody: Owner = { uid: -1, gid: -1, mode: 0 }

type Entry = Inode | { readonly link: string }

/** A change of the names in a folder that may be lost. */
interface NameChange {
  readonly folder: string
  readonly apply: (names: Map<string, Entry>) => void
}

/**
 * A disk in memory, which can lose power: what was not brought to it (fsync) is lost, kept, or kept in part, and so are names.
 * Each `mount` is a process with a page cache of its own in front of the same disk; `kill` ends one, as `kill -9` does.
 */
export class MemoryDisk implements ProcessHost {
  readonly clock: Clock
  readonly #random: Random
  readonly #pace: (operation: Operation, path: string, phase: 'begin' | 'end') => unknown
  readonly #tickNs: bigint
  readonly #failures: { operation: Operation; error: Error }[] = []
  #names = new Map<string, Entry>()
  /** The names that are on the disk for certain, and what may follow. */
  readonly #syncedNames = new Map<string, Entry>()
  #pending: NameChange[] = []
  /** The number of each folder. */
  readonly #folders = new Map<string, number>([['/', 0]])
  readonly #watchers = new Set<Watcher>()
  readonly #processes = new Set<MemoryProcess>()
  #ids = 0
  /** What happened, in order: `create /a/b`. */
  readonly log: string[] = []

  constructor({
    clock = systemClock,
    random = seededRandom(1),
    pace = () => undefined,
    tickMs = 4,
  }: MemoryDiskOptions = {}) {
    this.clock = clock
    this.#random = random
    this.#pace = pace
    this.#tickNs = BigInt(tickMs) * 1_000_000n
  }

  /** A process that sees the disk. */
  mount(): FileSystem & { readonly kill: () => void } {
    const process = new MemoryProcess(this)
    this.#processes.add(process)
    return process
  }

  /** The next operation of this kind fails, before it does anything. */
  failNext(operation: Operation, code: string): void {
    this.#failures.push({ operation, error: errorOf(code, operation) })
  }

  /** Makes a folder, with those above it. It is there for certain. */
  makeFolder(folder: string): void {
    for (let path = folder; !this.#folders.has(path); path = dirname(path)) this.#folders.set(path, ++this.#ids)
  }

  /** Removes a folder with all that is in it: whoever watches it hears of that. */
  removeFolder(folder: string): void {
    for (const path of Array.from(this.#names.keys())) if (dirname(path) === folder) this.erase(path)
    this.#folders.delete(folder)
    for (const watcher of Array.from(this.#watchers)) if (watcher.folder === folder) this.#tell(watcher, undefined)
  }

  /** Somebody else writes a file in place. Nothing of that is brought to the disk. */
  overwrite(path: string, text: string): void {
    const inode = this.#inodeAt(path) ?? this.#newInode(0o644)
    this.setContent(inode, new TextEncoder().encode(text))
    if (this.#inodeAt(path) !== inode) this.name(path, inode)
    this.#happened(this.#target(path))
  }

  /** Somebody else replaces a file by another one. */
  put(path: string, text: string): void {
    const inode = this.#newInode(0o644)
    this.setContent(inode, new TextEncoder().encode(text))
    this.name(path, inode)
  }

  /** Somebody else deletes a file, or a link. */
  erase(path: string): void {
    this.#change(dirname(path), (names) => void names.delete(path))
    this.#happened(path)
  }

  /** Makes a symbolic link. */
  link(path: string, to: string): void {
    this.#change(dirname(path), (names) => void names.set(path, { link: to }))
    this.#happened(path)
  }

  /** What a file holds; undefined: there is none. */
  text(path: string): string | undefined {
    const inode = this.#inodeAt(path)
    return inode === undefined ? undefined : new TextDecoder().decode(inode.content)
  }

  /** Whose a file is, and who may do what with it. */
  owner(path: string): Owner {
    const { uid, gid, mode } = this.#inodeAt(path) ?? nobody
    return { uid, gid, mode }
  }

  /** Gives a file an owner and a mode. */
  own(path: string, owner: Owner): void {
    const inode = this.#inodeAt(path)
    if (inode !== undefined) Object.assign(inode, owner)
  }

  /** All that was done comes to the disk. */
  settle(): void {
    for (const { apply } of this.#pending) apply(this.#syncedNames)
    this.#pending = []
    for (const entry of this.#names.values()) if (!('link' in entry)) entry.synced = entry.content
  }

  /** The names in a folder. */
  names(folder: string): string[] {
    return [...this.#names.keys()]
      .filter((path) => dirname(path) === folder)
      .map((path) => path.slice(folder.length + (folder === '/' ? 0 : 1)))
  }

  /** Somebody else brings the content of a file to the disk. */
  syncContent(path: string): void {
    const inode = this.#inodeAt(path)
    if (inode !== undefined) inode.synced = inode.content
  }

  /** Every process ends, as by `kill -9`: what it has written is there, and nothing more comes. */
  kill(): void {
    for (const process of Array.from(this.#processes)) process.kill()
    this.#failures.length = 0
  }

  /**
   * The power is cut: every process ends. Of the names that were changed since their folder was brought to the disk, a random
   * part of the changes is kept, each whole; of content that was not brought to it, the old, a part, or all.
   */
  cut(): void {
    this.kill()
    const ordered = this.#random() < 0.5
    const kept = Math.floor(this.#random() * (this.#pending.length + 1))
    const names = this.#syncedNames
    for (const [i, { apply }] of this.#pending.entries()) {
      if (ordered ? i < kept : this.#random() < 0.5) apply(names)
    }
    this.#pending = []
    this.#names = new Map(names)
    for (const entry of names.values()) if (!('link' in entry)) this.#loseContent(entry)
  }

  // What follows is for the processes.

  async operate<R>(
    process: { readonly isDead: boolean },
    operation: Operation,
    path: string,
    work: () => R,
  ): Promise<R> {
    await this.#pace(operation, path, 'begin')
    if (process.isDead) return never
    this.log.push(`${operation} ${path}`)
    const failing = this.#failures.findIndex((failure) => failure.operation === operation)
    if (failing >= 0) throw this.#failures.splice(failing, 1)[0]?.error ?? new Error('no failure')
    const result = work()
    await this.#pace(operation, path, 'end')
    return process.isDead ? never : result
  }

  ended(process: MemoryProcess): void {
    this.#processes.delete(process)
  }

  stat(path: string): FileStat | undefined {
    const folder = this.#folders.get(path)
    if (folder !== undefined) return { ...folderStat, id: `folder ${folder}` }
    const inode = this.#inodeAt(path)
    return inode === undefined ? undefined : statOf(inode)
  }

  readLink(path: string): string | undefined {
    const entry = this.#names.get(path)
    return entry !== undefined && 'link' in entry ? entry.link : undefined
  }

  readFile(path: string): Uint8Array {
    if (this.#folders.has(path)) throw errorOf('EISDIR', path)
    const inode = this.#inodeAt(path)
    if (inode === undefined) throw errorOf('ENOENT', path)
    return inode.content.slice()
  }

  create(path: string): Inode {
    if (!this.#folders.has(dirname(path))) throw errorOf('ENOENT', path)
    if (this.#names.has(path)) throw errorOf('EEXIST', path)
    const inode = this.#newInode(0o600)
    this.name(path, inode)
    return inode
  }

  setContent(inode: Inode, content: Uint8Array): void {
    inode.content = content
    this.touch(inode)
  }

  touch(inode: Inode): void {
    const nowNs = BigInt(Math.floor(this.clock.now() * 1_000)) * 1_000n
    inode.changedNs = nowNs - (nowNs % this.#tickNs)
  }

  name(path: string, inode: Inode): void {
    this.#change(dirname(path), (names) => void names.set(path, inode))
    this.#happened(path)
  }

  replace(from: string, to: string, expected: ExpectedFile | undefined): boolean {
    const inode = this.#names.get(from)
    if (inode === undefined || 'link' in inode) throw errorOf('ENOENT', from)
    const found = this.#names.get(to)
    if (expected === undefined ? found !== undefined : !isExpected(found, expected)) return false
    this.#change(dirname(to), (names) => {
      names.delete(from)
      names.set(to, inode)
    })
    this.touch(inode)
    this.#happened(from)
    this.#happened(to)
    return true
  }

  remove(path: string): void {
    if (!this.#names.has(path)) throw errorOf('ENOENT', path)
    this.erase(path)
  }

  syncFolder(folder: string): void {
    if (!this.#folders.has(folder)) throw errorOf('ENOENT', folder)
    const rest: NameChange[] = []
    for (const change of this.#pending) {
      if (change.folder === folder) change.apply(this.#syncedNames)
      else rest.push(change)
    }
    this.#pending = rest
  }

  watch(watcher: Watcher): () => void {
    if (!this.#folders.has(watcher.folder)) throw errorOf('ENOENT', watcher.folder)
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  #newInode(mode: number): Inode {
    const nothing = new Uint8Array(0)
    const inode = { id: ++this.#ids, content: nothing, synced: nothing, changedNs: 0n, mode, uid: 1, gid: 1 }
    this.touch(inode)
    return inode
  }

  #target(path: string): string {
    const entry = this.#names.get(path)
    return entry !== undefined && 'link' in entry ? this.#target(entry.link) : path
  }

  #inodeAt(path: string): Inode | undefined {
    const entry = this.#names.get(this.#target(path))
    return entry === undefined || 'link' in entry ? undefined : entry
  }

  #change(folder: string, apply: (names: Map<string, Entry>) => void): void {
    apply(this.#names)
    this.#pending.push({ folder, apply })
  }

  #happened(path: string): void {
    const folder = dirname(path)
    const name = path.slice(folder.length + (folder === '/' ? 0 : 1))
    for (const watcher of Array.from(this.#watchers)) if (watcher.folder === folder) this.#tell(watcher, name)
  }

  #tell(watcher: Watcher, name: string | undefined): void {
    void (async () => {
      await this.#pace('event', name ?? '', 'begin')
      if (this.#watchers.has(watcher)) watcher.changed(name)
    })()
  }

  #loseContent(inode: Inode): void {
    const { content, synced } = inode
    if (content === synced) return
    const luck = this.#random()
    if (luck < 0.4) inode.content = synced
    else if (luck < 0.8) inode.content = content.slice(0, Math.floor(this.#random() * content.length))
    inode.synced = inode.content
  }
}

function isExpected(found: Entry | undefined, { stamp, content }: ExpectedFile): boolean {
  if (found === undefined || 'link' in found || statOf(found).stamp !== stamp) return false
  return content === undefined || Buffer.compare(found.content, content) === 0
}

/**
 * Makes a disk in memory.
 *
 * @param options clock, chance, and what decides who comes first
 *
 * @example
 * ```ts no-run
 * const disk = createMemoryDisk()
 * disk.makeFolder('/etc')
 * const store = await openJsonStore('/etc/config.json', { fs: disk.mount() })
 * disk.cut()
 * const again = await openJsonStore('/etc/config.json', { fs: disk.mount() })
 * ```
 */
export function createMemoryDisk(options: MemoryDiskOptions = {}): MemoryDisk {
  return new MemoryDisk(options)
}
