import type { Clock, Random } from '@fanlight/core'
import type { Channel, ChannelListener } from '../channel.ts'

/** Two channels in one process, one end each. */
export interface Pipe {
  readonly near: Channel
  readonly far: Channel
  /** Breaks the connection: what is under way is lost, and both ends are told. */
  cut(): void
}

/** How a pipe behaves. */
export interface PipeOptions {
  readonly clock: Clock
  readonly random: Random
  /** A frame takes at most so long, in milliseconds. Default 0: it arrives in a later turn of the clock. */
  readonly delayMs?: number | undefined
  /** The connection breaks after so many bytes, within a frame or between two. Default Infinity. */
  readonly cutAfterBytes?: number | undefined
}

/**
 * A simulated connection: frames arrive in order, after a time that chance decides, until it breaks at some byte. A frame of
 * which a byte is missing never arrives, as over a websocket.
 */
export function createPipe(options: PipeOptions): Pipe {
  const state: PipeState = { bytes: 0, isCut: false, ends: [] }
  const near = new End(options, state)
  const far = new End(options, state)
  near.other = far
  far.other = near
  state.ends = [near, far]
  return { near, far, cut: () => cut(state, 1006, 'cut') }
}

interface PipeState {
  bytes: number
  isCut: boolean
  ends: readonly End[]
}

function cut(state: PipeState, code: number, reason: string): void {
  if (state.isCut) return
  state.isCut = true
  for (const end of state.ends) end.end(code, reason)
}

class End implements Channel {
  other: End | undefined
  buffered = 0
  readonly #options: PipeOptions
  readonly #state: PipeState
  #listener: ChannelListener | undefined
  #early: (() => void)[] = []
  /** When the last frame arrives: none overtakes another. */
  #arrivesAt = 0

  constructor(options: PipeOptions, state: PipeState) {
    this.#options = options
    this.#state = state
  }

  send(frame: Uint8Array, done?: () => void): void {
    const state = this.#state
    if (state.isCut) return
    const { clock, random, delayMs = 0, cutAfterBytes = Infinity } = this.#options
    state.bytes += frame.length
    if (state.bytes > cutAfterBytes) return cut(state, 1006, 'cut')
    // The bytes may be used again by who sent them.
    const bytes = frame.slice()
    this.buffered += bytes.length
    this.#arrivesAt = Math.max(this.#arrivesAt, clock.now() + random() * delayMs)
    clock.after(this.#arrivesAt - clock.now(), () => {
      this.buffered -= bytes.length
      if (state.isCut) return
      this.other?.arrive((listener) => listener.frame(bytes))
      done?.()
    })
  }

  close(code: number, reason: string): void {
    // The good-bye comes behind the frames that are under way.
    this.#options.clock.after(Math.max(0, this.#arrivesAt - this.#options.clock.now()), () =>
      cut(this.#state, code, reason),
    )
  }

  terminate(): void {
    cut(this.#state, 1006, '')
  }

  listen(listener: ChannelListener): void {
    this.#listener = listener
    for (const tell of this.#early.splice(0)) tell()
  }

  arrive(tell: (listener: ChannelListener) => void): void {
    if (this.#listener !== undefined) tell(this.#listener)
    else this.#early.push(() => this.#listener !== undefined && tell(this.#listener))
  }

  end(code: number, reason: string): void {
    this.arrive((listener) => listener.closed(code, reason))
  }
}
