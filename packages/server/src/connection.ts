import {
  type Clock,
  compareVersions,
  FanlightError,
  isFanlightError,
  type Random,
  type SourceId,
  type Store,
  type Versions,
} from '@fanlight/core'
import { sameItems, type Soon } from '@fanlight/core/kit'
import {
  badFrame,
  type Channel,
  type ClientMessage,
  CloseCode,
  type Credentials,
  encode,
  type Id,
  Kind,
  protocolVersion,
  readClientFrame,
  type StoreInfo,
  type Watch,
} from '@fanlight/protocol'
import type { Later } from './ambient.ts'
import type { PieceSize } from './bodies.ts'
import type { FanOuts } from './fan-outs.ts'
import { messagesMaxOf, type ServerLimits } from './limits.ts'
import { Outbox } from './outbox.ts'
import type { Report } from './report.ts'
import { type Asked, Requests } from './requests.ts'
import type { Shared } from './shared.ts'
import { Watches } from './watches.ts'

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly clock: Clock
  readonly random: Random
  readonly later: Later
  readonly limits: ServerLimits
  readonly shared: Shared
  readonly report: Report
  /** How long messages may be. */
  readonly size: PieceSize
  readonly fanOuts: FanOuts
  /** The store that someone with these credentials may see. */
  admit(credentials: Credentials): Soon<Store<object>>
  info(store: Store<object>): StoreInfo
  /** The connection may have a step to take. */
  wake(connection: Connection): void
  forget(connection: Connection): void
}

/** One client: what it asked, what it follows, and what goes to it. */
export class Connection {
  readonly #host: ConnectionHost
  readonly #channel: Channel
  readonly #outbox: Outbox
  #store: Store<object> | undefined
  #requests: Requests | undefined
  #watches: Watches | undefined
  #state: 'new' | 'greeting' | 'open' | 'over' = 'new'
  #oldest: Versions = {}
  /** The sources that the client knows of. */
  #sources: readonly SourceId[] = []
  #heardAt: number
  #stopTimer: () => void

