/**
 * The only file that touches timers of the machine directly: all else gets them as parameters.
 *
 * @module
 */

/** Milliseconds, more finely than a clock tells. */
export type Stopwatch = () => number

/** The machine's own. */
export const systemStopwatch: Stopwatch = () => performance.now()

/** Calls back when the present turn of the event loop has ended. */
export type Later = (callback: () => void) => void

/** The machine's own. */
export const systemLater: Later = (callback) => void setImmediate(callback)
