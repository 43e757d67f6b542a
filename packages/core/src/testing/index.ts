/**
 * What tests need of time, chance and lag, without a test runner.
 *
 * @module
 */
export { altered } from './altered.ts'
export { type LaggingOptions, type LaggingStore, lagging } from './lagging.ts'
export { type ManualClock, manualClock } from './manual-clock.ts'
export { seededRandom } from './seeded-random.ts'
export { settled } from './settled.ts'
export { breathe, turns } from './turns.ts'
