import { FanlightError, closed, isFanlightError } from '../errors.ts'
import { iterateFeed } from '../feeds/iterate.ts'
import { greatestOf, leastOf, worstOf } from '../feeds/points.ts'
import { tell } from '../feeds/tell.ts'
import type { Feed, FeedState, SourceId, Update, Versions } from '../store.ts'
import { reaches } from '../versions.ts'
import { GroupMember, lagBehind, wantedBeyond } from './group-member.ts'

/** One step of a group: for each of its feeds an update, or undefined where nothing changed. */
export type GroupStep<F extends readonly Feed[]> = {
  readonly [I in keyof F]: (F[I] extends Feed<infer V> ? Update<V> : never) | undefined
}

/** What a take of a group gives. */
type Taken<S> = S | undefined | Promise<S | undefined>

/** Where all members can go, and which of them cannot go along. */
interface Agreement {
  readonly point: Versions
  readonly stuck: ReadonlySet<GroupMember>
}

/** How often it goes on to a newer point because a history was too short for the one before. */
const roundsMax = 4

/** Several feeds that step together: `group` makes one. */
export class Group<F extends readonly Feed[] = readonly Feed[]>
  implements AsyncIterable<GroupStep<F>>, AsyncDisposable
{
  readonly #members: readonly GroupMember[]
  readonly #stops: (() => void)[] = []
  #versions: Versions = {}
  #holder: (() => void) | undefined
  #armed = true
  #rung = true
  #taking = false
  #failure: FanlightError | undefined

  /** @internal */
  constructor(feeds: F) {
    this.#members = feeds.map((feed) => new GroupMember(feed))
    try {
      for (const member of this.#members) {
        const rang = (): void => {
          member.rang()
          this.#ring()
        }
        this.#stops.push(member.feed.wake(rang))
      }
    } catch (error) {
      for (const stop of this.#stops) stop()
      throw error
    }
  }

  /** The point at which all updates handed out together are the answers (L5). */
  get versions(): Versions {
    return this.#versions
  }

  /** For each source how it stands; where feeds differ, the worst of it. */
  get state(): FeedState {
    return worstOf(this.#members.map(({ feed }) => feed.state))
  }

  /**
   * Tells the one holder that there may be something to take: once, until it is taken.
   *
   * @returns ends it
   * @throws BAD_QUERY where there is a holder already
   */
  wake(callback: () => void): () => void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#holder !== undefined) throw new FanlightError('BAD_QUERY', 'a group has one holder: end its wake first')
    this.#holder = callback
    if (this.#rung) {
      this.#armed = false
      queueMicrotask(() => this.#holder === callback && callback())
    }
    return () => {
      if (this.#holder === callback) this.#holder = undefined
    }
  }

  /**
   * Takes one step: to the newest point that all feeds have reached, source by source. At once where the feeds can.
   *
   * @returns the updates, in the order of the feeds; undefined: nothing new that all of them agree on
   * @throws BAD_QUERY where the take before has not ended; CLOSED; whatever ended one of the feeds. What the others gave is
   *   kept for the next take
   */
  take(): Taken<GroupStep<F>> {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#taking) throw new FanlightError('BAD_QUERY', 'the take before has not ended: await it first')
    this.#armed = true
    this.#rung = false
    const agreement = this.#agree()
    const movers = this.#members.filter((member) => !agreement.stuck.has(member))
    return this.#step(movers, agreement, 1)
  }

  /** Closes the group and its feeds. */
  async close(): Promise<void> {
    this.#failure ??= closed('the group')
    this.#armed = true
    this.#ring()
    for (const stop of this.#stops) stop()
    this.#holder = undefined
    await Promise.all(this.#members.map(({ feed }) => feed.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [Symbol.asyncIterator](): AsyncIterator<GroupStep<F>, void, undefined> {
    return iterateFeed(this, () => this.#failure !== undefined)
  }

  #ring(): void {
    this.#rung = true
    if (!this.#armed || this.#holder === undefined) return
    this.#armed = false
    tell(this.#holder)
  }

  /** The newest point that all have reached. What a member that cannot step depends on stays where it is. */
  #agree(): Agreement {
    const point: Record<SourceId, number> = { ...leastOf(this.#members.map(({ feed }) => feed.reached)) }
    const stuck = new Set<GroupMember>()
    for (let found = true; found;) {
      found = false
      for (const member of this.#members) {
        if (stuck.has(member) || !member.isStuckAt(point)) continue
        found = true
        stuck.add(member)
        for (const source in member.feed.reached) {
          const now = this.#versions[source]
          if (now === undefined) delete point[source]
          else point[source] = now
        }
      }
    }
    return { point, stuck }
  }

  /** Brings members to a point; hands out what they gave where all of them arrived. */
  #step(movers: readonly GroupMember[], agreement: Agreement, round: number): Taken<GroupStep<F>> {
    const failures = new Map<GroupMember, unknown>()
    const arrivals: Promise<void>[] = []
    for (const member of movers) {
      const failed = (error: unknown): void => void failures.set(member, error)
      try {
        const arrival = broughtTo(agreement.point, member)
        if (arrival !== undefined) arrivals.push(arrival.catch(failed))
      } catch (error) {
        failed(error)
      }
    }
    const arrived = (): Taken<GroupStep<F>> => {
      if (failures.size > 0) return this.#retry(failures, agreement, round)
      return this.#handOut(agreement)
    }
    if (arrivals.length === 0) return arrived()
    this.#taking = true
    return Promise.all(arrivals).then(() => {
      this.#taking = false
      if (this.#failure !== undefined) throw this.#failure
      return arrived()
    })
  }

  /**
   * A point had left the history of a member. It and all that share a source with it go to the newest point of any of them,
   * at the same time: who is there takes now and keeps its answer, and who is not waits. So lag beyond what is kept delays,
   * and never starves.
   */
  #retry(failures: ReadonlyMap<GroupMember, unknown>, agreement: Agreement, round: number): Taken<GroupStep<F>> {
    for (const error of failures.values()) {
      if (!isFanlightError(error, 'LOST_IN_FOG') || round === roundsMax) throw error
    }
    const related = this.#relatedTo([...failures.keys()])
    const newest = greatestOf(related.flatMap(({ feed, held = {} }) => [feed.reached, held]))
    const stuck = new Set([...agreement.stuck].filter((member) => !related.includes(member)))
    return this.#step(related, { point: { ...agreement.point, ...newest }, stuck }, round + 1)
  }

  /** The members that share a source with these, and those that share one with them, and so on. */
  #relatedTo(some: readonly GroupMember[]): readonly GroupMember[] {
    const sources = new Set(some.flatMap(({ feed }) => Object.keys(feed.reached)))
    for (let size = -1; size !== sources.size;) {
      size = sources.size
      for (const { feed } of this.#members) {
        const own = Object.keys(feed.reached)
        if (own.some((source) => sources.has(source))) for (const source of own) sources.add(source)
      }
    }
    return this.#members.filter(({ feed }) => Object.keys(feed.reached).some((source) => sources.has(source)))
  }

  #handOut({ point, stuck }: Agreement): GroupStep<F> | undefined {
    const updates = this.#members.map((member) => (stuck.has(member) ? undefined : member.release()))
    this.#versions = { ...this.#versions, ...point }
    this.#followLaggards(point)
    return updates.some((update) => update !== undefined) ? (updates as unknown as GroupStep<F>) : undefined
  }

  /** Where somebody has something that others have not reached, these are told to say when they have. Nobody polls. */
  #followLaggards(point: Versions): void {
    const wanted = wantedBeyond(this.#members, point)
    // While promises were awaited, somebody may have caught up for whom nothing changed, and who tells nobody.
    const next = Object.keys(wanted).length === 0 ? point : this.#agree().point
    const isPassed = Object.entries(wanted).some(([source, version]) => version <= (next[source] ?? -1))
    if (isPassed && !reaches(point, next)) queueMicrotask(() => this.#ring())
    for (const member of this.#members) {
      if (member.waiting !== undefined) continue
      const target = lagBehind(member, wanted, point)
      if (target !== undefined) member.catchUp(target, () => this.#ring())
    }
  }
}

/** Brings a member to a point, after the wait that it is in. */
function broughtTo(point: Versions, member: GroupMember): Promise<void> | undefined {
  if (member.waiting !== undefined) return member.waiting.then(() => member.bring(point))
  const brought = member.bring(point)
  return brought instanceof Promise ? brought : undefined
}

/**
 * Lets several feeds, of one store or of several, step together (L5): each step brings all of them to one point, the newest
 * that all have reached, source by source. Where a store lags, the others wait at the point that it has; feeds that share no
 * source with it go on.
 *
 * Where the point has left the history of a faster store, that takes its newest one, its answer is kept, and the laggard is
 * waited for: lag beyond what is kept delays, and never starves.
 *
 * @param feeds have no holder; the group holds them and closes them
 * @returns the group: `wake`, `take`, `versions`, `state`, an async iterator that folds by taking late, and `close`
 * @throws BAD_QUERY where a feed has a holder; whatever ended one of them
 *
 * @example
 * ```ts
 * import { createMemoryStore, group, prefix, put } from '@fanlight/core'
 *
 * const store = createMemoryStore()
 * const both = group(store.watch(prefix('a/')), store.watch(prefix('b/')))
 * await store.commit([put('a/1', 'x'), put('b/1', 'y')])
 * const step = await both.take()
 * console.log(step?.map((update) => update?.replace?.entries.length)) // [ 1, 1 ]
 * await both.close()
 * ```
 */
export function group<const F extends readonly Feed[]>(...feeds: F): Group<F> {
  return new Group(feeds)
}
