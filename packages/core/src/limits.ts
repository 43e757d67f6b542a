import { type OptionRule, checkOption, checkOptions } from './check-options.ts'

/** Limits that every store has; some have more. docs/limits-and-history.md lists them all. */
export interface Limits {
  /** How deep values may nest. */
  readonly valueDepth: number
  /** How many ranges a query may have. */
  readonly ranges: number
  /** How many feeds a store keeps. */
  readonly feeds: number
  /** How long an asker waits where it names no `timeoutMs`: milliseconds. */
  readonly timeoutMs: number
  /** How many askers may wait at once. */
  readonly waits: number
}

/** The limits that hold where none are named. */
export const defaultLimits: Limits = {
  valueDepth: 64,
  ranges: 64,
  feeds: 1_000_000,
  timeoutMs: 30_000,
  waits: 1_000_000,
}

const limitRules: Readonly<Record<keyof Limits, OptionRule>> = {
  valueDepth: 'count',
  ranges: 'count',
  feeds: 'count',
  timeoutMs: 'amount',
  waits: 'count',
}

/**
 * Limits, complete.
 *
 * @throws BAD_QUERY where one is out of its range
 */
export function checkLimits(limits: Partial<Limits> | undefined): Limits {
  checkOptions(limits, limitRules, 'limits.')
  return { ...defaultLimits, ...limits }
}

/**
 * How much of the past a store keeps: by bytes, commits and age, whichever comes first. `'lease'` keeps the least:
 * `changes` since any answer given within the lease of 60 s, within the default limit of bytes; for another lease,
 * `{ ageMs, commits: Infinity }`.
 */
export type History = HistoryLimits | 'lease'

/** How much of the past a store keeps. */
export interface HistoryLimits {
  /** About so many bytes. Default 64 MiB. */
  readonly bytes?: number | undefined
  /** So many commits. Default 100,000. */
  readonly commits?: number | undefined
  /** Commits no older than this, in milliseconds. Default Infinity. */
  readonly ageMs?: number | undefined
}

/** The limits of a history, complete. */
export interface HistoryBounds {
  readonly bytes: number
  readonly commits: number
  readonly ageMs: number
}

/** How long `history: 'lease'` keeps what was: milliseconds. Longer than the longest default wait. */
export const leaseMs = 60_000

const historyRules: Readonly<Record<keyof HistoryLimits, OptionRule>> = {
  bytes: 'amount',
  commits: 'count',
  ageMs: 'amount',
}

/**
 * The bounds that a history option means.
 *
 * @throws BAD_QUERY where one is out of its range
 */
export function historyBounds(history: History = {}): HistoryBounds {
  if (typeof history === 'string') checkOption('history', history, ['lease'])
  else checkOptions(history, historyRules, 'history.')
  if (history === 'lease') return { bytes: 2 ** 26, commits: Infinity, ageMs: leaseMs }
  return { bytes: history.bytes ?? 2 ** 26, commits: history.commits ?? 100_000, ageMs: history.ageMs ?? Infinity }
}
