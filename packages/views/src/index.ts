/**
 * Views: functions of stores, in their versions.
 *
 * @module
 */
export {
  createView,
  type GroupViewOptions,
  type JoinViewOptions,
  type View,
  type ViewBasics,
  type ViewOptions,
} from './create-view.ts'
export type { Progress } from './first-state.ts'
export type { Mode } from './settings.ts'
export type { CacheState } from './answer-cache.ts'
export type { MapFunction, Yield, Yields } from './mapping.ts'
export { indexed } from './indexed.ts'
export { type Reads, sameKeys } from './passing.ts'
export { searchKey, searchRange } from './search.ts'
export { aggregate } from './operators/aggregate.ts'
export type { Aggregate, Aggregates, Making, Member, Named, Rank, RankOptions } from './operators/aggregates.ts'
export type { GroupOptions, Groups } from './operators/group.ts'
export type { JoinKept, JoinOptions, JoinSide, Joined, MeetsAt } from './operators/join-options.ts'
