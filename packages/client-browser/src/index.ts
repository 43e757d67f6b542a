/**
 * A store across a websocket, in a page or in Node.
 *
 * @module
 */
export { type Remote, connect } from './connect.ts'
export { type Dial, type DialledChannel, channelOf } from './dial.ts'
export type { ConnectionState, ConnectOptions } from './options.ts'
