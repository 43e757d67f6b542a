import { type Clock, type CommitId, FanlightError, type Versions } from '@fanlight/core'
import { type CommitRequest, failedCommit, settledBefore } from '@fanlight/core/kit'
import type { Compaction } from './compaction.ts'
import { gathered } from './gathered.ts'
import { Group } from './group.ts'
import type { Ledger } from './ledger.ts'
import { type WaitingCommit, type WaitingLimits, WaitingCommits, groupMax } from './waiting.ts'

/** What the writing of commits needs of its store. */
export interface CommitHost {
  readonly clock: Clock
  /** Brings a point into the present source. */
  resolve(point: Versions): Versions
  /** The version at which a commit was made; undefined: it was made for another source. */
  born(id: CommitId): number | undefined
  /** All up to this version is durable. */
  advanced(version: number, keys: readonly string[]): void
  /** Nobody knows what of the last batch is on disk. */
  failed(why: FanlightError): void
}

/**
 * Writes commits, many in one batch with one sync: all that came while the batch before was written go into the next. They
 * are decided on in their order, each against all before it, and are shown when they are durable (L4).
 */
export class GroupCommit {
  readonly #ledger: Ledger
  readonly #host: CommitHost
  readonly #compaction: Compaction
  readonly #waiting: WaitingCommits
  readonly #sync: boolean
  #version: number
  #running: Promise<void> | undefined
  #failure: FanlightError | undefined

  constructor(ledger: Ledger, host: CommitHost, compaction: Compaction, sync: boolean, limits: WaitingLimits) {
    this.#ledger = ledger
    this.#host = host
    this.#compaction = compaction
    this.#waiting = new WaitingCommits(ledger.name, limits)
    this.#sync = sync
    this.#version = ledger.reached
  }

  /** Waits for the outcome of a commit that was checked. */
  add(request: CommitRequest, signal: AbortSignal | undefined): Promise<Versions> {
    if (this.#failure !== undefined) return Promise.reject(this.#refusal(request, this.#failure))
    const release = this.#pin(request)
    const outcome = this.#waiting.add(request, signal)
    if (release !== undefined) outcome.then(release, release)
    this.start()
    return outcome
  }

  /** While a commit waits, what its id must be held against is not forgotten. */
  #pin({ id }: CommitRequest): (() => void) | undefined {
    const { history, pins } = this.#ledger
    const born = id === undefined ? undefined : this.#host.born(id)
    if (born === undefined || born < history.start.version) return undefined
    const pin = pins.hold(born)
    return () => pins.release(pin)
  }

  /** Writes what waits, and compacts what is due. */
  start(): void {
    this.#running ??= this.#run()
  }

  /** Resolves when all that waited has its outcome. */
  async end(): Promise<void> {
    this.#compaction.end()
    await this.#running
  }

  async #run(): Promise<void> {
    for (;;) {
      // Those who have just heard of their commits may make the next.
      await gathered(() => this.#waiting.size, groupMax.commitsMax)
      const group = this.#waiting.take()
      const operations = group.length > 0 ? await this.#write(group) : 0
      const dropped = this.#compaction.isDue && (await this.#compact(operations))
      if (group.length === 0 && !dropped && this.#waiting.size === 0) break
    }
    this.#running = undefined
  }

  /** Returns how many operations it took. */
  async #write(waiting: readonly WaitingCommit[]): Promise<number> {
    if (this.#failure !== undefined) return refuse(waiting, (request) => this.#refusal(request, this.#failure))
    let group: Group
    try {
      group = await Group.load(
        this.#ledger,
        waiting.map(({ request }) => request),
      )
    } catch (error) {
      return refuse(waiting, () => failedCommit(error, 'no'))
    }
    const now = this.#host.clock.now()
    const decided = this.#decide(group, waiting, now)
    const operations = group.operations(this.#version, now)
    if (operations.length > 0) {
      try {
        await this.#ledger.disk.write(operations, this.#sync)
      } catch (error) {
        this.#fail(error, decided)
        return operations.length
      }
      this.#host.advanced(this.#version, group.keys)
      this.#ledger.tail.trim()
      this.#compaction.watch(() => this.start())
    }
    for (const [one, version] of decided) one.resolve({ [this.#ledger.source]: version })
    return operations.length
  }

  /** The commits that go through, with their versions; the others are refused. */
  #decide(group: Group, waiting: readonly WaitingCommit[], now: number): [WaitingCommit, number][] {
    const { name, source } = this.#ledger
    const decided: [WaitingCommit, number][] = []
    for (const one of waiting) {
      if (one.isEnded) continue
      try {
        const before = settledBefore(one.request, source, name, group, (point) => this.#host.resolve(point))
        if (before === undefined) {
          group.stage(one.request, this.#version + 1, now)
          this.#version++
        }
        decided.push([one, before ?? this.#version])
      } catch (error) {
        one.reject(failedCommit(error, 'no'))
      }
    }
    return decided
  }

  async #compact(operations: number): Promise<boolean> {
    try {
      return await this.#compaction.step(() => this.start(), operations)
    } catch (error) {
      this.#fail(error, [])
      return false
    }
  }

  #fail(error: unknown, decided: readonly (readonly [WaitingCommit, number])[]): void {
    const failure = failedCommit(error, 'unknown')
    this.#failure = failure
    this.#compaction.end()
    for (const [one, version] of decided) {
      // What an earlier batch wrote is there, whatever became of this one.
      if (version <= this.#ledger.reached) one.resolve({ [this.#ledger.source]: version })
      else one.reject(failure)
    }
    this.#host.failed(failure)
  }

  /** Why no commit is taken any more; whether one with this id was applied before that is not known. */
  #refusal({ id }: CommitRequest, failure: FanlightError | undefined): FanlightError {
    const { name, tail } = this.#ledger
    const applied = id !== undefined && tail.find(id) !== undefined ? 'unknown' : 'no'
    const message = `${name} takes no commits since a write failed: close it, look after the disk, and open it again`
    return new FanlightError('UNAVAILABLE', message, { store: name, applied, cause: failure })
  }
}

/** Refuses all; nothing of them was written. */
function refuse(waiting: readonly WaitingCommit[], why: (request: CommitRequest) => FanlightError): 0 {
  for (const one of waiting) one.reject(why(one.request))
  return 0
}
