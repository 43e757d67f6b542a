import { CloseCode, encode, frameOf, Kind, protocolVersion, readServerFrame } from '@fanlight/protocol'
import type { Channel, ServerMessage } from '@fanlight/protocol'

/** A client over a simulated connection, that says whatever a test wants: nothing of it comes from the machine. */
export class Spoken {
  /** All that the server said. */
  readonly said: ServerMessage[] = []
  /** With which code the connection ended. */
  endedWith: number | undefined
  readonly #channel: Channel

  constructor(channel: Channel) {
    this.#channel = channel
    channel.listen({
      frame: (bytes) => void this.said.push(...readServerFrame(bytes)),
      closed: (code) => void (this.endedWith = code),
    })
    this.says([Kind.hello, protocolVersion, null])
  }

  /** Sends messages as one frame. */
  says(...messages: readonly unknown[]): void {
    this.#channel.send(frameOf(messages.map(encode)))
  }

  /** What the server said of one kind, about a request or a query where an id is given. */
  heard<K extends ServerMessage[0]>(kind: K, id?: number): Extract<ServerMessage, readonly [K, ...unknown[]]>[] {
    const found = this.said.filter((one) => one[0] === kind && (id === undefined || one[1] === id))
    return found as Extract<ServerMessage, readonly [K, ...unknown[]]>[]
  }

  close(): void {
    this.#channel.close(CloseCode.normal, '')
  }
}
