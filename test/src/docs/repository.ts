import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository. */
export const root: string = fileURLToPath(new URL('../../..', import.meta.url))

/** The text of a file, by its path from the root. */
export function readText(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** Folders that hold what was made, not what was written. */
const made = new Set(['node_modules', 'dist', 'coverage', 'data', 'tmp'])

/** Whether a folder holds what was written: of those with a dot in front only the one of the continuous integration. */
function isWritten(name: string): boolean {
  return !made.has(name) && (!name.startsWith('.') || name === '.ci')
}

/** The paths, from the root, of the files in a folder and below it, in order. */
export function filesUnder(folder: string): string[] {
  const files: string[] = []
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory() && isWritten(entry.name)) files.push(...filesUnder(path))
    else if (entry.isFile()) files.push(path)
  }
  return files.sort()
}

/** The documents whose blocks of code run. */
export function documents(): string[] {
  return filesUnder('').filter((path) => /^(README|ARCHITECTURE)\.md$|^docs\/.*\.md$/.test(path))
}

/** The sources of the packages, tests left out. */
export function sources(): string[] {
  return filesUnder('packages').filter(
    (path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path) && !/\.test(-d)?\.ts$/.test(path),
  )
}
