import { type MongoStore, type MongoStoreOptions, openMongoStore } from '@fanlight/store-mongo'
import { type Db, MongoClient } from 'mongodb'
import { afterAll, beforeAll } from 'vitest'
import { type ReplicaSet, type ReplicaSetOptions, startReplicaSet } from '../support/index.ts'

let databases = 0

/** The replica set of a file of tests, and databases of it. */
export class UsedSet {
  #set: ReplicaSet | undefined
  #client: MongoClient | undefined
  readonly #apart: MongoClient[] = []

  constructor(options: ReplicaSetOptions) {
    beforeAll(async () => {
      this.#set = await startReplicaSet(options)
      this.#client = new MongoClient(this.#set.uri)
    }, 180_000)
    afterAll(async () => {
      await Promise.all(this.#apart.map((client) => client.close()))
      await this.#client?.close()
      await this.#set?.stop()
    })
  }

  get set(): ReplicaSet {
    if (this.#set === undefined) throw new Error('there is no replica set yet')
    return this.#set
  }

  get client(): MongoClient {
    if (this.#client === undefined) throw new Error('there is no client yet')
    return this.#client
  }

  /** A database that nobody has used. */
  database(): Db {
    return this.client.db(`test${databases++}`)
  }

  /** A store of a database, with the collections `a` and `b` unless others are named. */
  open(db: Db, options: MongoStoreOptions = {}): Promise<MongoStore> {
    return openMongoStore(this.client, { database: db.databaseName, collections: ['a', 'b'], ...options })
  }

  /** The same, with a client of its own: only its commands are met by a fail point for this name. */
  openApart(db: Db, appName: string, options: MongoStoreOptions = {}): Promise<MongoStore> {
    const client = new MongoClient(this.set.uri, { appName, monitorCommands: true })
    this.#apart.push(client)
    return openMongoStore(client, { database: db.databaseName, collections: ['a', 'b'], ...options })
  }
}

/** Starts a replica set for the tests of a file, and ends it after them. */
export function useReplicaSet(options: ReplicaSetOptions = {}): UsedSet {
  return new UsedSet(options)
}
