import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MongoMemoryServer } from 'mongodb-memory-server-core'
import { findMongod } from './mongod.ts'

/** A busy machine may take its time to start one: in milliseconds. */
export const launchTimeout = 60_000

/** What mongodb-memory-server has to know of the mongod that was found: with its version named it has no word of it. */
export async function foundBinary(): Promise<{ readonly systemBinary: string; readonly version: string }> {
  const found = await findMongod()
  if ('why' in found) throw new Error(`there is no mongod: ${found.why}`)
  return { systemBinary: found.binary, version: found.version }
}

/** Keeps a mongod small and quiet; what is given comes on top. */
export function frugal(given: readonly string[]): string[] {
  const args = ['--setParameter', 'diagnosticDataCollectionEnabled=false']
  // By itself it takes half of the memory there is.
  if (!given.includes('--wiredTigerCacheSizeGB')) args.push('--wiredTigerCacheSizeGB', '0.25')
  // One that is killed would leave its socket behind.
  if (process.platform !== 'win32') args.push('--nounixsocket')
  return [...args, ...given]
}

/** Does something with a new temporary folder, which is removed where that fails. */
export async function inFolder<Result>(start: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'fanlight-mongod-'))
  try {
    return await start(folder)
  } catch (error) {
    await removeFolder(folder)
    throw error
  }
}

/** Removes a folder of a mongod that has ended. */
export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

/** Kills the process, where it runs, and waits until it is gone. What it has written stays. */
export async function killServer(server: MongoMemoryServer): Promise<void> {
  const child = server.instanceInfo?.instance.mongodProcess
  if (child !== undefined) {
    const closed = once(child, 'close')
    child.kill('SIGKILL')
    await closed
  }
  await haltServer(server)
}

/** Ends it as one does, where it runs; afterwards it can be started again. */
export async function haltServer(server: MongoMemoryServer): Promise<void> {
  await server.stop({ doCleanup: false, force: false })
}