  constructor(host: ConnectionHost, channel: Channel) {
    const { clock, limits, later } = host
    this.#host = host
    this.#channel = channel
    this.#outbox = new Outbox(channel, host.shared, limits.frameBytes, later, (wasFull) => this.#room(wasFull))
    this.#heardAt = clock.now()
    this.#stopTimer = clock.after(limits.handshakeMs, () => this.close(CloseCode.timeout, 'no hello in time'))
    channel.listen({
      frame: (bytes) => this.#frame(bytes),
      closed: () => this.#end(),
      alive: () => void (this.#heardAt = clock.now()),
    })
  }

  /** The store that it sees, once it is admitted. */
  get store(): Store<object> | undefined {
    return this.#store
  }

  /** Whether it follows anything. */
  get follows(): boolean {
    return (this.#watches?.size ?? 0) > 0
  }

  /** Whether what it follows is told by what it shares with others. */
  get isShared(): boolean {
    return this.#watches?.isShared === true
  }

  /** Whether the client reads as fast as it is told. */
  get #hasRoom(): boolean {
    return this.#state === 'open' && !this.#outbox.isFull
  }

  /**
   * Tells what changed in what it follows, where it reads as fast as it is told.
   *
   * @param all also how far the store is, where nothing changed
   */
  step(all: boolean): void {
    const watches = this.#watches
    if (watches === undefined || !this.#hasRoom) return
    this.safely(() => watches.step(all))
  }

  /** It is its turn to be told what changed: that goes out at once. */
  turn(): void {
    const watches = this.#watches
    if (watches === undefined || !this.#hasRoom) return
    this.#outbox.gather(() => this.safely(() => watches.turn()))
  }

  /** Something of the store itself changed. */
  tell(message: Uint8Array): void {
    if (this.#state === 'open') this.#outbox.push(message)
  }

  /** What throws where nobody expects it, a store most likely, ends this connection and no other. */
  safely(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#host.report.tell(error)
      this.close(CloseCode.goingAway, 'the server failed')
    }
  }

  /** Ends it, and says why. */
  close(code: number, reason: string): void {
    if (this.#state === 'over') return
    this.#outbox.flush()
    this.#channel.close(code, reason.slice(0, 120))
    this.#end()
  }

  #end(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#stopTimer()
    this.#host.forget(this)
    this.safely(() => this.#requests?.close())
    this.safely(() => this.#watches?.close())
  }

  /** The client has read: what waited for that goes on. */
  #room(wasFull: boolean): void {
    if (wasFull) this.#host.wake(this)
    this.safely(() => this.#requests?.resume())
  }

  #frame(bytes: Uint8Array): void {
    if (this.#state === 'over') return
    const { limits, clock } = this.#host
    this.#heardAt = clock.now()
    if (bytes.length > limits.frameBytes) {
      return this.close(CloseCode.tooLarge, `a frame may have ${limits.frameBytes} bytes, not ${bytes.length}`)
    }
    this.safely(() => {
      try {
        const messages = readClientFrame(bytes, limits.valueDepth, messagesMaxOf(limits))
        for (const message of messages) this.#message(message)
      } catch (error) {
        if (isFanlightError(error, 'TOO_MANY')) this.close(CloseCode.tooMany, error.message)
        else if (isFanlightError(error, 'BAD_FRAME')) this.close(CloseCode.badFrame, error.message)
        else throw error
      }
    })
  }

  #message(message: ClientMessage): void {
    // What one message of a frame ended is not asked by the next.
    if (this.#state === 'over') return
    const { limits } = this.#host
    // Refusals take room as well: who goes on asking and does not read them is let go.
    if (this.#outbox.waitingBytes > 2 * (limits.bufferedBytes + limits.frameBytes)) {
      return this.close(CloseCode.tooMany, 'answers are not read')
    }
    const requests = this.#requests
    if (requests === undefined) return this.#hello(message)
    switch (message[0]) {
      case Kind.fetch:
      case Kind.changes:
      case Kind.commit:
        return this.#ask(requests, message)
      case Kind.cancel:
        return requests.cancel(message[1])
      case Kind.watch:
        return this.#watch(message)
      case Kind.unwatch:
        return this.#watches?.remove(message[1])
      case Kind.hello:
        throw badFrame('a second hello')
    }
  }

  #ask(requests: Requests, message: Asked): void {
    this.#refuseClash(message[1])
    requests.begin(message, this.#heardAt)
  }

  /** Parts say only an id: it is of a request, or of a query that is followed. */
  #refuseClash(id: Id): void {
    if (this.#requests?.has(id) === true || this.#watches?.has(id) === true) throw badFrame(`the id ${id} is in use`)
  }

  #hello(message: ClientMessage): void {
    if (message[0] !== Kind.hello || this.#state !== 'new') throw badFrame('a message before the welcome')
    const [, version, credentials] = message
    if (version !== protocolVersion) {
      return this.close(
        CloseCode.version,
        `this server speaks version ${protocolVersion} of the protocol, not ${version}`,
      )
    }
    this.#state = 'greeting'
    const welcome = (store: Store<object>): void => this.#welcome(store)
    const refuse = (error: unknown): void => {
      if (!isFanlightError(error)) this.#host.report.tell(error)
      const forbidden = isFanlightError(error, 'FORBIDDEN')
      const why = isFanlightError(error) ? error.message : 'the credentials could not be checked: try again'
      const code = forbidden
        ? CloseCode.forbidden
        : isFanlightError(error, 'AUTH_NEEDED')
          ? CloseCode.authNeeded
          : CloseCode.goingAway
      this.close(code, why)
    }
    try {
      const admitted = this.#host.admit(credentials ?? undefined)
      if (admitted instanceof Promise) admitted.then(welcome).catch(refuse)
      else welcome(admitted)
    } catch (error) {
      refuse(error)
    }
  }

  #welcome(store: Store<object>): void {
    if (this.#state !== 'greeting') return
    const { clock, random, limits, shared, report, size } = this.#host
    const info = this.#host.info(store)
    this.#state = 'open'
    this.#store = store
    this.#oldest = info.oldest
    this.#sources = info.sources
    this.#requests = this.#requestsOf(store)
    this.#watches = new Watches({
      clock,
      random,
      report,
      shared,
      store,
      size,
      timeoutMs: limits.timeoutMs,
      hasRoom: () => this.#hasRoom,
      wake: () => this.#host.wake(this),
      fanOut: (query, told, listener) => this.#host.fanOuts.join(store, query, told, listener),
      sendFrame: (frame, oldest) => this.#sendFrame(frame, oldest),
      send: (messages) => this.#send(messages),
      safely: (work) => this.safely(work),
    })
    const { frameBytes, requests, watches, valueDepth, beatMs } = limits
    const told = { frameBytes, requests, watches, valueDepth, beatMs }
    this.#outbox.push(encode([Kind.welcome, protocolVersion, info, told]))
    this.#stopTimer()
    this.#beat()
  }

  #requestsOf(store: Store<object>): Requests {
    const { clock, limits, report, size } = this.#host
    const isOpen = (): boolean => this.#state === 'open'
    return new Requests({
      clock,
      limits,
      report,
      store,
      outbox: this.#outbox,
      size,
      get isOpen() {
        return isOpen()
      },
      step: (all) => {
        if (this.follows) this.step(all)
      },
      tellSources: () => this.#tellSources(),
      tellHorizon: () => this.#horizon(),
      safely: (work) => this.safely(work),
    })
  }

  /** A sign of life, and a look whether the other end gives one. */
  #beat(): void {
    const { clock, limits } = this.#host
    this.#stopTimer = clock.after(limits.beatMs, () => {
      if (clock.now() - this.#heardAt > limits.idleMs) {
        this.#channel.terminate()
        return this.#end()
      }
      this.#channel.ping?.()
      if (!this.#outbox.spoke()) this.#outbox.push(encode([Kind.beat]))
      this.#beat()
    })
  }

