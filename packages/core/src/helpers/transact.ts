import { type Seams, randomWord, systemClock, systemRandom } from '../ambient.ts'
import { backOffMs, pause } from '../back-off.ts'
import { checkOptions } from '../check-options.ts'
import { FanlightError, isFanlightError } from '../errors.ts'
import { commitOnce, nextId } from '../session/commit-once.ts'
import type { Change, ChangeOf, CommitOptions, Store, Types, Versions } from '../store.ts'
import { mergeVersions } from '../versions.ts'
import { Transaction } from './transaction.ts'

export type { Transaction } from './transaction.ts'

/** Options of `transact`. */
export interface TransactOptions extends Seams {
  /** How often it is tried, the first time included, while others write what it read. Default 10. */
  readonly attempts?: number | undefined
  /** At most so long before the second attempt, in milliseconds; twice as long before each that follows. Default 10. */
  readonly retryMs?: number | undefined
  /** At most so long before any attempt, in milliseconds. Default 1,000. */
  readonly retryMsMax?: number | undefined
  /** How long each read may wait, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number | undefined
  /** Ends it with ABORTED. */
  readonly signal?: AbortSignal | undefined
}

/** What became of a transaction. */
export interface Transacted<R> {
  /** What the work returned. */
  readonly value: R
  /** The versions of its commit; where it wrote nothing, the point at which it read. */
  readonly versions: Versions
}

/** How often a commit whose outcome is not known is tried again. */
const unknownRetries = 5

/**
 * Reads at one point and writes, as if nobody else wrote meanwhile. Reads see what the transaction wrote; the writes are one
 * commit (L4), which is refused where anything that was read changed since: then the work is done once more, after a pause
 * by chance, so it must do nothing but read and write through `tx`.
 *
 * What was read is guarded, absences and ranges included. A store says with `supports.guard` what it can guard: where that is
 * 'keys', reading a range, or an absent key that is not written, is UNSUPPORTED; where it is 'none', everything that is not
 * written is. `tx.unguarded` reads without a guard; it is also the way to read other stores, a view of this one included:
 * otherwise that is NOT_ATOMIC, since two that read one index would both commit. On a router all that is guarded and written
 * must lie in one store.
 *
 * @param store   takes commits
 * @param work    reads and writes through `tx`; may be called several times
 * @param options attempts (default 10), retryMs (default 10), retryMsMax (default 1,000), timeoutMs, signal, clock, random
 * @returns what the work returned, and the versions of the commit
 * @throws CONFLICT or LOST_IN_FOG of the last attempt; NOT_ATOMIC; UNSUPPORTED; READ_ONLY where the store takes no commits;
 *   ABORTED; whatever `commit` throws, with `applied`; whatever the work throws: then nothing is written
 *
 * @example
 * ```ts
 * import { createMemoryStore, put, transact } from '@fanlight/core'
 *
 * const store = createMemoryStore<{ '': number }>()
 * await store.commit([put('ann', 100), put('bob', 0)])
 * await transact(store, async (tx) => {
 *   tx.put('ann', (await tx.get('ann') ?? 0) - 10)
 *   tx.put('bob', (await tx.get('bob') ?? 0) + 10)
 * })
 * console.log((await store.fetch('bob')).entries[0]?.value) // 10
 * ```
 */
export async function transact<T extends Types, R>(
  store: Store<T>,
  work: (tx: Transaction<T>) => Promise<R> | R,
  options: TransactOptions = {},
): Promise<Transacted<R>> {
  const {
    attempts = 10,
    retryMs = 10,
    retryMsMax = 1_000,
    clock = systemClock,
    random = systemRandom,
    signal,
  } = options
  checkOptions(options, { retryMs: 'amount', retryMsMax: 'amount', timeoutMs: 'amount' })
  if (!Number.isSafeInteger(attempts) || attempts < 1) {
    throw new FanlightError('BAD_QUERY', 'attempts is a whole number from 1 up', { applied: 'no' })
  }
  const commit = store.commit?.bind(store)
  if (commit === undefined || !store.supports.commit) {
    throw new FanlightError('READ_ONLY', 'the store takes no commits: transact on one that does', { applied: 'no' })
  }
  const series = { session: randomWord(random), number: 0 }
  const backOff = { firstMs: retryMs, mostMs: retryMsMax }
  const wait = (attempt: number): Promise<void> => pause(backOffMs(attempt, backOff, random), clock, signal)
  const apply = (changes: readonly Change[], conditions: Conditions): Promise<Versions> => {
    const born = mergeVersions(store.reached, conditions.basis ?? {})
    const id = store.supports.ids ? nextId(series, born) : undefined
    const one = (all: CommitOptions | undefined): Promise<Versions> => commit(changes as readonly ChangeOf<T>[], all)
    return commitOnce(one, { ...conditions, id, signal }, unknownRetries, wait)
  }
  for (let attempt = 1; ; attempt++) {
    const tx = new Transaction<T>(store, options)
    try {
      const value = await work(tx)
      const { changes, ...conditions } = await tx.end()
      const versions = changes.length === 0 ? (conditions.basis ?? store.reached) : await apply(changes, conditions)
      return { value, versions }
    } catch (error) {
      tx.abandon()
      if (attempt >= attempts || !isWorthAnother(error)) throw error
    }
    await wait(attempt)
  }
}

type Conditions = Omit<Awaited<ReturnType<Transaction['end']>>, 'changes'>

/** Somebody else wrote, or what was read is forgotten: reading anew helps. */
function isWorthAnother(error: unknown): boolean {
  if (isFanlightError(error, 'CONFLICT')) return true
  return isFanlightError(error, 'LOST_IN_FOG') && error.applied !== 'unknown'
}
