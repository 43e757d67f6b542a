import {
  type Clock,
  FanlightError,
  isFanlightError,
  type Snapshot,
  type SourceId,
  type Store,
  type Update,
  type Versions,
} from '@fanlight/core'
import { ask, failedCommit, type Soon, soon } from '@fanlight/core/kit'
import {
  badFrame,
  type Changes,
  type Channel,
  type ClientMessage,
  CloseCode,
  type Commit,
  type Credentials,
  encode,
  type Fetch,
  type Id,
  Kind,
  packChanges,
  packEntries,
  packError,
  packWindows,
  protocolVersion,
  readClientFrame,
  type StoreInfo,
  unpackChanges,
  unpackCommitId,
  type Watch,
} from '@fanlight/protocol'
import type { Later } from './ambient.ts'
import { bodyOf, guarded, pieces, pieceSize, type PieceSize } from './bodies.ts'
import type { ServerLimits } from './limits.ts'
import { Outbox } from './outbox.ts'
import type { Shared } from './shared.ts'
import { Watches } from './watches.ts'

/** What a connection needs of its server. */
export interface ConnectionHost {
  readonly clock: Clock
  readonly later: Later
  readonly limits: ServerLimits
  readonly shared: Shared
  /** The store that someone with these credentials may see. */
  admit(credentials: Credentials): Soon<Store<object>>
  info(store: Store<object>): StoreInfo
  /** The connection may have a step to take. */
  wake(connection: Connection): void
  forget(connection: Connection): void
}

/** How many entries are encoded without a look at how long they are. */
const fewEntries = 64

/** One client: what it asked, what it follows, and what goes to it. */
export class Connection {
  readonly #host: ConnectionHost
  readonly #channel: Channel
  readonly #outbox: Outbox
  readonly #size: PieceSize
  /** What is under way, and how it is cancelled. */
  readonly #requests = new Map<Id, AbortController | undefined>()
  /** Controllers that were never used: one costs more than a fetch. */
  readonly #idle: AbortController[] = []
  #store: Store<object> | undefined
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
    this.#outbox = new Outbox(channel, host.shared, limits.frameBytes, later, () => this.#host.wake(this))
    this.#size = pieceSize(limits.frameBytes)
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

