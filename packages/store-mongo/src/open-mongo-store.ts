import { FanlightError, type Types } from '@fanlight/core'
import { type OptionRule, checkLimits, checkOptions, historyBounds, makeSourceId } from '@fanlight/core/kit'
import { type Db, type DbOptions, MongoClient } from 'mongodb'
import { mongoError } from './errors.ts'
import { MongoDbStore, type MongoStore } from './mongo-store.ts'
import type { MongoLocation, MongoStoreOptions } from './options.ts'

const optionRules: Readonly<Record<string, OptionRule>> = { onUnmapped: 'function' }

/** Whole numbers from 1 up to these. */
const numbers = { idleMs: 60_000, idsKeptSeconds: 2 ** 31, waitingMax: 2 ** 31 } as const

/**
 * How everything is read and written, whatever the client says: as it is, and at the primary. What text or regular
 * expression another program wrote must not be able to stop the change stream.
 */
const databaseOptions: DbOptions = {
  readPreference: 'primary',
  bsonRegExp: true,
  enableUtf8Validation: false,
  promoteValues: true,
  promoteLongs: true,
  promoteBuffers: false,
  useBigInt64: false,
  ignoreUndefined: false,
  raw: false,
}

/** MongoDB 6.0: change streams name the collection, and reads can ask for just that one. */
const wireVersionMin = 17

/**
 * Opens collections of a MongoDB replica set as a store: documents under the keys `collection/id`, whoever writes them.
 * docs/mongo.md says what is promised, and what is not.
 *
 * @param location a URI, of which the store makes a client that it closes; or a client, which stays open
 * @param options  which `collections` (default: all), `database`, `ownCollection`, history, `idleMs`, limits, clock, random
 * @returns a store that takes durable commits (L4) with guards of single keys and idempotent ids, and reads in the past as far as
 *   the server keeps it (L0 to L9)
 * @throws UNSUPPORTED for a server that is no replica set, or before 6.0; UNAVAILABLE where none is reached; AUTH_NEEDED,
 *   FORBIDDEN; BAD_QUERY for a bad option
 *
 * @example
 * ```ts
 * import { get, put } from '@fanlight/core'
 * import { openMongoStore } from '@fanlight/store-mongo'
 *
 * const uri = process.env['MONGODB_URI'] ?? 'mongodb://localhost:27017/?replicaSet=rs0'
 * const store = await openMongoStore(uri, { database: 'app', collections: ['users'] })
 * await store.commit([put('users/ann', { name: 'Ann' })])
 * console.log(await get(store, 'users/ann')) // { name: 'Ann' }
 * await store.close()
 * ```
 */
export async function openMongoStore<T extends Types = { '': unknown }>(
  location: MongoLocation,
  options: MongoStoreOptions = {},
): Promise<MongoStore<T>> {
  checkOptions(options, optionRules)
  checkNumbers(options)
  checkLimits(options.limits)
  historyBounds(options.history)
  const { name = 'mongo' } = options
  // Before anything is connected to, since a name may be refused.
  makeSourceId(name, 'incarnation')
  const own = location instanceof MongoClient ? undefined : clientOf(location)
  const client = own ?? (location as MongoClient)
  const end = async (): Promise<void> => own?.close()
  try {
    const db = databaseOf(client, location, options)
    const store = new MongoDbStore<T>(options, db, end)
    await refuseOthers(db, name)
    await store.start()
    return store
  } catch (error) {
    await end()
    throw mongoError(error, name)
  }
}

function clientOf(uri: string): MongoClient {
  try {
    if (typeof uri !== 'string') throw new TypeError('neither a URI nor a client')
    return new MongoClient(uri, { serverSelectionTimeoutMS: 10_000 })
  } catch (error) {
    throw new FanlightError(
      'BAD_QUERY',
      'a MongoDB store needs a URI such as mongodb://host:27017/app?replicaSet=rs0',
      {
        cause: error,
      },
    )
  }
}

function databaseOf(client: MongoClient, location: MongoLocation, { database, ownCollection }: MongoStoreOptions): Db {
  for (const name of [database, ownCollection]) {
    if (name !== undefined && (typeof name !== 'string' || name === '')) throw noName()
  }
  // What stands behind the host of a URI.
  const named = typeof location !== 'string' || /^[^/]+\/\/[^/]+\/[^?]/.test(location)
  const db = client.db(database, databaseOptions)
  // The driver's own default says that nobody named one.
  if (database !== undefined || (named && (typeof location === 'string' || db.databaseName !== 'test'))) return db
  throw noName()
}

function noName(): FanlightError {
  const message =
    'name the database: in the URI (mongodb://host/app), or as the option `database`; ownCollection is a name too'
  return new FanlightError('BAD_QUERY', message)
}

/** @throws BAD_QUERY */
function checkNumbers(options: MongoStoreOptions): void {
  for (const [name, most] of Object.entries(numbers)) {
    const value = options[name as keyof typeof numbers]
    if (value === undefined || (Number.isSafeInteger(value) && value > 0 && value <= most)) continue
    throw new FanlightError('BAD_QUERY', `${name} must be a whole number from 1 to ${most}, not ${String(value)}`)
  }
}

/** @throws UNSUPPORTED where there is no log to follow */
async function refuseOthers(db: Db, store: string): Promise<void> {
  const hello = await db.command({ hello: 1 })
  if (hello['msg'] === 'isdbgrid') {
    throw new FanlightError('UNSUPPORTED', 'a sharded cluster has no one order of commits: open a replica set', {
      store,
    })
  }
  if (hello['setName'] === undefined) {
    const message =
      'this mongod is no replica set, and so tells of no changes: start it with --replSet rs0, and run rs.initiate() once in mongosh'
    throw new FanlightError('UNSUPPORTED', message, { store })
  }
  if (Number(hello['maxWireVersion']) < wireVersionMin) {
    throw new FanlightError('UNSUPPORTED', 'MongoDB 6.0 or newer is needed', { store })
  }
}
