/** What a server takes from strangers: each is an option. */
export interface ServerLimits {
  /** Bytes of one frame, in both directions. Default 1 MiB. */
  readonly frameBytes: number
  /** How deep values may nest. Default 64. */
  readonly valueDepth: number
  /** What one connection may have under way at once. Default 1,000. */
  readonly requests: number
  /** Queries that one connection may follow at once. Default 1,000. */
  readonly watches: number
  /** Bytes that may wait for one connection to read them, or to be asked, beside the one step that is being sent. Default 4 MiB. */
  readonly bufferedBytes: number
  /** Connections at once. Default 10,000. */
  readonly connections: number
  /** How long an asker may wait for an answer, and a query fail, in milliseconds; a client whose patience is longer asks again. Default 30,000. */
  readonly timeoutMs: number
  /** How long a connection may take to introduce itself, in milliseconds. Default 10,000. */
  readonly handshakeMs: number
  /** A connection that gives no sign of life for so long is closed, in milliseconds. Default 90,000. */
  readonly idleMs: number
  /** A sign of life is sent, and asked for, so often, in milliseconds. Default 20,000. */
  readonly beatMs: number
  /** Who follows what does not change hears so often how far the store is, in milliseconds. Default 50. */
  readonly progressMs: number
}

/** The limits that hold where none are named. */
export const defaultServerLimits: ServerLimits = {
  frameBytes: 2 ** 20,
  valueDepth: 64,
  requests: 1_000,
  watches: 1_000,
  bufferedBytes: 2 ** 22,
  connections: 10_000,
  timeoutMs: 30_000,
  handshakeMs: 10_000,
  idleMs: 90_000,
  beatMs: 20_000,
  progressMs: 50,
}

/** So many messages may stand in one frame: all that one connection may have at once, begun and ended, and begun again. */
export function messagesMaxOf({ requests, watches }: ServerLimits): number {
  return 4 * (requests + watches)
}
