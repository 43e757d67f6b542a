import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Document } from 'mongodb'
import type { MongoMemoryReplSet, MongoMemoryServer } from 'mongodb-memory-server-core'
import { foundBinary, frugal, haltServer, inFolder, killServer, launchTimeout, removeFolder } from './mongod-process.ts'

/** How a replica set is started. */
export interface ReplicaSetOptions {
  /** How many members it has. Default is 1. */
  readonly members?: number
  /** How much it remembers, in megabytes: a small one forgets soon. Default is what mongod takes. */
  readonly oplogSizeMb?: number
  /** More arguments of each mongod. Default is none. */
  readonly args?: readonly string[]
}

/** A set that has settled on nothing for so long is broken: in milliseconds. */
const patienceMs = 60_000
const lookMs = 50

/** What a member says of itself; undefined: it does not answer. */
async function hello(server: MongoMemoryServer): Promise<Document | undefined> {
  const port = server.instanceInfo?.port
  if (port === undefined || !isAlive(server)) return undefined
  // Loaded where it is needed: most tests that are helped from here have nothing to do with it.
  const { MongoClient } = await import('mongodb')
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true&serverSelectionTimeoutMS=1000`)
  try {
    return await client.db('admin').command({ hello: 1 })
  } catch {
    return undefined
  } finally {
    await client.close()
  }
}

function isAlive(server: MongoMemoryServer): boolean {
  return server.instanceInfo?.instance.mongodProcess !== undefined
}

/** Waits until there is something to give. */
async function until<Result>(what: string, look: () => Promise<Result | undefined>): Promise<Result> {
  const end = Date.now() + patienceMs
  while (Date.now() < end) {
    const result = await look()
    if (result !== undefined) return result
    await sleep(lookMs)
  }
  throw new Error(`no ${what} after ${patienceMs / 1000} s`)
}

/** A replica set of real mongods: `startReplicaSet` starts one. */
export class ReplicaSet implements AsyncDisposable {
  /** Where it is, with all its members, and its name as `replicaSet=`. */
  readonly uri: string
  readonly #set: MongoMemoryReplSet
  readonly #servers: readonly MongoMemoryServer[]
  readonly #folder: string

  /** @internal */
  constructor(set: MongoMemoryReplSet, folder: string) {
    this.uri = set.getUri()
    this.#set = set
    this.#servers = [...set.servers]
    this.#folder = folder
  }

  /**
   * Kills the process of a member with SIGKILL, and waits until it is gone. Its data stay.
   *
   * @param member its number, from 0. Default is the primary
   * @returns its number
   */
  async kill(member: number | 'primary' = 'primary'): Promise<number> {
    const number = member === 'primary' ? await this.#primary() : member
    await killServer(this.#server(number))
    return number
  }

  /**
   * Starts a member again, with its port and its data; one that still runs is ended first, as one does. Waits until the
   * member takes part, and the set has a primary, where enough members are there for one.
   */
  async restart(member: number): Promise<void> {
    const server = this.#server(member)
    await haltServer(server)
    await server.start(true)
    await this.#ready(server)
    if (this.#servers.filter(isAlive).length * 2 > this.#servers.length) await this.#primary()
  }

  /** Kills all members, and removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => killServer(server)))
    await this.#set.stop({ doCleanup: false, force: false })
    await removeFolder(this.#folder)
  }

  /** Ends it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** @internal Waits until all members take part. */
  async ready(): Promise<void> {
    await Promise.all(this.#servers.map((server) => this.#ready(server)))
    await this.#primary()
  }

  #server(member: number): MongoMemoryServer {
    const server = this.#servers[member]
    if (server === undefined) throw new Error(`there is no member ${member}`)
    return server
  }

  async #ready(server: MongoMemoryServer): Promise<void> {
    await until('member that takes part', async () => {
      const said = await hello(server)
      return said?.['isWritablePrimary'] === true || said?.['secondary'] === true ? said : undefined
    })
  }

  #primary(): Promise<number> {
    return until('primary', async () => {
      const said = await Promise.all(this.#servers.map(hello))
      const number = said.findIndex((answer) => answer?.['isWritablePrimary'] === true)
      return number === -1 ? undefined : number
    })
  }
}

/**
 * Starts a replica set, and waits until it has a primary and all its members take part.
 *
 * @throws where there is no mongod: declare the test with `needsMongod`
 */
export async function startReplicaSet(options: ReplicaSetOptions = {}): Promise<ReplicaSet> {
  const { members = 1, oplogSizeMb, args: given = [] } = options
  const binary = await foundBinary()
  const { MongoMemoryReplSet } = await import('mongodb-memory-server-core')
  const args = frugal(oplogSizeMb === undefined ? given : ['--oplogSize', String(oplogSizeMb), ...given])
  return inFolder(async (folder) => {
    const instanceOpts = Array.from({ length: members }, (_, number) => ({
      dbPath: join(folder, String(number)),
      launchTimeout,
    }))
    await Promise.all(instanceOpts.map(({ dbPath }) => mkdir(dbPath)))
    const replSet = { storageEngine: 'wiredTiger', count: members, args } as const
    const set = new ReplicaSet(await MongoMemoryReplSet.create({ binary, instanceOpts, replSet }), folder)
    try {
      await set.ready()
      return set
    } catch (error) {
      await set.stop()
      throw error
    }
  })
}
