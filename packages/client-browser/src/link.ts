import { type Clock, FanlightError, isFanlightError, type Random } from '@fanlight/core'
import { backOffMs } from '@fanlight/core/kit'
import {
  CloseCode,
  type Credentials,
  encode,
  frameOf,
  Kind,
  protocolVersion,
  readServerFrame,
  type ServerMessage,
  type StoreInfo,
  type WireLimits,
} from '@fanlight/protocol'
import type { Dial, DialledChannel } from './dial.ts'
import type { ConnectionState } from './options.ts'

/** What a link goes by. */
export interface LinkOptions {
  readonly url: string
  readonly dial: Dial
  readonly clock: Clock
  readonly random: Random
  readonly credentials: Credentials | (() => Credentials | Promise<Credentials>)
  readonly retryMs: number
  readonly retryMsMax: number
  readonly stableMs: number
}

/** Who speaks over a link. */
export interface LinkListener {
  /** A connection is open: what is under way is to be asked once more. */
  opened(info: StoreInfo, limits: WireLimits): void
  message(message: ServerMessage): void
  /** A connection that was open is not any more. */
  lost(why: FanlightError): void
  /** How it stands has changed. */
  moved(state: ConnectionState): void
  /** There will be no connection any more. */
  over(why: FanlightError): void
}

/**
 * A connection that is silent for so many beats is dead. No websocket tells of the bytes of a frame before all of it is there:
 * one that takes longer than this is silence (docs/protocol.md says what to do).
 */
const beatsMissed = 2.5

/** How long a connection may take to open and to be welcomed, in milliseconds. */
const openMs = 20_000

/** What a client keeps to. */
export interface LinkLimits {
  readonly frameBytes: number
  readonly requests: number
  readonly watches: number
  readonly valueDepth: number
}

/** What holds before any server said what it takes, and where one does not say. */
const unknownLimits: LinkLimits = { frameBytes: 2 ** 20, requests: Infinity, watches: Infinity, valueDepth: Infinity }

/** Closes for which another attempt with the same credentials is in vain. */
const finalCodes: ReadonlySet<number> = new Set([CloseCode.authNeeded, CloseCode.forbidden, CloseCode.version])

/**
 * Keeps one connection to a server. Where it breaks it comes back, after a time that chance decides and that doubles, and
 * that is short again only after a connection that held: else a server that accepts and drops is asked without a pause.
 */
export class Link {
  readonly #options: LinkOptions
  readonly #listener: LinkListener
  #channel: DialledChannel | undefined
  #state: ConnectionState = { status: 'connecting', attempt: 0 }
  #isOpen = false
  #openedAt = 0
  #attempt = 0
  #queue: Uint8Array[] = []
  #limits: LinkLimits = unknownLimits
  #stopTimer: (() => void) | undefined
  #heard = false

  constructor(options: LinkOptions, listener: LinkListener) {
    this.#options = options
    this.#listener = listener
  }

  get state(): ConnectionState {
    return this.#state
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** What the server takes, as it said last; before that, what any server does. */
  get limits(): LinkLimits {
    return this.#limits
  }

  /** Dials. */
  start(): void {
    this.#attempt++
    this.#move({ status: 'connecting', attempt: this.#attempt, why: this.#state.why })
    const { url, dial, clock } = this.#options
    let channel: DialledChannel
    try {
      channel = dial(url)
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error))
      // Whoever dials in a way of its own may refuse for a while. What is no address will be none.
      if (name !== 'SyntaxError') return this.#broke(undefined, 1006, message)
      const why = new FanlightError('BAD_QUERY', `${url} is no address of a websocket: ${message}`, {
        store: url,
        cause: error,
      })
      return this.#end(why)
    }
    this.#channel = channel
    channel.listen({
      frame: (bytes) => this.#channel === channel && this.#frame(bytes),
      closed: (code, reason) => this.#broke(channel, code, reason),
    })
    this.#stopTimer = clock.after(openMs, () => this.#drop('the server did not answer'))
    void channel.opened.then(() => this.#greet(channel))
  }

