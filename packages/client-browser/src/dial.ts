import type { Channel, ChannelListener } from '@fanlight/protocol'

/** Opens a connection. What is sent before it is open is lost: `opened` tells when it is. */
export type Dial = (url: string) => DialledChannel

/** A channel that may not be open yet. */
export interface DialledChannel extends Channel {
  /** Resolves when it is open; where it never is, the listener hears `closed`. */
  readonly opened: Promise<void>
}

/** What the websockets of browsers, and of the package `ws`, have in common. */
export interface AnySocket {
  binaryType: string
  readonly bufferedAmount: number
  readonly readyState: number
  send(bytes: Uint8Array): void
  close(code?: number, reason?: string): void
  terminate?(): void
  on?(type: 'message', listener: (data: unknown, isBinary?: boolean) => void): void
  addEventListener(type: 'open' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void
}

/** What text is read as: no frame. */
const none = new Uint8Array(0)

/** The state of a socket that takes frames. */
const open = 1

/**
 * A websocket as a channel.
 *
 * @param binaryType how it hands out frames: the package `ws` does so without a copy
 */
export function channelOf(given: unknown, binaryType: 'arraybuffer' | 'nodebuffer' = 'arraybuffer'): DialledChannel {
  const socket = given as AnySocket
  let listener: ChannelListener | undefined
  socket.binaryType = binaryType
  const opened = new Promise<void>((resolve) => socket.addEventListener('open', resolve))
  // An error is followed by a close, which says more.
  socket.addEventListener('error', () => undefined)
  const heard = (data: unknown, isBinary?: boolean): void => {
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data
    listener?.frame(isBinary !== false && bytes instanceof Uint8Array ? bytes : none)
  }
  // The package `ws` makes no event object for each message then.
  if (socket.on !== undefined) socket.on('message', heard)
  else socket.addEventListener('message', ({ data }) => heard(data))
  socket.addEventListener('close', ({ code, reason }) => listener?.closed(code, reason))
  return {
    opened,
    send(frame) {
      // What goes into a socket that is closing is lost, and a browser complains of it; who sent it sends it again.
      if (socket.readyState === open) socket.send(frame)
    },
    get buffered() {
      return socket.bufferedAmount
    },
    close: (code, reason) => socket.close(code, reason),
    // A browser waits for the other end to say good-bye, which it may never do; whoever terminates listens no more.
    terminate: () => (socket.terminate === undefined ? socket.close() : socket.terminate()),
    listen(one) {
      listener = one
    },
  }
}
