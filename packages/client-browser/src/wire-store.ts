import {
  type Change,
  type ChangesOptions,
  type Clock,
  type CommitOptions,
  type Continued,
  FanlightError,
  type FeedState,
  type FetchOptions,
  isFanlightError,
  type Query,
  type Snapshot,
  type SourceId,
  type Supports,
  type Update,
  type Versions,
} from '@fanlight/core'
import {
  BaseStore,
  checkVersions,
  type Difference,
  failedCommit,
  mergeVersions,
  promised,
  reaches,
  type Reading,
  readCommit,
  readQuery,
  sameItems,
  type Soon,
  type Spans,
  lowerCorner,
  upperCorner,
} from '@fanlight/core/kit'
import {
  type Answer,
  badFrame,
  type Committed,
  type DifferenceMessage,
  type Id,
  Kind,
  packChanges,
  packCommitId,
  type ServerMessage,
  type StoreInfo,
  unpackEntries,
  unpackError,
  unpackWindows,
} from '@fanlight/protocol'
import type { Dial } from './dial.ts'
import { FollowedQueries } from './followed-queries.ts'
import { Link } from './link.ts'
import type { ConnectionState, ConnectOptions } from './options.ts'
import { addPart, takeParts } from './parts.ts'
import { assertWhole, asSet, lostPoint, onlyOf, stalledAt, sum } from './points.ts'
import { Requests } from './requests.ts'
import { nothingSupported, nowhere, queryOf, stateOf, updateOf } from './unpack.ts'

/**
 * A store across a connection. Answers and differences come from the server; for feeds, the server tells with each step what
 * changed in the queries that they follow, so that all of them step together, and from what is here.
 */
export class WireStore extends BaseStore<object> {
  readonly #link: Link
  readonly #requests: Requests
  readonly #onConnection: ((state: ConnectionState) => void) | undefined
  readonly #followed: FollowedQueries
  readonly #openings = new Set<{ resolve(): void; reject(error: FanlightError): void }>()
  #info: StoreInfo | undefined
  #sources: readonly SourceId[] = []
  #sourceSet: Readonly<Record<SourceId, unknown>> = {}
  /** What the server is known to have reached. */
  #reached: Versions = {}
  /** The point to which everything that is followed was told. */
  #fed: Versions = {}
  #oldest: Versions = {}
  #lostWhy: FanlightError | undefined
  #over: FanlightError | undefined
  #closesWhenLost = false

