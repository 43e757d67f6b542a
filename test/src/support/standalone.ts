import type { MongoMemoryServer } from 'mongodb-memory-server-core'
import { foundBinary, frugal, inFolder, killServer, launchTimeout, removeFolder } from './mongod-process.ts'

/** A mongod that is no member of a replica set: `startStandalone` starts one. */
export class Standalone implements AsyncDisposable {
  /** Where it is. */
  readonly uri: string
  readonly #server: MongoMemoryServer
  readonly #folder: string

  /** @internal */
  constructor(server: MongoMemoryServer, folder: string) {
    this.uri = server.getUri()
    this.#server = server
    this.#folder = folder
  }

  /** Ends it, and removes what it has written. */
  async stop(): Promise<void> {
    await killServer(this.#server)
    await removeFolder(this.#folder)
  }

  /** Ends it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/**
 * Starts a mongod without a replica set, which knows neither change streams nor transactions.
 *
 * @param args - more arguments of mongod
 * @throws where there is no mongod: declare the test with `needsMongod`
 */
export async function startStandalone(...args: readonly string[]): Promise<Standalone> {
  const binary = await foundBinary()
  const { MongoMemoryServer } = await import('mongodb-memory-server-core')
  return inFolder(async (folder) => {
    const instance = { dbPath: folder, storageEngine: 'wiredTiger', args: frugal(args), launchTimeout } as const
    return new Standalone(await MongoMemoryServer.create({ binary, instance }), folder)
  })
}
