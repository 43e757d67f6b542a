import type { BaseOptions } from '@fanlight/core/kit'
import type { Credentials } from '@fanlight/protocol'
import type { Dial } from './dial.ts'

/** Options of `connect`. */
export interface ConnectOptions extends BaseOptions {
  /**
   * Who one is: a token, or bytes; or a function that gets a fresh one for each attempt. Tokens travel in the first frame, never
   * in the URL.
   */
  readonly credentials?: Credentials | (() => Credentials | Promise<Credentials>)
  /** Ends the attempt to connect for the first time. */
  readonly signal?: AbortSignal | undefined
  /** How long the first connection may take, in milliseconds. Default 30,000; Infinity waits for ever. */
  readonly timeoutMs?: number | undefined
  /** At most so long before the second attempt to connect again, in milliseconds; twice as long before each that follows. Default 200. */
  readonly retryMs?: number | undefined
  /** At most so long before any attempt, in milliseconds. Default 20,000. */
  readonly retryMsMax?: number | undefined
  /** A connection that has held for so long is a good one: the next attempt after it comes soon. In milliseconds, default 5,000. */
  readonly stableMs?: number | undefined
  /** How much of what came is kept for feeds that were not taken from, in steps a query. Default 64; what is older is asked for again. */
  readonly steps?: number | undefined
  /** Hears how the connection stands, from the first attempt on. */
  readonly onConnection?: ((state: ConnectionState) => void) | undefined
  /** How a connection is opened. Default: a websocket. One that throws is tried again, but for a SyntaxError: that is no address. */
  readonly dial?: Dial | undefined
}

/** How a connection stands. */
export interface ConnectionState {
  readonly status: 'connecting' | 'open' | 'waiting' | 'closed'
  /** How often it was tried since the last good connection. */
  readonly attempt: number
  /** How long until the next attempt, in milliseconds: while it is waiting. */
  readonly retryInMs?: number | undefined
  /** What ended the last connection, or the last attempt. */
  readonly why?: Error | undefined
}
