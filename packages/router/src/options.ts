import type { Clock, EventListener, Limits, Mounted, StoreOf, TypesOf } from '@fanlight/core'
import type { MountedStore } from './mount.ts'

/** The limits of a router: the others are those of its stores. */
export type RouterLimits = Pick<Limits, 'ranges' | 'feeds' | 'timeoutMs'>

/** Options of `createRouter`. */
export interface RouterOptions {
  /**
   * The name of the router, in errors and in the source id of its table of mounts. Routers that stand in one tree with
   * equal mounts, and change them apart from each other, need different names. Default 'mounts'.
   */
  readonly name?: string | undefined
  /** How many ranges a query and how many feeds it may have, and how long an asker waits. Default those of stores. */
  readonly limits?: Partial<RouterLimits> | undefined
  /** How many former tables of mounts are known, for whoever comes back from before a change. Default 1,000. */
  readonly tables?: number | undefined
  /** Time, for deadlines. Default the machine's. */
  readonly clock?: Clock | undefined
  /** Hears of stalls, of answers that were carried to a common point, of restarts, folds and resets. Default: nobody does. */
  readonly onEvent?: EventListener | undefined
}

/** The stores among what is mounted, without the options of their mounts. */
type StoresIn<M> = { [P in keyof M]: Known<M[P] extends MountedStore<infer S> ? S : M[P]> }

/** A store whose types tell nothing holds anything. */
type Known<S> = [keyof TypesOf<S>] extends [never] ? StoreOf<unknown> : S

/** The types of a router over these mounts. */
export type RoutedTypes<M> = Mounted<StoresIn<M>>
