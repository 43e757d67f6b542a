/**
 * Building blocks for authors of stores, routers and views: what `@fanlight/core` itself is made of. Users of stores do not
 * need it.
 *
 * @module
 */
export { freeze } from '#freeze'
export { randomWord } from './ambient.ts'
export { type AtHand, ask } from './at-hand.ts'
export { type BackOff, backOffMs, pause } from './back-off.ts'
export { type BaseOptions, BaseStore, failedCommit } from './base-store.ts'
export {
  type KnownPast,
  conflict,
  lostBasis,
  nothingKnown,
  otherContent,
  refuseForgotten,
  settledBefore,
} from './commit-checks.ts'
export { type OptionRule, checkOption, checkOptions } from './check-options.ts'
export { type CommitRequest, readCommit } from './commit-request.ts'
export { aborted, closed, factsOf } from './errors.ts'
export { type FeedHost, StoreFeed } from './feeds/feed.ts'
export { FeedRegistry } from './feeds/feed-registry.ts'
export { Followed, signatureOf } from './feeds/followed.ts'
export { type Interval, IntervalIndex } from './feeds/interval-index.ts'
export { type Pulled, iterateFeed } from './feeds/iterate.ts'
export { greatestOf, leastOf, restrict, worstOf } from './feeds/points.ts'
export { type Hold, type Puller, isClosedByHolder, pull } from './feeds/pull.ts'
export { Waiters } from './feeds/waiters.ts'
export { assertKey, badKey, compareKeys, compareUnits, cutKey, isAstralKey, isWellFormed } from './keys/order.ts'
export { type HistoryBounds, checkLimits, historyBounds, leaseMs } from './limits.ts'
export { Cell, deleted } from './memory/cell.ts'
export { CommitLog, type LogRecord, type VersionedDifference } from './memory/commit-log.ts'
export { type Beginning, TreeStore, type TreeStoreOptions } from './memory/tree-store.ts'
export { type VersionedReading, VersionedTree } from './memory/versioned-tree.ts'
export { noneOf } from './none-of.ts'
export { onAbort } from './on-abort.ts'
export {
  type Span,
  type Spans,
  intersectSpan,
  isEmptySpan,
  mergeSpans,
  prefixEnd,
  rangeOf,
  readQuery,
  scannedUpTo,
  spanHas,
  spansHave,
  spansOf,
  subtractSpans,
} from './ranges.ts'
export { type Difference, type Reading, replacement } from './reading.ts'
export { type Soon, all, promised, rescued, soon } from './soon.ts'
export { applyUpdate, composeUpdates, diffEntries } from './update.ts'
export { sameItems } from './same-items.ts'
export { checkValue, valuesEqual } from './values.ts'
export {
  checkVersions,
  compareVersions,
  firstBehind,
  formatVersions,
  makeSourceId,
  mergeVersions,
  parseVersions,
  reaches,
  resolvePoint,
  sourceName,
} from './versions.ts'
export { intersectWindows, lowerCorner, pointWindows, upperCorner, windowsHave } from './windows.ts'
export { Lifetime } from './wrappers/lifetime.ts'
export { type FeedMapping, MappedFeed, mapFeed } from './wrappers/map-feed.ts'
export { type Mapping, WritableWrapper, Wrapper } from './wrappers/wrapper.ts'
