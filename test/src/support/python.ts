import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fetched, runCommand } from './fetched.ts'
import type { Missing } from './mongod.ts'
import { onPath } from './on-path.ts'

/** A Python that has pymongo. */
export interface Python {
  /** Where it is. */
  readonly python: string
}

const tryMs = 30_000
const installMs = 120_000

async function hasPymongo(python: string): Promise<boolean> {
  try {
    await runCommand(python, ['-c', 'import pymongo'], { timeoutMs: tryMs })
    return true
  } catch {
    return false
  }
}

/** The Python of a virtual environment. */
function within(environment: string): string {
  return process.platform === 'win32' ? join(environment, 'Scripts', 'python.exe') : join(environment, 'bin', 'python')
}

/** Makes an environment with pymongo. It may be moved afterwards: only its Python is run, and that finds its packages. */
async function install(python: string, folder: string): Promise<string> {
  const environment = join(folder, 'environment')
  await runCommand(python, ['-m', 'venv', environment], { timeoutMs: installMs })
  const quickly = ['--quiet', '--disable-pip-version-check', '--no-input', '--retries', '1', '--timeout', '15']
  const pip = ['-m', 'pip', 'install', ...quickly, '--only-binary', ':all:', 'pymongo>=4,<5']
  await runCommand(within(environment), pip, { timeoutMs: installMs })
  return environment
}

async function search(): Promise<Python | Missing> {
  const python = process.env['PYTHON'] || onPath('python3')
  if (python === undefined) return { why: 'no python3 on the PATH' }
  if (await hasPymongo(python)) return { python }
  try {
    // An environment leans on the Python that made it: another one gets its own.
    const which = await runCommand(python, ['-c', 'import sys; print(sys.base_prefix, sys.version)'], {
      timeoutMs: tryMs,
    })
    const name = `pymongo-4-${createHash('sha256').update(which).digest('hex').slice(0, 12)}`
    const own = within(await fetched({ name, make: (folder) => install(python, folder) }))
    return (await hasPymongo(own)) ? { python: own } : { why: 'pymongo was installed, and cannot be imported' }
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) }
  }
}

let found: Promise<Python | Missing> | undefined

/**
 * Finds a Python with pymongo: PYTHON, or the python3 of the PATH; where it lacks pymongo, an environment of its own in
 * the cache of `node_modules` that has it.
 */
export function findPython(): Promise<Python | Missing> {
  found ??= search()
  return found
}
