/**
 * A store in LevelDB: durable, with its history on disk.
 *
 * @module
 */
export type { Level } from './disk.ts'
export type { LevelStore, LevelStoreOptions } from './level-store.ts'
export { openLevelStore } from './open.ts'
