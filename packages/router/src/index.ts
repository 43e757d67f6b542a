/**
 * Mounts stores into one keyspace, with answers that are true at one moment of every source.
 *
 * @module
 */
export type { AnyStore, Mountable, MountedStore, MountOptions } from './mount.ts'
export type { MountChanges } from './mount-table.ts'
export type { RoutedTypes, RouterLimits, RouterOptions } from './options.ts'
export { createRouter, type Router } from './router.ts'
export { RouterPart } from './router-part.ts'
