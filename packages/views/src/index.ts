/**
 * Views: functions of stores, in their versions.
 *
 * @module
 */
export { createView, type View, type ViewOptions } from './create-view.ts'
export type { MapFunction, Yield, Yields } from './mapping.ts'
