import type { FanlightError } from './errors.ts'
import type { Change, CommitId, Entry, Query, Range, Versions } from './store.ts'

/** What a driver read, and the version at which that is the state. */
export interface DriverReading {
  /** A safe integer >= 0; absent: the store counts for itself. */
  readonly version?: number | undefined
  readonly entries: readonly Entry[]
}

/**
 * What a driver tells of a change: what changed, or the whole state from which the store finds out what changed. A whole
 * state that is older than what the store knows is let go by.
 */
export type Pushed =
  | { readonly version?: number | undefined; readonly changes: readonly Change[] }
  | { readonly version?: number | undefined; readonly entries: readonly Entry[] }

/** The conditions of a write, for a driver that has means of its own to hold them. They were checked already. */
export interface WriteOptions {
  /** The version of the state on which they were checked: a driver that can compare and set writes only on that. */
  readonly at: number
  readonly basis: Versions | undefined
  readonly guard: Query | undefined
  readonly id: CommitId | undefined
  readonly meta: unknown
  readonly signal: AbortSignal | undefined
}

/** A commit, as `writeMany` gets it. */
export interface DriverCommit extends WriteOptions {
  readonly changes: readonly Change[]
}

/**
 * What became of a commit: the version that it has, nothing where the store counts for itself, or the error for which it
 * alone was left out.
 */
export type Written = number | undefined | FanlightError

/** Says that something else was written meanwhile, and pushed: the conditions are to be checked once more. */
export type Again = 'again'

/** Ends what `listen` began. */
export type DriverStop = () => void | Promise<void>

/** What the author of a store writes: see docs/your-own-store.md. */
export interface Driver {
  /** What the store is called: in its source id and in errors. The option `name` of `defineStore` comes before it. */
  readonly name: string
  /** Whether it holds one value only, at the key `''`. Default false. */
  readonly single?: boolean | undefined
  /** Whether what it wrote survives its process. Default false. */
  readonly durable?: boolean | undefined
  /**
   * Whether `write` itself knows a commit that it got before, by its id. Otherwise a retry of a commit whose outcome is
   * unknown is refused, since it might be applied twice. Default false.
   */
  readonly knowsIds?: boolean | undefined
  /**
   * Reads all that lies in the ranges, at one version. Called after `listen`, with everything; and once more where the
   * outcome of a write is unknown, to see what came of it.
   *
   * @throws whatever happened: the store does not open
   */
  read(ranges: readonly Range[]): DriverReading | Promise<DriverReading>
  /**
   * Starts to tell of changes, in order, each version greater than the one before. What it writes itself it need not
   * tell; where it does, it is by the version that `write` gave.
   *
   * @param push takes a change in; throws a coded error where that is no data
   * @param fail says that the driver does not hear of changes at the moment: the store is stale until the next push
   * @returns ends it
   */
  listen(push: (pushed: Pushed) => void, fail: (why: unknown) => void): DriverStop | Promise<DriverStop>
  /**
   * Refuses a commit at once, before it waits for its turn: for what the driver cannot carry.
   *
   * @throws BAD_KEY, BAD_VALUE, TOO_LARGE
   */
  check?(changes: readonly Change[]): void
  /**
   * Writes a commit, whole or not at all. One at a time. All that came before it was pushed when it resolves.
   *
   * @returns the version that it has; nothing: the store counts for itself; 'again': nothing was written, since something
   *   else came first, which was pushed
   * @throws a FanlightError that says whether it was `applied`; anything else counts as UNAVAILABLE, 'unknown'
   */
  write?(changes: readonly Change[], options: WriteOptions): Promise<number | void | Again>
  /**
   * In place of `write`, where several commits cost hardly more than one: writes all that wait, in their order. What is not
   * refused is written as one, or not at all.
   *
   * @returns one outcome for each commit; 'again' as in `write`
   * @throws as `write` does: then for all of them
   */
  writeMany?(commits: readonly DriverCommit[]): Promise<readonly Written[] | Again>
}
