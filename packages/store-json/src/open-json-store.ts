import {
  FanlightError,
  type TreeStoreOptions,
  type Types,
  type WritableStore,
  defaultLimits,
  defineStore,
  systemClock,
  systemRandom,
} from '@fanlight/core'
import { type OptionRule, checkOptions } from '@fanlight/core/kit'
import { basename, resolve } from 'node:path'
import type { FileSystem } from './file-system.ts'
import { JsonFile } from './json-file.ts'
import { nodeFileSystem } from './node-file-system.ts'

/** Options of `openJsonStore`. */
export interface JsonStoreOptions extends TreeStoreOptions {
  /**
   * How many levels of members make up a key. At 1 the members of the root are keys, as they are called. At 2 the members
   * of those are, at `key(first, second)`, and so on; a member above that is no object is at a key of fewer names; an
   * object above that is empty stays in the file, and is nothing in the store. Default 1.
   */
  readonly depth?: number | undefined
  /** Whether a file that is missing is no error: it is made by the first commit. Default true. */
  readonly create?: boolean | undefined
  /** The mode of a file that the store makes. A file that it replaces hands on its own. Default 0o600. */
  readonly mode?: number | undefined
  /** How long a file must be left alone before what somebody else did to it is looked at: milliseconds. Default 50. */
  readonly settleMs?: number | undefined
  /** How often a look is taken where the folder cannot be watched, or the file is missing or broken: milliseconds. Default 1,000. */
  readonly pollMs?: number | undefined
  /** How long a commit waits for a file that somebody else left half-written: milliseconds. Default 1,000. */
  readonly patienceMs?: number | undefined
  /**
   * What becomes of whole numbers beyond 2^53 in the file, which a JavaScript number cannot hold. `'allow'`: values show them
   * rounded; the file keeps them until their own member is committed anew. `'refuse'`: they are BAD_VALUE. Default 'allow'.
   */
  readonly rounding?: 'allow' | 'refuse' | undefined
  /** How large the file may be: bytes. Default 64 MiB. */
  readonly bytesMax?: number | undefined
  /** Default that of the machine. */
  readonly fs?: FileSystem | undefined
}

/** A store kept in a JSON file: `openJsonStore` makes one. */
export type JsonStore<T extends Types = { '': unknown }> = WritableStore<T>

const optionRules: Readonly<Record<string, OptionRule>> = {
  create: [true, false],
  mode: 'count',
  settleMs: 'amount',
  pollMs: 'amount',
  patienceMs: 'amount',
  rounding: ['allow', 'refuse'],
  bytesMax: 'amount',
}

/** The deepest that keys can go. */
const depthMax = 16

/**
 * Opens a JSON file as a store: each member of its root is a key.
 *
 * **Out.** The file is watched, also through editors that save by renaming. A burst of changes is taken in as one commit when
 * it is over. Content that is half-written, broken, or no object keeps the last good state; the store is stale, and says why,
 * until the content is good again. So it does when the file is deleted, until there is one again.
 *
 * **In.** A commit resolves when the file that holds it, and its name, are on the disk (fsync of both); commits that wait
 * share one write. Before that nobody is shown it (L4). The file is replaced as one, so that a process which is killed leaves
 * the old content or the new. It keeps its mode, its owner where that is allowed, its layout, the order of its members, and
 * the exact text of what was not changed; new members stand behind the others. Of a symbolic link the target is replaced.
 * Hard links to the file, access control lists and extended attributes are not carried over.
 *
 * **Both.** What somebody else wrote is taken in first, as a commit of its own; ours is then applied, or is a CONFLICT where
 * its `basis` says so. The file is looked at right before it is replaced. POSIX has no way to look and replace as one: a write
 * of another process that falls into the microseconds between is lost. A writer who does not look before it writes can
 * overwrite what was committed; the store then shows that too.
 *
 * Each opening is a source of its own, which continues nothing: points and ids of before are SOURCE_RESET. Bytes and -0 have
 * no form in JSON: to commit them is BAD_VALUE. Of several members of one name the last counts.
 *
 * @param path    the file
 * @param options history (default 64 MiB or 100,000 commits), name (default the file's), limits, clock, random, onEvent, and
 *   those below
 * @throws CORRUPT where the file is no JSON object, with line and column; the file stays as it is
 * @throws UNAVAILABLE where it cannot be read, or is missing and `create` is false
 * @throws BAD_VALUE, BAD_KEY where it holds what a store cannot: a member `__proto__` inside a value, 1e999, half of a surrogate pair
 * @throws TOO_LARGE, BAD_QUERY (an option), STALLED
 *
 * @example
 * ```ts
 * import { put } from '@fanlight/core'
 * import { openJsonStore } from '@fanlight/store-json'
 * import { mkdtemp, readFile } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 *
 * const path = join(await mkdtemp(join(tmpdir(), 'fanlight-')), 'config.json')
 * const config = await openJsonStore<{ '': string }>(path)
 * await config.commit([put('language', 'en'), put('theme', 'dark')])
 * console.log(JSON.parse(await readFile(path, 'utf8'))) // { language: 'en', theme: 'dark' }
 * await config.close()
 * ```
 */
export async function openJsonStore<T extends Types = { '': unknown }>(
  path: string,
  options: JsonStoreOptions = {},
): Promise<JsonStore<T>> {
  const file = resolve(path)
  const { depth = 1, clock = systemClock, random = systemRandom, history = {}, name = nameOf(file) } = options
  if (!Number.isInteger(depth) || depth < 1 || depth > depthMax) {
    const message = `depth is a whole number from 1 to ${depthMax}, not ${depth}`
    throw new FanlightError('BAD_QUERY', message, { store: name })
  }
  checkOptions(options, optionRules)
  const driver = new JsonFile({
    path: file,
    name,
    depth,
    create: options.create ?? true,
    mode: options.mode ?? 0o600,
    settleMs: options.settleMs ?? 50,
    pollMs: options.pollMs ?? 1_000,
    patienceMs: options.patienceMs ?? 1_000,
    rounding: options.rounding ?? 'allow',
    bytesMax: options.bytesMax ?? 2 ** 26,
    valueDepth: options.limits?.valueDepth ?? defaultLimits.valueDepth,
    fs: options.fs ?? nodeFileSystem,
    clock,
    random,
  })
  return (await defineStore<T>(driver, { ...options, name, history })) as JsonStore<T>
}

/** A source has a name without `@`. */
function nameOf(file: string): string {
  return basename(file).replaceAll('@', '-') || 'json'
}
