/**
 * Collections of a MongoDB replica set as a store, whoever else writes them.
 *
 * @module
 */
export { timeOf, versionOf } from './cluster-time.ts'
export { type DocumentId, documentKey, documentOf } from './keys/document-key.ts'
export type { MongoStore } from './mongo-store.ts'
export { openMongoStore } from './open-mongo-store.ts'
export type { MongoLocation, MongoStoreOptions } from './options.ts'
export type { Collections } from './scope.ts'
