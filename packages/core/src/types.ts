/**
 * How the types of values flow: from what is mounted where, through queries, to what is found.
 *
 * @module
 */
import type { Change, Gone, Put, Range } from './store.ts'

/** Maps key prefixes to the types of the values under them: `{ 'users/': User; 'config/': Setting }`. */
export type Types = object

/** A range that knows its prefix: what `prefix('users/')` makes. */
export interface PrefixRange<P extends string = string> extends Range {
  /** Never there at run time: carries the prefix to the types of what is found. */
  readonly '~prefix'?: P
}

/**
 * The type of the values that answer the query `Q` on a store with the types `T`: under the longest prefix that
 * matches, or a union where the query leaves it open. `never` where nothing can be found, `unknown` where `T` says
 * nothing.
 */
export type ValueAt<T, Q> = [keyof T] extends [never]
  ? unknown
  : Q extends string
    ? ValueUnder<T, Q>
    : Q extends readonly (infer R)[]
      ? ValueAt<T, R>
      : Q extends { readonly '~prefix'?: infer P extends string }
        ? ValueUnder<T, `${P}${string}`>
        : T[keyof T]

/** The types at the keys `K` (a key, or a pattern): of the prefix that all of them have, and of those that some may. */
type ValueUnder<T, K extends string> = T[(Longest<PrefixOf<keyof T & string, K>> | Extract<keyof T, K>) & keyof T]

/** Of the prefixes `P` those that the keys `K` start with. */
type PrefixOf<P extends string, K extends string> = P extends unknown ? (K extends `${P}${string}` ? P : never) : never

/** Of several prefixes of one key the longest: the one that no other starts with. */
type Longest<P extends string, All extends string = P> = P extends unknown
  ? [Extract<Exclude<All, P>, `${P}${string}`>] extends [never]
    ? P
    : never
  : never

/** A put that knows its key, so that the value is checked against the prefix: what `put('users/ann', ann)` makes. */
export interface PutAt<K extends string, V> extends Put<V> {
  readonly key: K
  /** Never there at run time: carries the key to what `commit` takes. A key that is not known fits anywhere. */
  readonly '~key'?: string extends K ? never : K
}

/** A change under the prefix `P`. */
interface PutUnder<P extends string, V> extends Put<V> {
  readonly '~key'?: `${P}${string}`
}

/** A change at a key that is known at run time only. */
interface PutAnywhere<V> extends Put<V> {
  readonly '~key'?: never
}

/** A change that a store with the types `T` takes. */
export type ChangeOf<T> = [keyof T] extends [never]
  ? Change
  : Gone | PutAnywhere<T[keyof T]> | { [P in keyof T & string]: PutUnder<P, T[P]> }[keyof T & string]

/** The types of a store. */
export type TypesOf<S> = S extends { readonly '~types'?: infer T } ? NonNullable<T> : never

/**
 * The types of a router over these mounts: each prefix of a mount joined with each prefix inside it. A deeper mount
 * shadows what a shallower one has there.
 *
 * @example
 * ```ts
 * import type { Mounted, StoreOf } from '@fanlight/core'
 *
 * type App = Mounted<{ 'users/': StoreOf<{ name: string }>; 'title': StoreOf<string> }>
 * const app: App = { 'users/': { name: 'Ann' }, 'title': 'Fanlight' }
 * console.log(app.title) // Fanlight
 * ```
 */
export type Mounted<M> = { [E in MountedEntry<M> as E['key']]: E['value'] }

/** One `{ key, value }` for each prefix inside each mount. */
type MountedEntry<M> = {
  [P in keyof M & string]: {
    [I in keyof TypesOf<M[P]> & string as Exclude<`${P}${I}`, Shadow<Deeper<keyof M & string, P>>>]: {
      readonly key: `${P}${I}`
      readonly value: TypesOf<M[P]>[I]
    }
  } extends infer Entries
    ? Entries[keyof Entries] & { readonly key: string; readonly value: unknown }
    : never
}[keyof M & string]

/** Of the mounts those that lie inside the mount `P`. */
type Deeper<All extends string, P extends string> = Extract<Exclude<All, P>, `${P}${string}`>

/** The keys that a mount takes: all that start with its prefix, or one. */
type Shadow<P extends string> = P extends `${string}/` ? `${P}${string}` : P
