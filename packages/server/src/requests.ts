import { type Clock, FanlightError, type Snapshot, type Store, type Update } from '@fanlight/core'
import { ask, failedCommit, type Soon, soon, TreeStore } from '@fanlight/core/kit'
import {
  type Changes,
  type Commit,
  encode,
  type Fetch,
  frameOf,
  type Id,
  Kind,
  packEntries,
  packWindows,
  readClientFrame,
  unpackChanges,
  unpackCommitId,
} from '@fanlight/protocol'
import { bodyOf, fewEntries, guarded, pieces, type PieceSize, updateInPieces } from './bodies.ts'
import type { ServerLimits } from './limits.ts'
import type { Outbox } from './outbox.ts'
import type { Report } from './report.ts'

/** What is asked once, and answered once. */
export type Asked = Fetch | Changes | Commit

/** What requests need of their connection. */
export interface RequestsHome {
  readonly clock: Clock
  readonly limits: ServerLimits
  readonly report: Report
  readonly store: Store<object>
  readonly outbox: Outbox
  readonly size: PieceSize
  readonly isOpen: boolean
  /** Tells what changed in what the client follows, before it is answered. */
  step(all: boolean): void
  /** Sources are told before points in them. */
  tellSources(): void
  /** Something was sent: a horizon that moved goes with it. */
  tellHorizon(): void
  /** Runs what was waited for. */
  safely(work: () => void): void
}

interface Request {
  readonly id: Id
  readonly beganMs: number
  /** Ends it early, where it may take a while. */
  controller: AbortController | undefined
  isCancelled: boolean
  /** Whether it is asked once more, for want of room for its answer when that came. */
  isAgain: boolean
  /** Whether it is one of the few that are asked again now. */
  hasTurn: boolean
}

/** A request that waits until the client has read what was sent before. Held as bytes, which are as long as they look. */
interface Held {
  readonly request: Request
  readonly frame: Uint8Array
}

/** What was answered without room for the answer is asked again, so many at once. */
const againMax = 4

/**
 * What one client asked, and its answers. An answer is evaluated when there is room to send it: so who asks for much and reads
 * little costs what its questions are long, and not its answers.
 */
export class Requests {
  readonly #home: RequestsHome
  readonly #underWay = new Map<Id, Request>()
  /** Controllers that were never used: one costs more than a fetch. */
  readonly #idle: AbortController[] = []
  readonly #held = new Map<Id, Held>()
  #heldBytes = 0
  #again = 0
  #resuming = false
  /** Whether a fetch without bounds is answered in the same turn, so that nothing can end it early. */
  readonly #isAtHand: boolean

  constructor(home: RequestsHome) {
    this.#home = home
    // A proxy of such a store may look like one, and wait: then it hides that answers are at hand.
    this.#isAtHand = home.store instanceof TreeStore && '~atHand' in home.store
  }

  has(id: Id): boolean {
    return this.#underWay.has(id)
  }

  /**
   * Begins what was asked; what goes wrong is the answer.
   *
   * @param beganMs when it came
   */
  begin(message: Asked, beganMs: number): void {
    const { limits, outbox } = this.#home
    const [kind, id] = message
    const isTooMuch = outbox.waitingBytes + this.#heldBytes > limits.bufferedBytes
    if (this.#underWay.size >= limits.requests || isTooMuch) {
      const why = `${this.#underWay.size} requests are under way, or answers are not read: await some first`
      return this.#tell(id, new FanlightError('TOO_MANY', why, { applied: 'no' }))
    }
    const request: Request = {
      id,
      beganMs,
      controller: undefined,
      isCancelled: false,
      isAgain: false,
      hasTurn: false,
    }
    this.#underWay.set(id, request)
    // What a commit answers is short, and others wait for what it does.
    if (kind === Kind.commit || outbox.hasRoom) this.#evaluate(request, message)
    else this.#hold(request, message)
  }

