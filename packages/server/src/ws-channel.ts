import type { Channel, ChannelListener } from '@fanlight/protocol'
import type { RawData, WebSocket } from 'ws'

const binary = { binary: true }

/** A websocket of the package `ws` as a channel. */
export function channelOf(socket: WebSocket): Channel {
  let listener: ChannelListener | undefined
  socket.binaryType = 'nodebuffer'
  // An error is followed by a close; without a handler it would end the process.
  socket.on('error', () => undefined)
  return {
    send(frame, done) {
      socket.send(frame, binary, (error) => {
        if (error === undefined || error === null) done?.()
      })
    },
    get buffered() {
      return socket.bufferedAmount
    },
    ping() {
      socket.ping()
    },
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
    listen(one) {
      listener = one
      socket.on('message', (data: RawData, isBinary: boolean) => {
        // Text is no frame: it is read as the bytes that it is not, and refused.
        listener?.frame(isBinary ? (data as Buffer) : new Uint8Array(0))
      })
      socket.on('pong', () => listener?.alive?.())
      socket.on('close', (code, reason) => listener?.closed(code, reason.toString()))
    },
  }
}
