import { encode, Kind, protocolVersion, readServerFrame, type ServerMessage } from '@fanlight/protocol'
import { type ClientOptions, WebSocket } from 'ws'

/** How a connection ended. */
export interface Ending {
  readonly code: number
  readonly reason: string
}

/** A client that says whatever a test wants, well formed or not. */
export class Raw {
  readonly socket: WebSocket
  /** All that the server said. */
  readonly said: ServerMessage[] = []
  /** Resolves when the connection is over. */
  readonly ended: Promise<Ending>
  #heard: (() => void)[] = []

  private constructor(url: string, options: ClientOptions) {
    this.socket = new WebSocket(url, options)
    this.socket.on('error', () => undefined)
    this.socket.on('message', (data: Buffer) => {
      this.said.push(...readServerFrame(data))
      for (const heard of this.#heard.splice(0)) heard()
    })
    this.ended = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() })
        for (const heard of this.#heard.splice(0)) heard()
      })
    })
  }

  /** Connects, and says nothing. */
  static async silent(url: string, options: ClientOptions = {}): Promise<Raw> {
    const raw = new Raw(url, options)
    await new Promise<void>((resolve, reject) => {
      raw.socket.on('open', resolve)
      raw.socket.on('error', reject)
    })
    return raw
  }

  /** Connects, and is welcomed. */
  static async welcomed(url: string): Promise<Raw> {
    const raw = await Raw.silent(url)
    raw.send([Kind.hello, protocolVersion, null])
    await raw.first(Kind.welcome)
    return raw
  }

  /** Sends messages as one frame. */
  send(...messages: readonly unknown[]): void {
    this.socket.send(encode(messages))
  }

  /** The first message of a kind, as soon as it has come, or the error that the connection is over. */
  async first<K extends ServerMessage[0]>(
    kind: K,
    id?: number,
  ): Promise<Extract<ServerMessage, readonly [K, ...unknown[]]>> {
    for (;;) {
      const found = this.said.find((one) => one[0] === kind && (id === undefined || one[1] === id))
      if (found !== undefined) return found as Extract<ServerMessage, readonly [K, ...unknown[]]>
      if (this.socket.readyState === WebSocket.CLOSED) {
        const { code, reason } = await this.ended
        throw new Error(`the connection ended with ${code} (${reason}) before a message of kind ${kind} came`)
      }
      await new Promise<void>((resolve) => this.#heard.push(resolve))
    }
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.ended
  }
}

/** MessagePack of what no encoder would write: bytes, and pieces that are encoded. */
export function packed(...pieces: readonly (number | { readonly of: unknown })[]): Uint8Array {
  const parts = pieces.map((piece) => (typeof piece === 'number' ? Uint8Array.of(piece) : encode(piece.of)))
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}
