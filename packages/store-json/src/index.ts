/**
 * A store kept in a JSON file.
 *
 * @module
 */
export type { ExpectedFile, FileStat, FileSystem, NewFile } from './file-system.ts'
export { nodeFileSystem } from './node-file-system.ts'
export { type JsonStore, type JsonStoreOptions, openJsonStore } from './open-json-store.ts'
