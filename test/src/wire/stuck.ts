import { type Channel, encode, frameOf, readServerFrame, type ServerMessage } from '@fanlight/protocol'
import type { Ending } from './raw.ts'

/** The server's end of a connection whose other end does not read. */
export class Stuck implements Channel {
  readonly heard: ServerMessage[] = []
  bytes = 0
  isReading = false
  /** How the server ended it. */
  ending: Ending | undefined
  #listener: Parameters<Channel['listen']>[0] | undefined
  #done: (() => void)[] = []

  get buffered(): number {
    return 0
  }

  send(frame: Uint8Array, done?: () => void): void {
    this.bytes += frame.length
    this.heard.push(...readServerFrame(frame.slice()))
    if (done === undefined) return
    if (this.isReading) queueMicrotask(done)
    else this.#done.push(done)
  }

  /** What was sent is read, and all that will be sent. */
  read(): void {
    this.isReading = true
    for (const done of this.#done.splice(0)) done()
  }

  /** What was said of one kind, or under one id. */
  of<K extends ServerMessage[0]>(kind: K, id?: number): Extract<ServerMessage, readonly [K, ...unknown[]]>[] {
    const found = this.heard.filter((one) => one[0] === kind && (id === undefined || one[1] === id))
    return found as Extract<ServerMessage, readonly [K, ...unknown[]]>[]
  }

  /** Says messages, in one frame. */
  says(...messages: readonly unknown[]): void {
    this.#listener?.frame(frameOf(messages.map(encode)))
  }

  close(code: number, reason: string): void {
    this.ending = { code, reason }
    this.#listener?.closed(code, reason)
  }

  terminate(): void {
    this.#listener?.closed(1006, '')
  }

  listen(listener: Parameters<Channel['listen']>[0]): void {
    this.#listener = listener
  }
}
