/**
 * The folder of a store: a file in it says what the folder is, so that one which is something else is never touched.
 * LevelDB leaves files alone whose names it does not know.
 *
 * @module
 */
import { mkdir, open, readFile, readdir, rename } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { FanlightError } from '@fanlight/core'
import { formatText, readFormat } from './format.ts'

/** Says what the folder is, and in which format. */
const markerName = 'FANLIGHT'
const temporaryName = `${markerName}.tmp`

/**
 * Makes sure that a folder is one of a store, or makes a new or empty one so.
 *
 * @throws CORRUPT where it is something else, or of a later format, or without its data: then it is as it was;
 *   UNAVAILABLE where it cannot be read or made
 */
export async function prepareFolder(location: string): Promise<void> {
  try {
    const names = await namesIn(location)
    if (!names.includes(markerName)) return await markFolder(location, names)
    const text = await readFile(join(location, markerName), 'utf8')
    readFormat(text.trimEnd(), location)
    // LevelDB would begin anew, and remove what it finds.
    const tables = names.some((name) => /\.(?:ldb|sst)$/.test(name))
    if (tables && !names.includes('CURRENT')) throw foreign(location, 'its file CURRENT is missing: restore a backup')
  } catch (error) {
    if (error instanceof FanlightError) throw error
    const message = `the folder ${location} cannot be read or made: see the cause`
    throw new FanlightError('UNAVAILABLE', message, { store: location, cause: error })
  }
}

/** Makes what was written in a folder durable: the names of its files. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } catch (error) {
    // Not every system can do so with a folder; those that cannot do it by themselves.
    if (!['EISDIR', 'EPERM', 'EINVAL', 'EBADF'].includes((error as { code?: string }).code ?? '')) throw error
  } finally {
    await folder.close()
  }
}

async function namesIn(location: string): Promise<string[]> {
  try {
    return await readdir(location)
  } catch (error) {
    if ((error as { code?: string }).code !== 'ENOENT') throw error
    await mkdir(location, { recursive: true })
    await syncFolder(dirname(resolve(location)))
    return []
  }
}

async function markFolder(location: string, names: readonly string[]): Promise<void> {
  // What a crash left of the marker is ours.
  if (names.some((name) => name !== temporaryName)) {
    throw foreign(location, 'it holds other things: name an empty folder, or one that openLevelStore made')
  }
  const temporary = join(location, temporaryName)
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(`${formatText}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, join(location, markerName))
  await syncFolder(location)
}

function foreign(location: string, why: string): FanlightError {
  return new FanlightError('CORRUPT', `${location} is no folder of a store that can be opened; ${why}`, {
    store: location,
  })
}
