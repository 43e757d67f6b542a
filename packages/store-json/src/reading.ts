import { FanlightError } from '@fanlight/core'
import { dirname, resolve } from 'node:path'
import type { FileStat, FileSystem } from './file-system.ts'

/** Where a path leads to, and what has to be watched to know that it still does. */
export interface Place {
  /** The file itself: the path, with the symbolic links at its end followed. */
  readonly target: string
  /** The path, each link on the way, and the target. */
  readonly paths: readonly string[]
}

/** The content of a file, and what it was like before and after it was read. */
export interface FileReading {
  readonly content: Uint8Array
  readonly stat: FileStat
}

/** As many links as Linux follows. */
const linksMax = 40

/** How often a file that changes while it is read is read again at once. */
const readsMax = 5

/**
 * Follows the symbolic links at the end of a path, also to a file that is not there yet.
 *
 * @throws UNAVAILABLE where they lead in a circle; what the file system throws
 */
export async function findPlace(fs: FileSystem, path: string): Promise<Place> {
  const paths: string[] = []
  let target = path
  for (let i = 0; i <= linksMax; i++) {
    paths.push(target)
    const link = await fs.readLink(target)
    if (link === undefined) return { target, paths }
    target = resolve(dirname(target), link)
  }
  throw new FanlightError('UNAVAILABLE', `${path} is a link that leads to no file: its links lead in a circle`)
}

/**
 * Reads a file whole, at one moment.
 *
 * @returns undefined where there is none
 * @throws TOO_LARGE; UNAVAILABLE where it is no file, or changes all the time; what the file system throws
 */
export async function readWhole(fs: FileSystem, path: string, bytesMax: number): Promise<FileReading | undefined> {
  let stat = await fs.stat(path)
  for (let i = 0; i < readsMax; i++) {
    if (stat === undefined) return undefined
    if (!stat.isFile) throw new FanlightError('UNAVAILABLE', `${path} is no file: name one that holds a JSON object`)
    if (stat.bytes > bytesMax) throw tooLarge(path, stat.bytes, bytesMax)
    const content = await readOrNothing(fs, path)
    const after = await fs.stat(path)
    if (content !== undefined && after?.stamp === stat.stamp && content.length === stat.bytes) return { content, stat }
    stat = after
  }
  throw new FanlightError('UNAVAILABLE', `${path} changes all the time: it is read again when that ends`)
}

/** TOO_LARGE for a file. */
export function tooLarge(path: string, bytes: number, bytesMax: number): FanlightError {
  const message = `${path} is of ${bytes} bytes, the limit is ${bytesMax}: raise bytesMax, or keep this in a store that holds more`
  return new FanlightError('TOO_LARGE', message)
}

/** What is in a file; undefined where it went meanwhile. */
async function readOrNothing(fs: FileSystem, path: string): Promise<Uint8Array | undefined> {
  try {
    return await fs.readFile(path)
  } catch (error) {
    if ((await fs.stat(path)) === undefined) return undefined
    throw error
  }
}

/** Whether two contents are the same; undefined is that of no file. */
export function sameContent(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return Buffer.compare(a, b) === 0
}
