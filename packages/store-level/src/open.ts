import { FanlightError, type Types, systemRandom } from '@fanlight/core'
import { type OptionRule, checkLimits, checkOptions, historyBounds, makeSourceId, randomWord } from '@fanlight/core/kit'
import { ClassicLevel } from 'classic-level'
import { Disk, type Level, diskError } from './disk.ts'
import { prepareFolder, syncFolder } from './folder.ts'
import { openFormat } from './format.ts'
import { LevelDbStore, type LevelStore, type LevelStoreOptions } from './level-store.ts'

/** What is refused before the folder is touched. */
const optionRules: Readonly<Record<string, OptionRule>> = {
  sync: [true, false],
  recentBytesMax: 'amount',
  waitingMax: 'count',
  waitingBytesMax: 'amount',
  commitBytesMax: 'amount',
}

/**
 * Opens a store in LevelDB, with its history, or makes a new one where the folder is new or empty. One process has it open
 * at a time.
 *
 * Every opening is a new incarnation of the source, so that a restored backup is never taken for what it was copied from;
 * points from before it count as far as the store continues them.
 *
 * @param location the folder; with `db` only a name for errors
 * @param options  name (default 'level'), history, `sync`, `db`, limits, clock, random, onEvent
 * @returns a store that takes commits, durable ones (L4) unless `sync` is false, with range guards, idempotent ids, and
 *   reads in the past (L0 to L9)
 * @throws UNAVAILABLE where the folder cannot be opened, or is open elsewhere; CORRUPT where it is something else, of a later
 *   format, or damaged: what is something else or later is left as it is; BAD_QUERY for a bad name, or an option out of
 *   its range
 *
 * @example
 * ```ts
 * import { put } from '@fanlight/core'
 * import { openLevelStore } from '@fanlight/store-level'
 * import { mkdtemp, rm } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 *
 * const folder = await mkdtemp(join(tmpdir(), 'example-'))
 * const store = await openLevelStore<{ '': { name: string } }>(folder)
 * const versions = await store.commit([put('ann', { name: 'Ann' })])
 * await store.close()
 *
 * const again = await openLevelStore<{ '': { name: string } }>(folder)
 * const { entries } = await again.fetch('ann', { min: versions })
 * console.log(entries[0]?.value.name) // Ann
 * await again.close()
 * await rm(folder, { recursive: true })
 * ```
 */
export async function openLevelStore<T extends Types = { '': unknown }>(
  location: string,
  options: LevelStoreOptions = {},
): Promise<LevelStore<T>> {
  if (typeof location !== 'string' || location === '') {
    throw new FanlightError('BAD_QUERY', 'a store needs the path of a folder: a string that is not empty')
  }
  checkOptions(options, optionRules)
  checkLimits(options.limits)
  historyBounds(options.history)
  const { db, name = 'level', random = systemRandom } = options
  // Before anything is touched, since a name may be refused.
  const source = makeSourceId(name, randomWord(random))
  const level = db ?? (await openFolder(location))
  const disk = new Disk(level, name)
  try {
    if (db !== undefined) await db.open().catch((error: unknown) => refuse(error, location))
    const opened = await openFormat(disk, location, source)
    return new LevelDbStore<T>(options, name, disk, opened)
  } catch (error) {
    if (db === undefined) await disk.close()
    throw error
  }
}

async function openFolder(location: string): Promise<Level> {
  await prepareFolder(location)
  const level = new ClassicLevel(location)
  await level.open().catch((error: unknown) => refuse(error, location))
  await syncFolder(location)
  return level
}

function refuse(error: unknown, location: string): never {
  throw diskError(error, location)
}
