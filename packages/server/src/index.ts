/**
 * Serves a store over websockets.
 *
 * @module
 */
export { Hub, type HubOptions, type Served } from './hub.ts'
export { type ServerLimits, defaultServerLimits } from './limits.ts'
export { type ServeOptions, type Server, serve } from './serve.ts'
