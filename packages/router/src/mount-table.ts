import type { SourceId } from '@fanlight/core'
import { makeSourceId, sourceName } from '@fanlight/core/kit'
import { digest } from './digest.ts'
import { badMount, type Mount, type Mountable, readMount } from './mount.ts'
import { Table } from './table.ts'

/** How much a version may grow by at once. */
const stepMax = 2 ** 20

/** How many mounts the former tables may have together. */
const formerMountsMax = 1_000_000

/** What to mount where; undefined: nothing any more. */
export type MountChanges = Readonly<Record<string, Mountable | undefined>>

/**
 * The table of mounts as a source: a change of mounts is a commit to it.
 *
 * Its incarnation is a digest of the mounts that it began with, and each version is the one before plus a digest of what
 * changed. So equal versions mean equal tables, in every process: one that starts with the same mounts and changes them
 * in the same way continues the points of another, and one that changed them in another way finds such points foreign.
 */
export class MountTable {
  readonly source: SourceId
  readonly #formerMax: number
  /** The tables before the current one, the oldest first. */
  #former: Table[] = []
  #formerMounts = 0
  #current: Table

  constructor(name: string, mounts: readonly Mount[], formerMax: number) {
    this.#formerMax = formerMax
    this.#current = new Table(0, mounts, 0)
    this.source = makeSourceId(name, digest(this.#current.mounts.map(textOf).join('\n')).hex)
  }

  get current(): Table {
    return this.#current
  }

  /** The version of the oldest table that is still known. */
  get oldest(): number {
    return this.#former[0]?.version ?? this.#current.version
  }

  /** The table of exactly this version. */
  at(version: number): Table | undefined {
    if (version === this.#current.version) return this.#current
    return this.#former.findLast((table) => table.version === version)
  }

  /**
   * The table after these changes; it is not entered yet.
   *
   * @throws BAD_MOUNT, BAD_KEY
   */
  changed(changes: MountChanges): Table {
    const before = this.#current
    const names = Object.keys(changes).sort()
    const mounts = new Map(before.mounts.map((mount) => [mount.prefix, mount]))
    const text = names.map((prefix) => textOfChange(prefix, changes[prefix])).join('\n')
    const version = before.version + 1 + (digest(text, before.version).low % stepMax)
    for (const prefix of names) {
      const mountable = changes[prefix]
      if (mountable !== undefined) mounts.set(prefix, readMount(prefix, mountable, version))
      else if (!mounts.delete(prefix)) throw badMount(prefix, 'nothing is mounted there')
    }
    const moved = names.filter((prefix) => changes[prefix] === undefined || before.at(prefix) === undefined)
    return narrowed(new Table(version, mounts.values(), before.bareSince), moved)
  }

  /**
   * Makes a table the current one.
   *
   * @param check is called while it is; where it throws, nothing has changed
   */
  enter(table: Table, check: () => void): void {
    const former = this.#current
    this.#current = table
    try {
      check()
    } catch (error) {
      this.#current = former
      throw error
    }
    this.#former.push(former)
    this.#formerMounts += former.mounts.length
    while (this.#former.length > this.#formerMax || this.#formerMounts > formerMountsMax) {
      this.#formerMounts -= this.#former.shift()?.mounts.length ?? 0
    }
  }
}

/** The same table, in which what lies around places that came or went says that its keys changed. */
function narrowed(table: Table, moved: readonly string[]): Table {
  const touched = new Set(moved.map((prefix) => table.around(prefix)))
  if (touched.size === 0) return table
  const mounts = table.mounts.map((mount) => (touched.has(mount) ? { ...mount, since: table.version } : mount))
  return new Table(table.version, mounts, touched.has(undefined) ? table.version : table.bareSince)
}

function textOf({ prefix, store }: Mount): string {
  const names = store.sources.map(sourceName).sort()
  return JSON.stringify([prefix, names])
}

function textOfChange(prefix: string, mountable: Mountable | undefined): string {
  return mountable === undefined ? JSON.stringify([prefix]) : textOf(readMount(prefix, mountable, 0))
}