  constructor(url: string, dial: Dial, options: ConnectOptions) {
    super(options, url)
    const { credentials, retryMs = 200, retryMsMax = 20_000, stableMs = 5_000, steps = 64, onConnection } = options
    const { clock, random } = this
    this.#onConnection = onConnection
    this.#link = new Link(
      { url, dial, clock, random, credentials, retryMs, retryMsMax, stableMs },
      {
        opened: (info) => this.#opened(info),
        message: (message) => this.#message(message),
        lost: (why) => this.#lost(why),
        moved: (state) => this.#onConnection?.(state),
        over: (why) => this.#ended(why),
      },
    )
    const shared = { link: this.#link, clock, random, name: this.name }
    this.#requests = new Requests({ ...shared, stalled: (wanted) => stalledAt(this, wanted, this.#lostWhy) })
    this.#followed = new FollowedQueries({
      ...shared,
      stepsMax: steps,
      nextId: () => this.#requests.nextId(),
      moved: () => this.stateChanged(),
      allHold: (signature, point) => this.allHold(signature, point),
      refused: (signature, why) => this.endFeeds(why, signature),
    })
    this.#link.start()
  }

  /** The clock that it goes by. */
  get time(): Clock {
    return this.clock
  }

  /** How the connection stands. */
  get connection(): ConnectionState {
    return this.#link.state
  }

  get sources(): readonly SourceId[] {
    return this.#sources
  }

  get supports(): Supports {
    return this.#info?.supports ?? nothingSupported
  }

  override get continues(): readonly Continued[] {
    return this.#info?.continues ?? []
  }

  get oldest(): Versions {
    return this.#oldest
  }

  get reached(): Versions {
    return this.#reached
  }

  protected override get fed(): Versions {
    return this.#fed
  }

  /** What a feed holds is never called lost here: the server knows, and says so. */
  protected override get fedSince(): Versions {
    const since: Record<SourceId, number> = {}
    for (const source in this.#oldest) since[source] = Math.min(this.#oldest[source] ?? 0, this.#fed[source] ?? 0)
    return since
  }

  override get state(): FeedState {
    return stateOf(this.#sources, this.#info, this.#lostWhy ?? this.#followed.why, this.#over !== undefined)
  }

  /** Where there will be no connection any more, whoever asks hears why. */
  protected override assertOpen(): void {
    super.assertOpen()
    if (this.#over !== undefined) throw this.#over
  }

  /** Resolves when there is a connection. */
  whenOpen(): Promise<void> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    if (this.#info !== undefined) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#openings.add({ resolve, reject })
    })
  }

  override '~atHand'(query: Query, options: FetchOptions = {}): Promise<Snapshot> {
    return promised(() => {
      this.assertOpen()
      const spans = readQuery(query, this.limits.ranges)
      this.refuseAborted(options.signal)
      const { min, max } = options
      if (min !== undefined) checkVersions(min, 'min')
      if (max !== undefined) checkVersions(max, 'max')
      const answered = this.#fetch(spans, options)
      const asksNothing = spans.list.every(({ limit }) => limit === 0)
      if (min === undefined || !asksNothing) return answered
      // Who waits for a point, and reads nothing, wants what is followed here to have come to it too.
      return answered.then((snapshot) => this.#whenHere(snapshot, min, options))
    })
  }

  override changes(query: Query, options: ChangesOptions): Promise<Update<never>> {
    return promised(() => {
      this.assertOpen()
      const spans = readQuery(query, this.limits.ranges)
      this.refuseAborted(options.signal)
      checkVersions(options.since, 'since')
      if (options.until !== undefined) checkVersions(options.until, 'until')
      return this.#difference(spans, options.since, options)
    }) as Promise<Update<never>>
  }

  get commit(): ((changes: readonly Change<never>[], options?: CommitOptions) => Promise<Versions>) | undefined {
    return this.supports.commit ? this.#commit : undefined
  }

  protected read(spans: Spans, at: Versions): Soon<Reading> {
    const pushed = this.#followed.of(spans)
    const refused = pushed?.refusal
    if (refused !== undefined) throw refused
    const told = pushed?.answerAt(at)
    if (told !== undefined) return told
    const isNewest = reaches(at, this.#fed)
    if (pushed === undefined || pushed.told !== undefined || !isNewest) return this.#readAt(spans, at, isNewest)
    return pushed.whenTold().then(() => {
      this.assertOpen()
      const first = pushed.answerAt(at)
      if (first !== undefined) return first
      const error = pushed.refusal
      if (error !== undefined) throw error
      // The first answer is at a newer point than the one that is asked for.
      return this.#readAt(spans, at, true)
    })
  }

  #readAt(spans: Spans, at: Versions, isNewest: boolean): Promise<Reading> {
    const read = this.#fetch(spans, { min: at, max: at, timeoutMs: Infinity }, true).then((answered) => {
      assertWhole(this, at, lowerCorner(answered.windows))
      return answered
    })
    return read.catch((error: unknown) => this.#lostAt(at, error, isNewest))
  }

  /**
   * A feed could not be told what is at a point.
   *
   * @param isNewest whether the point was the newest here, and the server has forgotten it: so it is further, and tells that at once
   * @throws LOST_IN_FOG for what was reset as well: a feed steps to a newer point then (L7)
   */
  async #lostAt(at: Versions, error: unknown, isNewest: boolean): Promise<never> {
    const isReset = isFanlightError(error, 'SOURCE_RESET')
    if (isReset || (isNewest && isFanlightError(error, 'LOST_IN_FOG'))) {
      // What is followed here has not left the point yet.
      if (reaches(at, this.#fed)) await this.whenMoved()
    }
    throw isReset ? lostPoint(this, at, error) : error
  }

  protected difference(spans: Spans, since: Versions, until: Versions): Soon<Difference> {
    const pushed = this.#followed.of(spans)
    const refused = pushed?.refusal
    if (refused !== undefined) throw refused
    const told = pushed?.difference(since, until)
    if (told !== undefined) return told
    const difference = this.#difference(spans, since, { until, timeoutMs: Infinity }, true).then((update) => {
      assertWhole(this, until, update.versions)
      return update
    })
    return difference.catch((error: unknown) => this.#lostAt(until, error, false))
  }

  protected override followed(spans: Spans, signature: string): void {
    this.#followed.follow(spans, signature)
  }

  protected override unfollowed(_: Spans, signature: string): void {
    this.#followed.unfollow(signature)
  }

  /** Closes now where there is no connection, and else when it is lost: what waits for one would wait in vain. */
  closeWhenLost(): void {
    this.#closesWhenLost = true
    if (!this.#link.isOpen) void this.close()
  }

  protected override release(): Promise<void> {
    this.#link.close()
    this.#end(new FanlightError('CLOSED', `${this.name} is closed: connect again`, { store: this.name }))
    return Promise.resolve()
  }

  readonly #commit = (changes: readonly Change[], options?: CommitOptions): Promise<Versions> =>
    promised(() => {
      this.assertOpen()
      this.refuseAborted(options?.signal)
      // The server checks as well; but what cannot be packed must not be tried, and what is too deep ends the connection.
      const valueDepth = Math.min(this.limits.valueDepth, this.#link.limits.valueDepth)
      readCommit(changes, options, { ...this.limits, valueDepth }, (point) => point)
      const { basis = null, guard, id, meta, signal } = options ?? {}
      const asked = guard === undefined ? null : queryOf(readQuery(guard, this.limits.ranges))
      const commitId = id === undefined ? null : packCommitId(id)
      const packed = packChanges(changes)
      const rest = meta === undefined ? [] : [meta]
      const message = (request: Id): unknown => [Kind.commit, request, packed, basis, asked, commitId, ...rest]
      const patience = { timeoutMs: this.limits.timeoutMs, signal, wanted: basis ?? {}, isHarmless: false }
      return this.#requests.ask(message, patience).then(({ message: answer }) => {
        const [, , versions] = answer as Committed
        this.#raise(versions)
        return versions
      })
    }).catch((error: unknown) => {
      throw failedCommit(error, 'no')
    })

  #fetch(spans: Spans, options: FetchOptions, isOfFeed = false): Promise<Snapshot> {
    const query = queryOf(spans)
    const { min = null, max = null, stall = null, timeoutMs = this.limits.timeoutMs, signal } = options
    const message = (id: Id, leftMs: number | null): unknown => [Kind.fetch, id, query, min, max, stall, leftMs]
    return this.#requests
      .ask(message, { timeoutMs, signal, wanted: min ?? {}, stall, isOfFeed })
      .then(({ message: answer, parts }) => {
        const [, , entries, windows, more, behind] = answer as Answer
        const unpacked = unpackWindows(windows)
        const snapshot: Snapshot = {
          entries: parts === undefined ? unpackEntries(entries) : [...parts.entries, ...unpackEntries(entries)],
          windows: unpacked,
          versions: upperCorner(unpacked),
          more: more.map(([follows, range]) => ({ more: follows, range })),
          behind,
        }
        this.#raise(sum(snapshot.versions, behind))
        return snapshot
      })
  }

  #difference(
    spans: Spans,
    since: Versions,
    options: Omit<ChangesOptions, 'since'>,
    isOfFeed = false,
  ): Promise<Update> {
    const query = queryOf(spans)
    const { until = null, timeoutMs = this.limits.timeoutMs, signal } = options
    const message = (id: Id, leftMs: number | null): unknown => [Kind.changes, id, query, since, until, leftMs]
    return this.#requests
      .ask(message, { timeoutMs, signal, wanted: until ?? since, isOfFeed })
      .then(({ message: answer, parts }) => {
        const [, , versions, behind, body] = answer as DifferenceMessage
        this.#raise(sum(versions, behind))
        return Object.assign(updateOf(body, behind, parts), { versions })
      })
  }

  /** What is followed here comes to a point a moment later than the server does. */
  #whenHere(snapshot: Snapshot, min: Versions, options: FetchOptions): Soon<Snapshot> {
    const point: Record<SourceId, number> = {}
    for (const source in this.#fed) if (min[source] !== undefined) point[source] = min[source]
    if (reaches(this.#fed, point)) return snapshot
    return this.whenReached(point, { ...options, stall: 'wait' }, () => snapshot)
  }

  #opened(info: StoreInfo): void {
    const before = this.#sources
    this.#lostWhy = undefined
    this.#learn(info)
    const isSame =
      before.length === 0 ||
      (before.length === this.#sources.length && before.every((one) => this.#sources.includes(one)))
    if (!isSame || before.length === 0) {
      this.#fed = this.#continued(this.#fed) ?? info.reached
      this.#reached = info.reached
      this.#followed.restart((point) => this.#continued(point))
      // The points that feeds ask for are of a history that is no more: they step to the one that there is (L7).
      this.#requests.refuseOfFeeds((wanted) => lostPoint(this, wanted))
    }
    this.#followed.opened()
    this.#requests.resend()
    for (const opening of this.#openings) opening.resolve()
    this.#openings.clear()
    if (isSame) this.#raise(info.reached)
    else this.advanced()
    this.stateChanged()
  }

  /** A point, in the sources that there are now; undefined: they do not continue it. */
  #continued(point: Versions): Versions | undefined {
    try {
      const resolved = this.resolve(point, 'the point held')
      return this.#sources.every((source) => resolved[source] !== undefined) ? resolved : undefined
    } catch (error) {
      if (isFanlightError(error, 'SOURCE_RESET')) return undefined
      throw error
    }
  }

  #learn(info: StoreInfo): void {
    this.#info = info
    this.#oldest = info.oldest
    const { sources } = info
    if (sameItems(sources, this.#sources)) return
    this.#sources = sources
    this.#sourceSet = asSet(sources)
  }

  #lost(why: FanlightError): void {
    this.#lostWhy = why
    this.#followed.lost()
    this.#requests.lost(why)
    if (this.#closesWhenLost) return void this.close()
    this.stateChanged()
  }

  #ended(why: FanlightError): void {
    this.#lostWhy = why
    this.#end(why)
    this.endAll(why)
  }

  #end(why: FanlightError): void {
    this.#over = why
    this.#requests.end(why)
    for (const opening of this.#openings) opening.reject(why)
    this.#openings.clear()
    this.#followed.end()
  }

  #message(message: ServerMessage): void {
    switch (message[0]) {
      case Kind.answer:
      case Kind.difference:
      case Kind.committed:
        return this.#requests.answered(message[1], message)
      case Kind.failed: {
        const error = unpackError(message[2])
        if (error.horizon !== undefined) this.#oldest = mergeVersions(this.#oldest, onlyOf(error.horizon, this.#oldest))
        return this.#requests.failed(message[1], error)
      }
      case Kind.part:
      case Kind.changed: {
        // What nobody waits for any more is not kept.
        const whose = this.#requests.of(message[1]) ?? this.#followed.byId(message[1])
        return whose && addPart(whose, message)
      }
      case Kind.update: {
        const [, id, versions, body] = message
        const pushed = this.#followed.byId(id)
        if (pushed === undefined) return
        // What was pushed is at the newest point, as far as is known here: behind nothing.
        return pushed.push(updateOf(body, nowhere, takeParts(pushed)), versions ?? undefined)
      }
      case Kind.watching:
        return this.#followed.watching(message[1])
      case Kind.step:
        return this.#step(message[1])
      case Kind.ended:
        return this.#followed.ended(message[1], unpackError(message[2]))
      case Kind.info: {
        const before = this.#sources
        this.#learn(message[1])
        if (before !== this.#sources) {
          // What is gone is no part of a point any more; where what came is, the next step says.
          this.#fed = onlyOf(this.#fed, this.#sourceSet)
          this.#reached = onlyOf(this.#reached, this.#sourceSet)
          this.#raise(message[1].reached)
          // Whoever waits for a source that is gone learns of it.
          this.advancedIn([])
        }
        return this.stateChanged()
      }
      case Kind.horizon:
        this.#oldest = message[1]
        return
      case Kind.welcome:
      case Kind.beat:
        return
      default:
        throw badFrame(`there is no message of kind ${String((message as readonly unknown[])[0]).slice(0, 20)}`)
    }
  }

  /** Everything that was told since the last step counts from here on, all of it at once (L4, L5). */
  #step(point: Versions): void {
    const touched = this.#followed.step(point)
    const fed = mergeVersions(this.#fed, onlyOf(point, this.#sourceSet))
    if (reaches(this.#fed, fed) && touched.length === 0) return
    this.#fed = fed
    this.#reached = mergeVersions(this.#reached, fed)
    this.advancedIn(touched)
  }

  /** The server is at a point. Where something is followed, the steps say when that is here. */
  #raise(point: Versions): void {
    const reached = mergeVersions(this.#reached, onlyOf(point, this.#sourceSet))
    if (reaches(this.#reached, reached)) return
    this.#reached = reached
    if (this.#followed.size > 0) return
    this.#fed = reached
    this.advanced()
  }
}
