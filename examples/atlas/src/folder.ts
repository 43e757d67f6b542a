import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UsageError } from './settings.ts'

/**
 * Makes a folder, and those above it. Folder by folder: where a file system has no room for any, as /proc, Node's own
 * recursive way never ends.
 */
export async function makeFolder(path: string): Promise<void> {
  const error = await made(path)
  if (error === undefined) return
  if (error.code === 'ENOENT' && !(await isFolder(dirname(path)))) {
    await makeFolder(dirname(path))
    const again = await made(path)
    if (again === undefined) return
    throw refused(path, again)
  }
  throw refused(path, error)
}

/** Why there is no folder now. */
async function made(path: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await mkdir(path)
    return undefined
  } catch (error) {
    return (await isFolder(path)) ? undefined : (error as NodeJS.ErrnoException)
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

function refused(path: string, { code, message }: NodeJS.ErrnoException): UsageError {
  return new UsageError(`The folder ${path} cannot be made (${code ?? message}): set DATA_DIR to one that can.`)
}