  /** Nobody waits for it any more. */
  cancel(id: Id): void {
    const request = this.#underWay.get(id)
    if (request === undefined) return
    request.isCancelled = true
    if (this.#unhold(id) === undefined) request.controller?.abort()
    else this.#fail(request, cancelled())
  }

  /** There is room: evaluates what was held. */
  resume(): void {
    if (this.#held.size === 0 || this.#resuming) return
    this.#resuming = true
    try {
      for (const [id, { request, frame }] of this.#held) {
        if (!this.#home.isOpen || !this.#home.outbox.hasRoom) break
        if (request.isAgain && this.#again >= againMax) continue
        this.#unhold(id)
        if (request.isAgain) this.#again++
        request.hasTurn = request.isAgain
        const [message] = readClientFrame(frame, this.#home.limits.valueDepth)
        this.#evaluate(request, message as Asked)
      }
    } finally {
      this.#resuming = false
      this.#home.outbox.isAwaited = this.#held.size > 0
    }
  }

  /** The connection is over. */
  close(): void {
    for (const { controller } of this.#underWay.values()) controller?.abort()
    this.#underWay.clear()
    this.#held.clear()
    this.#heldBytes = 0
  }

  #hold(request: Request, message: Asked): void {
    const frame = frameOf([encode(message)])
    this.#held.set(request.id, { request, frame })
    this.#heldBytes += frame.length
    this.#home.outbox.isAwaited = true
  }

  #unhold(id: Id): Held | undefined {
    const held = this.#held.get(id)
    if (held === undefined) return undefined
    this.#held.delete(id)
    this.#heldBytes -= held.frame.length
    return held
  }

  #evaluate(request: Request, message: Asked): void {
    try {
      switch (message[0]) {
        case Kind.fetch:
          return this.#fetch(request, message)
        case Kind.changes:
          return this.#changes(request, message)
        case Kind.commit:
          return this.#commit(request, message)
      }
    } catch (error) {
      this.#ended(request)
      this.#fail(request, error)
    }
  }

  /** What ends a request early. */
  #signal(request: Request): AbortSignal {
    request.controller ??= this.#idle.pop() ?? new AbortController()
    return request.controller.signal
  }

  /** What is left of the asker's patience. */
  #timeout({ beganMs }: Request, askedMs: number | null): number {
    const { clock, limits } = this.#home
    if (askedMs === null) return limits.timeoutMs
    return Math.min(Math.max(0, askedMs - Math.max(0, clock.now() - beganMs)), limits.timeoutMs)
  }

  #fetch(request: Request, message: Fetch): void {
    const [, , query, min, max, stall, timeoutMs] = message
    const { store } = this.#home
    // What cannot wait needs nothing that ends a wait.
    const isPlain = this.#isAtHand && min === null && max === null && stall === null
    const options = isPlain
      ? undefined
      : {
          min: min ?? undefined,
          max: max ?? undefined,
          stall: stall ?? undefined,
          timeoutMs: this.#timeout(request, timeoutMs),
          signal: this.#signal(request),
        }
    const done = (snapshot: Snapshot): void => {
      // Who waits for a point wants what it follows to be there too.
      if (min !== null) this.#home.step(true)
      this.#answer(request, snapshot)
    }
    const answered = ask(store, query, options)
    if (answered instanceof Promise) this.#after(request, answered, this.#whenRoom(request, message, done))
    else {
      this.#ended(request)
      done(answered)
    }
  }

