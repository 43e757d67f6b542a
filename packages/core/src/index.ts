/**
 * What users of Fanlight touch: stores, what is asked of them, and the helpers. Building blocks for authors of stores are
 * in `@fanlight/core/kit`.
 *
 * @module
 */
export {
  type Clock,
  type Random,
  type Seams,
  systemClock,
  systemRandom,
} from './ambient.ts'
export type { BaseOptions } from './base-store.ts'
export { defineStore } from './define-store.ts'
export type {
  Again, Driver, DriverCommit, DriverReading, DriverStop, Pushed, WriteOptions, Written,
} from './driver.ts'
export { type ErrorCode, type ErrorFacts, FanlightError, errorCodes, isFanlightError } from './errors.ts'
export { Group, type GroupStep, group } from './helpers/group.ts'
export { Live, type LiveOptions, live } from './helpers/live.ts'
export { Mirror, type MirrorOptions, type Settable, mirror } from './helpers/mirror.ts'
export { type ObserveOptions, observe } from './helpers/observe.ts'
export { Page, type PageMore, page } from './helpers/page.ts'
export { pick } from './helpers/pick.ts'
export type { SchemaOutput, StandardIssue, StandardResult, StandardSchema } from './helpers/standard-schema.ts'
export { type TransactOptions, type Transacted, type Transaction, transact } from './helpers/transact.ts'
export { type Schemas, type Validated, validated } from './helpers/validated.ts'
export { type Desc, type KeyPart, type KeyText, type PlainPart, desc, key, parts } from './keys/codec.ts'
export { compareKeys } from './keys/order.ts'
export { type History, type HistoryLimits, type Limits, defaultLimits } from './limits.ts'
export { type MemoryStore, type MemoryStoreOptions, createMemoryStore } from './memory/memory-store.ts'
export type { TreeStoreOptions } from './memory/tree-store.ts'
export { del, get, put } from './put.ts'
export { everything, prefix } from './ranges.ts'
export { Session, type SessionOptions, createSession } from './session.ts'
export type * from './store.ts'
export { applyUpdate, composeUpdates, diffEntries } from './update.ts'
export { checkValue, valuesEqual } from './values.ts'
export { type Variable, createVariable } from './variable.ts'
export { compareVersions, formatVersions, mergeVersions, parseVersions, reaches, sourceName } from './versions.ts'
export { windowsHave } from './windows.ts'
export { type Under, prefixed } from './wrappers/prefixed.ts'
export { readonly } from './wrappers/readonly.ts'
