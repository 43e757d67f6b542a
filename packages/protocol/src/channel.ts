/** One connection, as whoever speaks over it needs it. A websocket is one; so is a pair of pipes in one process. */
export interface Channel {
  /**
   * Sends a frame. Frames arrive in order.
   *
   * @param done the frame has left: what was sent after it is not waiting for it. Never called where the connection broke
   */
  send(frame: Uint8Array, done?: () => void): void
  /** How many bytes wait to be sent. */
  readonly buffered: number
  /** Asks the other end for a sign of life, where it gives one without being told how: `alive` hears of it. */
  ping?(): void
  /** Ends the connection. */
  close(code: number, reason: string): void
  /** Ends it without a good-bye: the other end does not answer. */
  terminate(): void
  /** Hears what comes. One listener; what came before is told to it. */
  listen(listener: ChannelListener): void
}

/** Hears what comes over a channel. */
export interface ChannelListener {
  frame(bytes: Uint8Array): void
  /** The connection is over: told once. */
  closed(code: number, reason: string): void
  /** The other end is there, though it said nothing. */
  alive?(): void
}

/** Why a connection was closed: the codes of a websocket that are free for applications. */
export const CloseCode = {
  /** What came could not be read. */
  badFrame: 4400,
  authNeeded: 4401,
  forbidden: 4403,
  /** No `hello` in time. Who gives no sign of life is cut off without a code. */
  timeout: 4408,
  tooLarge: 4413,
  /** Another version of the protocol. */
  version: 4426,
  /** Connections, or messages in one frame; or what is answered is not read. */
  tooMany: 4429,
  /** The server goes away; it may come back. */
  goingAway: 1001,
  normal: 1000,
} as const
