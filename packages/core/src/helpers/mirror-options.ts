import type { Seams } from '../ambient.ts'
import type { Entry } from '../store.ts'
import type { LiveOptions } from './live.ts'

/** Anything that can be set: a variable, a signal of a framework. */
export interface Settable<X> {
  set(value: X): unknown
}

/** Options of `mirror`. */
export interface MirrorOptions<V = unknown> extends LiveOptions, Seams {
  /** Put in front of keys, in a map or a store. Default none. */
  readonly prefix?: string | undefined
  /**
   * What a settable gets, made of the entries. Default: where the query is one key, its value, or undefined; otherwise the
   * list of `{ key, value }`.
   */
  readonly value?: ((entries: readonly Entry<V>[]) => unknown) | undefined
  /** At which key a store keeps how far the mirror is. Default `key('~mirror', ...)` with the names of the sources, prefix and query. */
  readonly watermarkKey?: string | undefined
  /**
   * What becomes of what someone else changes in the ranges of the mirror, in a store or a variable: `'repair'` puts back what the query
   * says, as one commit; `'refuse'` ends the mirror with a CONFLICT, which names the keys, and leaves the sink as it is.
   * Default 'repair': a copy is to be what it is a copy of. A `Map`, and whatever else has `set`, cannot be followed: UNSUPPORTED.
   */
  readonly foreign?: 'repair' | 'refuse' | undefined
  /** Hears of every failure, also of those after which the mirror tries again. Default: nobody does. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** At most so long before it tries again, in milliseconds; twice as long before each try that follows. Default 100. */
  readonly retryMs?: number | undefined
  /** At most so long before any try, in milliseconds. Default 10,000. */
  readonly retryMsMax?: number | undefined
}
