import { readFile, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** A planted bug: a patch, the law that it breaks, and the tests that must notice. */
export interface Mutant {
  readonly name: string
  readonly file: string
  readonly law: string
  /** Test files or folders, as vitest takes them. */
  readonly tests: readonly string[]
  /** The packages that the patch changes: they must still compile. */
  readonly packages: readonly string[]
}

/**
 * Reads the patches of a folder. Before its first hunk a patch says which law it breaks and which tests must notice:
 * `law: L1` and `tests: packages/core/src/memory`.
 */
export async function readMutants(folder: string): Promise<Mutant[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.patch')).sort()
  return Promise.all(files.map((file) => readMutant(join(folder, file))))
}

async function readMutant(file: string): Promise<Mutant> {
  const text = await readFile(file, 'utf8')
  const field = (name: string): string => {
    const value = new RegExp(`^${name}: (.+)$`, 'm').exec(text)?.[1]
    if (value === undefined) throw new Error(`${file} does not say its ${name}`)
    return value.trim()
  }
  const packages = [...text.matchAll(/^\+\+\+ b\/packages\/([a-z-]+)\//gm)].map(([, name]) => name ?? '')
  return {
    name: basename(file, '.patch'),
    file,
    law: field('law'),
    tests: field('tests').split(/\s+/),
    packages: [...new Set(packages)],
  }
}
