import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository. */
const root = fileURLToPath(new URL('../../..', import.meta.url))

/** Where everything stays that tests have fetched: it outlives a run, and processes share it. */
const cacheFolder = join(root, 'node_modules/.cache/fanlight-mongod')

/** For so long nobody tries again what has failed: or each file of tests would wait for a network that is not there. */
const failureLastsMs = 10 * 60_000

/** What the names of temporary folders begin with, and how old one is that nobody works in: in milliseconds. */
const temporary = 'new-'
const abandonedMs = 60 * 60_000

/** How a command is run. */
export interface RunOptions {
  /** It is killed when it runs for longer. */
  readonly timeoutMs: number
  /** What its environment has besides that of this process. */
  readonly env?: Readonly<Record<string, string>>
}

/**
 * Runs a command to its end.
 *
 * @returns its output
 * @throws with the last line of its complaints, where it fails or takes too long
 */
export function runCommand(file: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { timeoutMs, env } = options
  return new Promise((resolve, reject) => {
    const settings = {
      // A package of `test` may be resolved from here.
      cwd: join(root, 'test'),
      env: { ...process.env, ...env },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: 16 * 2 ** 20,
    } as const
    execFile(file, args, settings, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      if (error.killed === true) return reject(new Error(`it took more than ${Math.ceil(timeoutMs / 1000)} s`))
      if (typeof error.code === 'string') return reject(new Error(`it does not start: ${error.code}`))
      reject(new Error(stderr.trim().split('\n').at(-1)?.trim() || `it ended with ${error.code ?? error.signal}`))
    })
  })
}

/** How something is fetched. */
export interface Fetch {
  /** Its name in the cache, with its version. */
  readonly name: string
  /** Makes it, and returns where it is, anywhere in a temporary folder that is removed afterwards. */
  readonly make: (folder: string) => Promise<string>
}

/** How old a file or folder is, in milliseconds. One that is not there is as old as can be. */
async function ageMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch {
    return Infinity
  }
}

/** Makes a temporary folder in the cache. Those that were left by processes that were killed go first. */
async function temporaryFolder(): Promise<string> {
  await mkdir(cacheFolder, { recursive: true })
  for (const name of await readdir(cacheFolder)) {
    const path = join(cacheFolder, name)
    if (name.startsWith(temporary) && (await ageMs(path)) > abandonedMs)
      await rm(path, { recursive: true, force: true })
  }
  return mkdtemp(join(cacheFolder, temporary))
}

/** Moves it to where it stays, in one step: nobody sees a part of it. Whoever comes second leaves what is there. */
async function settle(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (!existsSync(to)) throw error
  }
}

/**
 * Gives what this or another process has fetched before, and fetches it where it is missing.
 *
 * @returns where it is
 * @throws where it cannot be fetched, now or a short time ago
 */
export async function fetched({ name, make }: Fetch): Promise<string> {
  const path = join(cacheFolder, name)
  if (existsSync(path)) return path
  const failure = `${path}.failed`
  if ((await ageMs(failure)) < failureLastsMs) throw new Error(await readFile(failure, 'utf8'))
  const folder = await temporaryFolder()
  try {
    await settle(await make(folder), path)
    return path
  } catch (error) {
    await writeFile(failure, error instanceof Error ? error.message : String(error))
    throw error
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