  /**
   * Tells what changed in what it follows, where it reads as fast as it is told.
   *
   * @param all also how far the store is, where nothing changed
   */
  step(all: boolean): void {
    const watches = this.#watches
    if (watches === undefined || this.#state !== 'open' || this.#outbox.isFull) return
    watches.step(all, (messages) => this.#send(messages))
  }

  /** Tells it, and does not wait for the end of the turn. */
  stepNow(): void {
    this.step(false)
    this.#outbox.flush()
  }

  /** Something of the store itself changed. */
  tell(message: Uint8Array): void {
    if (this.#state === 'open') this.#outbox.push(message)
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
    for (const controller of this.#requests.values()) controller?.abort()
    this.#requests.clear()
    this.#watches?.close()
    this.#host.forget(this)
  }

  #frame(bytes: Uint8Array): void {
    if (this.#state === 'over') return
    const { limits, clock } = this.#host
    this.#heardAt = clock.now()
    if (bytes.length > limits.frameBytes) {
      return this.close(CloseCode.tooLarge, `a frame may have ${limits.frameBytes} bytes, not ${bytes.length}`)
    }
    // Refusals take room as well: who goes on asking and does not read them is let go.
    if (this.#outbox.waitingBytes > 2 * (limits.bufferedBytes + limits.frameBytes)) {
      return this.close(CloseCode.tooMany, 'answers are not read')
    }
    try {
      for (const message of readClientFrame(bytes, limits.valueDepth)) this.#message(message)
    } catch (error) {
      const why = isFanlightError(error) ? error.message : 'a frame cannot be read'
      this.close(isFanlightError(error, 'TOO_MANY') ? CloseCode.tooMany : CloseCode.badFrame, why)
    }
  }

  #message(message: ClientMessage): void {
    // What one message of a frame ended is not asked by the next.
    if (this.#state === 'over') return
    if (this.#state !== 'open') return this.#hello(message)
    const store = this.#store as Store<object>
    switch (message[0]) {
      case Kind.fetch:
        return this.#begin(message[1], () => this.#fetch(store, message))
      case Kind.changes:
        return this.#begin(message[1], () => this.#changes(store, message))
      case Kind.commit:
        return this.#begin(message[1], () => this.#commit(store, message))
      case Kind.cancel:
        return this.#requests.get(message[1])?.abort()
      case Kind.watch:
        return this.#watch(message)
      case Kind.unwatch:
        return this.#watches?.remove(message[1])
      case Kind.hello:
        throw badFrame('a second hello')
    }
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
    const { limits, shared } = this.#host
    const info = this.#host.info(store)
    this.#state = 'open'
    this.#store = store
    this.#oldest = info.oldest
    this.#sources = info.sources
    this.#watches = new Watches(store, shared, this.#size, () => this.#host.wake(this))
    const { frameBytes, requests, watches, beatMs } = limits
    this.#outbox.push(encode([Kind.welcome, protocolVersion, info, { frameBytes, requests, watches, beatMs }]))
    this.#stopTimer()
    this.#beat()
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

  /** Begins what was asked; what goes wrong is the answer. */
  #begin(id: Id, work: () => void): void {
    const { limits } = this.#host
    if (this.#requests.has(id)) throw badFrame(`the id ${id} is in use`)
    if (this.#requests.size >= limits.requests || this.#outbox.waitingBytes > limits.bufferedBytes) {
      const message = `${this.#requests.size} requests are under way, or answers are not read: await some first`
      return this.#outbox.push(
        encode([Kind.failed, id, packError(new FanlightError('TOO_MANY', message, { applied: 'no' }))]),
      )
    }
    this.#requests.set(id, undefined)
    try {
      work()
    } catch (error) {
      this.#fail(id, error)
    }
  }

  /** What ends a request early. */
  #signal(id: Id): AbortSignal {
    const controller = this.#idle.pop() ?? new AbortController()
    this.#requests.set(id, controller)
    return controller.signal
  }

  #timeout(askedMs: number | null): number {
    const { timeoutMs } = this.#host.limits
    return askedMs === null ? timeoutMs : Math.min(askedMs, timeoutMs)
  }

  #fetch(store: Store<object>, [, id, query, min, max, stall, timeoutMs]: Fetch): void {
    // What cannot wait needs nothing that ends a wait.
    const isPlain = min === null && max === null && stall === null
    const options = isPlain
      ? undefined
      : {
          min: min ?? undefined,
          max: max ?? undefined,
          stall: stall ?? undefined,
          timeoutMs: this.#timeout(timeoutMs),
          signal: this.#signal(id),
        }
    const done = (snapshot: Snapshot): void => {
      // Who waits for a point wants what it follows to be there too.
      if (min !== null && this.follows) this.step(true)
      this.#answer(id, snapshot)
    }
    const answered = ask(store, query, options)
    if (answered instanceof Promise) this.#after(id, answered, done)
    else done(answered)
  }

  #answer(id: Id, { entries, windows, more, behind }: Snapshot): void {
    const rest = [packWindows(windows), more.map((one) => [one.more, one.range]), behind]
    const packed = packEntries(entries)
    if (entries.length <= fewEntries && !this.#outbox.isFull) {
      const message = encode([Kind.answer, id, packed, ...rest])
      if (message.length <= this.#size.pieceBytes) return this.#done(id, message)
    }
    const size = this.#size
    const all = function* (): Generator<Uint8Array, void> {
      yield* pieces(packed, size, (some) => [Kind.part, id, some])
      yield encode([Kind.answer, id, [], ...rest])
    }
    this.#long(id, all())
  }

  #changes(store: Store<object>, [, id, query, since, until, timeoutMs]: Changes): void {
    const options = {
      since,
      until: until ?? undefined,
      timeoutMs: this.#timeout(timeoutMs),
      signal: this.#signal(id),
    }
    this.#after(id, store.changes(query, options), (update: Update) => {
      const { versions, behind, replace, changes, folded } = update
      const count = changes.length + (replace?.entries.length ?? 0)
      if (count <= fewEntries && !this.#outbox.isFull) {
        const message = encode([Kind.difference, id, versions, behind, bodyOf(update)])
        if (message.length <= this.#size.pieceBytes) return this.#done(id, message)
      }
      const size = this.#size
      const all = function* (): Generator<Uint8Array, void> {
        if (replace !== undefined) yield* pieces(packEntries(replace.entries), size, (some) => [Kind.part, id, some])
        yield* pieces(packChanges(changes), size, (some) => [Kind.changed, id, some])
        yield encode([
          Kind.difference,
          id,
          versions,
          behind,
          [replace === undefined ? null : [replace.ranges, []], [], folded],
        ])
      }
      this.#long(id, all())
    })
  }

