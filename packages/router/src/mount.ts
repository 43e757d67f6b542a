import { FanlightError, type Store, type Supports, type Versions } from '@fanlight/core'
import { assertKey, compareKeys, cutKey, prefixEnd, type Span } from '@fanlight/core/kit'

/** A store, whatever the types of its values. */
export interface AnyStore extends AsyncDisposable {
  readonly '~types'?: object | undefined
  readonly sources: readonly string[]
  readonly supports: Supports
  readonly oldest: Versions
  readonly reached: Versions
  fetch(query: never, options?: never): Promise<unknown>
  changes(query: never, options: never): Promise<unknown>
  watch(query: never, options?: never): unknown
  close(): Promise<void>
}

/** How a store is mounted. */
export interface MountOptions {
  /** Whether closing the router leaves the store open. Default false. */
  readonly keepOpen?: boolean | undefined
}

/** A store with the options of its mount. */
export interface MountedStore<S extends AnyStore = AnyStore> extends MountOptions {
  readonly store: S
}

/** What stands at a prefix of a table of mounts: a store, or a store with options. */
export type Mountable = AnyStore | MountedStore

/** A store at its place in the keyspace. */
export interface Mount {
  /** Its keys start with this; where it is `exact`, this is its one key. */
  readonly prefix: string
  /** The first key behind its place; undefined: there is none. */
  readonly end: string | undefined
  /** Whether it stands at one key. */
  readonly exact: boolean
  readonly store: Store
  readonly keepOpen: boolean
  /** The version of the table since which the keys that belong to it have not changed. */
  readonly since: number
}

/**
 * Reads a mount, checked.
 *
 * @throws BAD_MOUNT, BAD_KEY
 */
export function readMount(prefix: string, mountable: Mountable, since: number): Mount {
  assertKey(prefix)
  const { store: given, keepOpen = false }: Partial<MountedStore> = isStore(mountable)
    ? { store: mountable }
    : (mountable ?? {})
  if (!isStore(given)) throw badMount(prefix, 'there is no store: give a store, or { store, keepOpen }')
  const store = given as unknown as Store
  const exact = prefix !== '' && !prefix.endsWith('/')
  if (exact && !store.supports.single) {
    throw badMount(
      prefix,
      `a store of many keys needs a prefix that is empty or ends with '/': mount it at '${prefix}/'`,
    )
  }
  return { prefix, end: exact ? `${prefix}\0` : prefixEnd(prefix), exact, store, keepOpen, since }
}

function isStore(it: Mountable | undefined): it is AnyStore {
  return typeof it === 'object' && it !== null && 'fetch' in it && typeof it.fetch === 'function'
}

/** The error for a mount that cannot be. */
export function badMount(prefix: string, why: string): FanlightError {
  return new FanlightError('BAD_MOUNT', `nothing was changed at '${prefix}': ${why}`, { keys: [prefix] })
}

/** Whether two mounts, or the lack of one, give the same answers. */
export function sameMount(a: Mount | undefined, b: Mount | undefined): boolean {
  return a === b || (a?.store === b?.store && a?.prefix === b?.prefix)
}

/** The part of a mount's place from `lo` to `hi`, both inside it, in the keys of its store. */
export function spanInStore({ prefix, end, exact }: Mount, lo: string, hi: string | undefined): Span {
  const to = hi !== undefined && hi !== end ? cutKey(hi, prefix.length) : exact ? '\0' : undefined
  return { lo: cutKey(lo, prefix.length), hi: to, limit: Infinity, reverse: false }
}

/** A span of the keys of a mount's store, in the keys of the router. */
export function spanInRouter({ prefix, end, exact }: Mount, { lo, hi }: Span): Span {
  const to = hi === undefined || (exact && compareKeys(hi, '\0') > 0) ? end : prefix + hi
  return { lo: prefix + lo, hi: to, limit: Infinity, reverse: false }
}
