import { failedCommit } from './base-store.ts'
import { FanlightError } from './errors.ts'
import { freeze } from '#freeze'
import { Cell } from './memory/cell.ts'
import { TreeStore, type TreeStoreOptions } from './memory/tree-store.ts'
import type { Change, CommitOptions, Supports, Versions, WritableStore } from './store.ts'
import { checkValue } from './values.ts'
import { defaultLimits } from './limits.ts'

/** The one key of a variable. */
const theKey = ''

/** A JS variable as a store of one value, at the key `''`: `createVariable` makes one. */
export interface Variable<V> extends WritableStore<{ '': V }> {
  /** What the variable holds; undefined where it holds nothing. */
  readonly value: V | undefined
  /**
   * Sets the variable: one commit, done when it returns.
   *
   * @param value the new value; undefined: nothing
   * @returns the versions that hold it
   * @throws BAD_VALUE, CLOSED
   */
  set(value: V | undefined): Versions
}

class VariableStore<V> extends TreeStore<{ '': V }> {
  readonly supports: Supports = { commit: true, guard: 'ranges', ids: true, single: true, durable: false }

  constructor(initial: V | undefined, options: TreeStoreOptions = {}) {
    if (initial !== undefined) checkValue(initial, options.limits?.valueDepth ?? defaultLimits.valueDepth)
    const entries = initial === undefined ? [] : [{ key: theKey, value: freeze(initial) }]
    super(options, 'variable', { version: 0, entries })
  }

  get value(): V | undefined {
    const cell = this.tree.cell(theKey)
    return cell === undefined || Cell.isGone(cell) ? undefined : (cell.value as V)
  }

  set(value: V | undefined): Versions {
    const change: Change = value === undefined ? { key: theKey, gone: true } : { key: theKey, value }
    return this.apply(this.checked([change], undefined), this.tree.version + 1)
  }

  /**
   * The same as a commit: for whoever has it as a store. Its only key is `''`.
   *
   * @throws BAD_KEY, BAD_VALUE, BAD_QUERY, CONFLICT, LOST_IN_FOG, SOURCE_RESET, CLOSED, ABORTED
   */
  commit(changes: readonly Change<V>[], options?: CommitOptions): Promise<Versions> {
    try {
      const request = this.checked(changes, options)
      const other = request.changes.find(({ key }) => key !== theKey)
      if (other !== undefined) {
        throw new FanlightError(
          'BAD_KEY',
          `a variable has one key, '': mount it at exactly ${JSON.stringify(other.key)}`,
          {
            keys: [other.key],
          },
        )
      }
      return Promise.resolve(this.settled(request) ?? this.apply(request, this.tree.version + 1))
    } catch (error) {
      return Promise.reject(failedCommit(error, 'no'))
    }
  }
}

/**
 * Makes a JS variable a store of one value, at the key `''`: mount it at exactly one key of a router. Its owner sets it;
 * `mirror(store, query, variable)` lets it follow a query.
 *
 * @param initial what it holds at first; undefined: nothing
 * @param options name (default 'variable'), history, limits, clock, random
 *
 * @example
 * ```ts
 * import { createVariable } from '@fanlight/core'
 *
 * const load = createVariable(0.25)
 * load.set(0.5)
 * console.log(load.value) // 0.5
 * console.log((await load.fetch('')).entries[0]?.value) // 0.5
 * ```
 */
export function createVariable<V>(initial?: V, options: TreeStoreOptions = {}): Variable<V> {
  return new VariableStore<V>(initial, options) as unknown as Variable<V>
}