  #answer({ id }: Request, { entries, windows, more, behind }: Snapshot): void {
    const { outbox, size } = this.#home
    const rest = [packWindows(windows), more.map((one) => [one.more, one.range]), behind]
    if (entries.length <= fewEntries && !outbox.isFull) {
      const message = encode([Kind.answer, id, packEntries(entries), ...rest])
      if (message.length <= size.pieceBytes) return this.#done(id, message)
    }
    const all = function* (): Generator<Uint8Array, void> {
      yield* pieces(entries, size, (some) => [Kind.part, id, packEntries(some)])
      yield encode([Kind.answer, id, [], ...rest])
    }
    this.#long(id, all())
  }

  #changes(request: Request, message: Changes): void {
    const [, , query, since, until, timeoutMs] = message
    const options = {
      since,
      until: until ?? undefined,
      timeoutMs: this.#timeout(request, timeoutMs),
      signal: this.#signal(request),
    }
    const done = (update: Update): void => this.#difference(request, update)
    this.#after(request, this.#home.store.changes(query, options), this.#whenRoom(request, message, done))
  }

  #difference({ id }: Request, update: Update): void {
    const { outbox, size } = this.#home
    const { versions, behind, replace, changes } = update
    const count = changes.length + (replace?.entries.length ?? 0)
    if (count <= fewEntries && !outbox.isFull) {
      const message = encode([Kind.difference, id, versions, behind, bodyOf(update)])
      if (message.length <= size.pieceBytes) return this.#done(id, message)
    }
    this.#long(
      id,
      updateInPieces(id, update, size, (rest) => [Kind.difference, id, versions, behind, rest]),
    )
  }

  #commit(request: Request, message: Commit): void {
    const [, id, changes, basis, guard, commitId, ...meta] = message
    const { store } = this.#home
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
      request,
      committed,
      (versions) => {
        // Who commits sees what it did in what it follows, before it hears that it is done.
        this.#home.step(false)
        this.#done(id, encode([Kind.committed, id, versions]))
      },
      (error) => failedCommit(error, 'unknown'),
    )
  }

  /**
   * An answer that comes when the client does not read is not kept: it is asked for again when there is room. Only a few are
   * asked for again at once, and these are sent whatever has come in between.
   */
  #whenRoom<T>(request: Request, message: Asked, done: (value: T) => void): (value: T) => void {
    return (value) => {
      if (request.isAgain || this.#home.outbox.hasRoom) return done(value)
      request.isAgain = true
      this.#hold(request, message)
    }
  }

  #after<T>(
    request: Request,
    work: Soon<T>,
    done: (value: T) => void,
    name: (error: unknown) => unknown = (error) => error,
  ): void {
    const failed = (error: unknown): void => {
      this.#ended(request)
      this.#fail(request, error)
    }
    const go = (value: T): void => {
      this.#ended(request)
      if (!this.#home.isOpen || !this.#underWay.has(request.id)) return
      try {
        done(value)
      } catch (error) {
        this.#fail(request, error)
      }
    }
    const home = this.#home
    const answered = soon(
      work,
      (value) => home.safely(() => go(value)),
      (error) => home.safely(() => failed(name(error))),
    )
    if (answered instanceof Promise) answered.catch((error: unknown) => home.report.tell(error))
  }

  /** Its turn to be asked again is over. */
  #ended(request: Request): void {
    if (!request.hasTurn) return
    request.hasTurn = false
    this.#again--
  }

  /** A request has ended. Gives whether it was under way. */
  #forget(id: Id): boolean {
    const controller = this.#underWay.get(id)?.controller
    if (controller?.signal.aborted === false) this.#idle.push(controller)
    return this.#underWay.delete(id)
  }

  #done(id: Id, message: Uint8Array): void {
    this.#forget(id)
    this.#home.tellSources()
    this.#home.outbox.push(message)
    this.#home.tellHorizon()
  }

  /** Sends an answer as there is room; what goes wrong on the way ends it. Until it is sent it is under way. */
  #long(id: Id, messages: Iterator<Uint8Array, void>): void {
    const { outbox, report } = this.#home
    this.#home.tellSources()
    const request = this.#underWay.get(id)
    const forget = (): boolean => this.#forget(id)
    const unlessCancelled = function* (): Generator<Uint8Array, void> {
      for (let next = messages.next(); next.done !== true; next = messages.next()) {
        if (request?.isCancelled === true) throw cancelled()
        yield next.value
      }
    }
    const all = function* (): Generator<Uint8Array, void> {
      yield* guarded(unlessCancelled(), (error) => encode([Kind.failed, id, report.packed(error)]))
      forget()
    }
    outbox.stream(all())
    this.#home.tellHorizon()
  }

  #fail(request: Request, error: unknown): void {
    if (!this.#forget(request.id) || !this.#home.isOpen) return
    this.#tell(request.id, error)
    this.#home.tellHorizon()
  }

  #tell(id: Id, error: unknown): void {
    const { outbox, report } = this.#home
    outbox.push(encode([Kind.failed, id, report.packed(error)]))
  }
}

function cancelled(): FanlightError {
  return new FanlightError('ABORTED', 'it was cancelled: ask again')
}