  /** Sends a message, with all that are sent in this turn. Only while it is open. */
  send(message: Uint8Array): void {
    if (this.#queue.push(message) > 1) return
    queueMicrotask(() => this.#flush())
  }

  /** Ends it for good. */
  close(): void {
    if (this.#state.status === 'closed') return
    this.#flush()
    this.#leave()
    this.#channel?.close(CloseCode.normal, '')
    this.#channel = undefined
    this.#move({ status: 'closed', attempt: this.#attempt })
  }

  async #greet(channel: DialledChannel): Promise<void> {
    const { credentials } = this.#options
    try {
      const own = typeof credentials === 'function' ? await credentials() : credentials
      if (this.#channel === channel) channel.send(frameOf([encode([Kind.hello, protocolVersion, own ?? null])]))
    } catch (error) {
      if (this.#channel === channel) this.#drop(`the credentials could not be had: ${String(error)}`)
    }
  }

  #flush(): void {
    const channel = this.#channel
    const messages = this.#queue
    this.#queue = []
    if (channel === undefined || !this.#isOpen) return
    const { frameBytes, requests, watches } = this.#limits
    // A server takes some times as many messages in a frame as it has under way; half of that is always enough.
    const most = 2 * (requests + watches)
    let some: Uint8Array[] = []
    let bytes = 5
    for (const message of messages) {
      if (some.length > 0 && (some.length >= most || bytes + message.length > frameBytes)) {
        channel.send(frameOf(some))
        some = []
        bytes = 5
      }
      some.push(message)
      bytes += message.length
    }
    if (some.length > 0) channel.send(frameOf(some))
  }

  #frame(bytes: Uint8Array): void {
    this.#heard = true
    try {
      for (const message of readServerFrame(bytes)) {
        if (message[0] === Kind.welcome) this.#welcome(message[2], message[3])
        else if (this.#isOpen) this.#listener.message(message)
      }
    } catch (error) {
      this.#drop(isFanlightError(error) ? error.message : `a frame could not be understood: ${String(error)}`)
    }
  }

  #welcome(info: StoreInfo, limits: WireLimits): void {
    const { clock } = this.#options
    this.#stopTimer?.()
    this.#limits = { ...unknownLimits, ...limits }
    this.#isOpen = true
    this.#openedAt = clock.now()
    this.#move({ status: 'open', attempt: this.#attempt })
    this.#listener.opened(info, limits)
    this.#watchSilence(limits.beatMs * beatsMissed)
  }

  #watchSilence(ms: number): void {
    this.#heard = false
    this.#stopTimer = this.#options.clock.after(ms, () => {
      if (!this.#heard) return this.#drop('the server fell silent')
      this.#watchSilence(ms)
    })
  }

  /** Gives up a connection, which may not hear of it any more. */
  #drop(why: string): void {
    const channel = this.#channel
    channel?.terminate()
    this.#broke(channel, 1006, why)
  }

  #broke(channel: DialledChannel | undefined, code: number, reason: string): void {
    if (channel !== this.#channel || this.#state.status === 'closed') return
    const { clock, random, stableMs, retryMs, retryMsMax, credentials } = this.#options
    const wasOpen = this.#isOpen
    this.#leave()
    this.#channel = undefined
    const why = errorOf(this.#options.url, code, reason)
    if (wasOpen && clock.now() - this.#openedAt >= stableMs) this.#attempt = 0
    if (wasOpen) this.#listener.lost(why)
    // Whoever gets fresh credentials for each attempt may be admitted at the next.
    if (finalCodes.has(code) && !(code === CloseCode.authNeeded && typeof credentials === 'function')) {
      return this.#end(why)
    }
    const waitMs = backOffMs(Math.max(1, this.#attempt), { firstMs: retryMs, mostMs: retryMsMax }, random)
    this.#move({ status: 'waiting', attempt: this.#attempt, retryInMs: waitMs, why })
    this.#stopTimer = clock.after(waitMs, () => this.start())
  }

  /** There will be no other attempt. */
  #end(why: FanlightError): void {
    this.#move({ status: 'closed', attempt: this.#attempt, why })
    this.#listener.over(why)
  }

  #leave(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    this.#isOpen = false
    this.#queue = []
  }

  #move(state: ConnectionState): void {
    this.#state = state
    this.#listener.moved(state)
  }
}

const names: ReadonlyMap<number, 'AUTH_NEEDED' | 'FORBIDDEN' | 'UNSUPPORTED' | 'BAD_FRAME' | 'TOO_LARGE' | 'TOO_MANY'> =
  new Map([
    [CloseCode.authNeeded, 'AUTH_NEEDED'],
    [CloseCode.forbidden, 'FORBIDDEN'],
    [CloseCode.version, 'UNSUPPORTED'],
    [CloseCode.badFrame, 'BAD_FRAME'],
    [CloseCode.tooLarge, 'TOO_LARGE'],
    [1009, 'TOO_LARGE'],
    [CloseCode.tooMany, 'TOO_MANY'],
  ])

function errorOf(url: string, code: number, reason: string): FanlightError {
  const message = `the connection to ${url} ended (${code}${reason === '' ? '' : `: ${reason}`})`
  return new FanlightError(names.get(code) ?? 'UNAVAILABLE', message, { store: url })
}