  #watch(message: Watch): void {
    const [, id] = message
    const watches = this.#watches as Watches
    this.#refuseClash(id)
    try {
      if (watches.size >= this.#host.limits.watches) {
        throw new FanlightError('TOO_MANY', `a connection follows ${watches.size} queries at the most: end some`)
      }
      watches.add(message)
      this.#host.wake(this)
    } catch (error) {
      this.#outbox.push(encode([Kind.ended, id, this.#host.report.packed(error)]))
    }
  }

  /** Tells what can still be answered, where that has moved: with what is sent anyway. */
  #horizon(): void {
    const { oldest } = this.#store as Store<object>
    if (compareVersions(oldest, this.#oldest) === 'equal') return
    this.#oldest = oldest
    this.#outbox.push(this.#host.shared.horizon(oldest))
  }

  /** Before it is told of points in them. */
  #tellSources(): void {
    const store = this.#store as Store<object>
    const { sources } = store
    const before = this.#sources
    if (sources === before) return
    this.#sources = sources
    if (sameItems(sources, before)) return
    this.#outbox.push(encode([Kind.info, this.#host.info(store)]))
  }

  /** What others are sent as well. */
  #sendFrame(frame: Uint8Array, oldest: Versions | undefined): void {
    if (this.#state !== 'open') return
    this.#tellSources()
    this.#outbox.sendNow(frame)
    if (oldest === undefined) this.#horizon()
    else this.#oldest = oldest
  }

  #send(messages: Iterator<Uint8Array, void>): void {
    if (this.#state !== 'open') return
    this.#tellSources()
    // Most steps are one short message or two: they go with this turn's frame.
    const first: Uint8Array[] = []
    let bytes = 0
    for (let next = messages.next(); next.done !== true; next = messages.next()) {
      first.push(next.value)
      bytes += next.value.length
      if (bytes >= this.#host.size.pieceBytes) {
        for (const message of first) this.#outbox.push(message)
        this.#horizon()
        this.#outbox.flush()
        return this.#outbox.stream(messages)
      }
    }
    for (const message of first) this.#outbox.push(message)
    if (first.length > 0) this.#horizon()
  }
}