  #commit(store: Store<object>, message: Commit): void {
    const [, id, changes, basis, guard, commitId, ...meta] = message
    if (store.commit === undefined) {
      throw new FanlightError('READ_ONLY', 'this store takes no commits: commit to what it is made of', {
        applied: 'no',
      })
    }
    const options = {
      basis: basis ?? undefined,
      guard: guard ?? undefined,
      id: commitId === null ? undefined : unpackCommitId(commitId),
      ...(meta.length === 0 ? {} : { meta: meta[0] }),
    }
    const committed = store.commit(unpackChanges(changes), options)
    this.#after(
      id,
      committed,
      (versions) => {
        // Who commits sees what it did in what it follows, before it hears that it is done.
        if (this.follows) this.step(false)
        this.#done(id, encode([Kind.committed, id, versions]))
      },
      (error) => failedCommit(error, 'unknown'),
    )
  }

  #watch(message: Watch): void {
    const [, id] = message
    const watches = this.#watches as Watches
    if (watches.has(id)) throw badFrame(`the id ${id} is in use`)
    try {
      if (watches.size >= this.#host.limits.watches) {
        throw new FanlightError('TOO_MANY', `a connection follows ${watches.size} queries at the most: end some`)
      }
      watches.add(message)
      this.#host.wake(this)
    } catch (error) {
      this.#outbox.push(encode([Kind.ended, id, packError(error)]))
    }
  }

  #after<T>(
    id: Id,
    work: Soon<T>,
    done: (value: T) => void,
    name: (error: unknown) => unknown = (error) => error,
  ): void {
    const go = (value: T): void => {
      if (this.#state !== 'open') return
      try {
        done(value)
      } catch (error) {
        this.#fail(id, error)
      }
    }
    const answered = soon(work, go, (error) => this.#fail(id, name(error)))
    if (answered instanceof Promise) answered.catch(() => undefined)
  }

  /** A request has ended. Gives whether it was under way. */
  #forget(id: Id): boolean {
    const controller = this.#requests.get(id)
    if (controller?.signal.aborted === false) this.#idle.push(controller)
    return this.#requests.delete(id)
  }

  #done(id: Id, message: Uint8Array): void {
    this.#forget(id)
    this.#tellSources()
    this.#outbox.push(message)
    this.#horizon()
  }

  /** Sends an answer as there is room; what goes wrong on the way ends it. Until it is sent it is under way. */
  #long(id: Id, messages: Iterator<Uint8Array, void>): void {
    this.#tellSources()
    const forget = (): boolean => this.#forget(id)
    const all = function* (): Generator<Uint8Array, void> {
      yield* guarded(messages, (error) => encode([Kind.failed, id, packError(error)]))
      forget()
    }
    this.#outbox.stream(all())
    this.#horizon()
  }

  #fail(id: Id, error: unknown): void {
    if (!this.#forget(id) || this.#state !== 'open') return
    this.#outbox.push(encode([Kind.failed, id, packError(error)]))
    this.#horizon()
  }

  /** Tells what can still be answered, where that has moved: with what is sent anyway. */
  #horizon(): void {
    const { oldest } = this.#store as Store<object>
    if (oldest === this.#oldest || sameVersions(oldest, this.#oldest)) return
    this.#oldest = oldest
    this.#outbox.push(encode([Kind.horizon, oldest]))
  }

  /** Before it is told of points in them. */
  #tellSources(): void {
    const store = this.#store as Store<object>
    const { sources } = store
    const before = this.#sources
    if (sources === before) return
    this.#sources = sources
    if (sources.length === before.length && sources.every((source, i) => source === before[i])) return
    this.#outbox.push(encode([Kind.info, this.#host.info(store)]))
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
      if (bytes >= this.#size.pieceBytes) {
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

function sameVersions(a: Versions, b: Versions): boolean {
  const sources = Object.keys(a)
  return sources.length === Object.keys(b).length && sources.every((source) => a[source] === b[source])
}
