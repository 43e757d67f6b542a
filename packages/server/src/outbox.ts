import type { Channel } from '@fanlight/protocol'
import type { Later } from './ambient.ts'
import type { Shared } from './shared.ts'

/** Messages that are made when there is room for them. */
export type Source = Iterator<Uint8Array, void>

/** How many bytes may be on their way before the next piece of something long is made. */
const roomBytes = 2 ** 18

/** What is long holds what it is made of: so many at once, and more are not even evaluated. */
const sourcesMax = 4

/**
 * What goes to one connection. What is pushed in one turn of the loop goes out in one frame; what is long is made piece by
 * piece, when the socket has taken what was sent before.
 */
export class Outbox {
  readonly #channel: Channel
  readonly #shared: Shared
  readonly #frameBytes: number
  readonly #later: Later
  /** Is told when there is room: again, or for what waits for it. */
  readonly #onRoom: (wasFull: boolean) => void
  #messages: Uint8Array[] = []
  #bytes = 0
  #asked = false
  #sources: Source[] = []
  /** Bytes that were sent, and have not left. */
  #underWay = 0
  #full = false
  /** Whether anything waits for room. */
  isAwaited = false
  /** Whether anything was sent since it was last asked. */
  #spoke = false

  constructor(channel: Channel, shared: Shared, frameBytes: number, later: Later, onRoom: (wasFull: boolean) => void) {
    this.#channel = channel
    this.#shared = shared
    this.#frameBytes = frameBytes
    this.#later = later
    this.#onRoom = onRoom
  }

  /** Whether the other end does not read as fast as it is told. */
  get isFull(): boolean {
    this.#full = this.#underWay >= roomBytes || this.#sources.length > 0
    return this.#full
  }

  /** Whether an answer that is evaluated now can begin to go out. */
  get hasRoom(): boolean {
    return this.#underWay + this.#bytes < roomBytes && this.#sources.length < sourcesMax
  }

  /** How many bytes wait for the other end. */
  get waitingBytes(): number {
    return Math.max(this.#underWay, this.#channel.buffered) + this.#bytes
  }

  /** Whether anything was sent since this was last asked. */
  spoke(): boolean {
    const before = this.#spoke
    this.#spoke = false
    return before
  }

  /** Sends a message at the end of this turn. */
  push(message: Uint8Array): void {
    if (this.#bytes + message.length + 5 > this.#frameBytes) this.flush()
    this.#messages.push(message)
    this.#bytes += message.length
    if (this.#asked) return
    this.#asked = true
    this.#later(() => {
      this.#asked = false
      this.flush()
    })
  }

  /** Sends a frame, after what was pushed. */
  sendNow(frame: Uint8Array): void {
    this.flush()
    this.#send(frame)
  }

  /** Sends what is pushed by some work at its end, and not at that of the turn. */
  gather(work: () => void): void {
    const asked = this.#asked
    this.#asked = true
    work()
    this.#asked = asked
    this.flush()
  }

  /** Sends messages one by one, as there is room. */
  stream(source: Source): void {
    this.#sources.push(source)
    this.#pump()
  }

  /** Sends now what was pushed. */
  flush(): void {
    if (this.#messages.length === 0) return
    const messages = this.#messages
    this.#messages = []
    this.#bytes = 0
    this.#send(this.#shared.frame(messages))
  }

  #send(frame: Uint8Array): void {
    this.#spoke = true
    this.#underWay += frame.length
    this.#channel.send(frame, () => {
      this.#underWay -= frame.length
      this.#pump()
    })
  }

  /** Round and round: a long answer must not hold back the others. */
  #pump(): void {
    while (this.#sources.length > 0 && this.#underWay < roomBytes) {
      const source = this.#sources.shift() as Source
      const { done, value } = source.next()
      if (done === true) continue
      this.flush()
      this.#send(this.#shared.frame([value]))
      this.#sources.push(source)
    }
    const wasFull = this.#full && !this.isFull
    if (wasFull || (this.isAwaited && this.hasRoom)) this.#onRoom(wasFull)
  }
}
