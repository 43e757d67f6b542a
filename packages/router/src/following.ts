import {
  FanlightError,
  type FeedState,
  isFanlightError,
  type SourceId,
  type Update,
  type Versions,
} from '@fanlight/core'
import { mergeSpans, mergeVersions, type Span, type Spans, spansOf, subtractSpans } from '@fanlight/core/kit'
import { Assembly } from './assembly.ts'
import { type RouterHost, tableAt } from './host.ts'
import { lenient } from './lenient.ts'
import { type Part, planOf } from './plan.ts'
import { agreedPoint, behindOf, commonPoint, frozenWith, leadingPoint, raiseKnown } from './points.ts'
import { type Handed, putTogether } from './put-together.ts'
import { mergeStates, pointOf, raise } from './scope.ts'
import { Sub } from './sub.ts'
import { changedSpans, type Table } from './table.ts'

/** A step of a feed, without what the feed itself adds. */
export type Step = Omit<Update, 'generation' | 'query'>

/** What may have to be waited for. */
type Maybe<T> = T | Promise<T>

/** Where a feed starts. */
export interface Start {
  readonly since: Versions | undefined
  readonly min: Versions | undefined
}

/** How often one step is tried at a newer point, while stores forget faster than others catch up. */
const triesMax = 16

/** How many more stores than needed may be followed, after mounts have changed often. */
const spareMax = 16

/** The stores under a feed, stepping together. */
export class Following {
  readonly #host: RouterHost
  readonly #ring: () => void
  readonly #min: Versions
  readonly #ended = new AbortController()
  #spans: Spans
  /** The table of mounts under which the stores were chosen. */
  #table: Table
  /** The version of the table since which the keys belong to those stores. */
  #since = 0
  /** Whether some of the keys belong to other mounts by now. */
  #moved = false
  #subs: readonly Sub[] = []
  /** Where limits reach over several stores. */
  #assembly: Assembly | undefined
  /** The keys that the next step replaces; undefined: none, and there may be no next step. */
  #replacing: readonly Span[] | undefined
  /** The point of a holder whose answer has to be put together before it can be compared. */
  #recalled: Versions | undefined
  /** The point that was handed on last. */
  #held: Versions = {}

  constructor(host: RouterHost, spans: Spans, { since, min }: Start, ring: () => void) {
    this.#host = host
    this.#ring = ring
    this.#spans = spans
    this.#table = host.tables.current
    this.#min = min === undefined ? {} : host.resolve(min, 'min')
    const point = since === undefined ? undefined : lenient(host, since)
    if (point === undefined || !this.#resume(point)) this.#begin([])
  }

  get held(): Versions {
    return this.#held
  }

  get reached(): Versions {
    // A point that was lost is no reason to stay: the next step goes to another.
    const frozen = frozenWith(this.#subs, ({ error }) => error !== undefined && !isFanlightError(error, 'LOST_IN_FOG'))
    const point = agreedPoint(this.#subs, frozen)
    raiseKnown(point, this.#held)
    point[this.#host.tables.source] = this.#reachedTable()
    return point
  }

  get state(): FeedState {
    return mergeStates([...this.#subs.map(({ state }) => state), { [this.#host.tables.source]: { status: 'live' } }])
  }

  /** The point to which what is held is true by itself; undefined: there may be something to take. */
  quiet(): Versions | undefined {
    if (this.#replacing !== undefined || this.#recalled !== undefined || this.#moved) return undefined
    for (const sub of this.#subs) if (sub.isPending) return undefined
    const point = agreedPoint(this.#subs)
    // Between two points of several sources there may be some at which a store has never been.
    if (this.#subs.length > 1 && !this.#subs.every(({ versions }) => isPlain(versions, point))) return undefined
    for (const source in point) if ((point[source] ?? 0) < (this.#held[source] ?? 0)) return undefined
    point[this.#host.tables.source] = this.#reachedTable()
    return point
  }

  /** Follows other keys: the next step replaces what is held. */
  ask(spans: Spans): void {
    const before = this.#spans.list
    this.#spans = spans
    this.#table = this.#host.tables.current
    this.#moved = false
    this.#begin(before)
  }

  /**
   * Another table of mounts is the current one.
   *
   * @returns whether that concerns what is followed
   */
  retabled(): boolean {
    const { current } = this.#host.tables
    this.#moved = this.#spans.list.length === 0 || changedSpans(this.#table, current, this.#spans.list).length > 0
    return this.#moved
  }

  /** Takes a step: to exactly `wanted`, or to the newest point at which all agree. */
  take(wanted: Versions | undefined): Maybe<Step | undefined> {
    if (this.#recalled !== undefined) return this.#recollect(this.#recalled).then(() => this.take(wanted))
    const version = this.#retable(wanted)
    return this.#advance(this.#target(version, wanted), { wanted, version, subs: this.#subs, triesLeft: triesMax })
  }

  close(): void {
    this.#ended.abort()
    this.#drop()
  }

  #drop(): void {
    for (const sub of this.#subs) sub.close()
  }

  /** Starts with the whole answer, in place of whatever is held. */
  #begin(held: readonly Span[]): void {
    this.#drop()
    const { parts, assembled, since } = planOf(this.#table, this.#spans)
    this.#since = since
    this.#assembly = assembled ? new Assembly() : undefined
    this.#recalled = undefined
    this.#replacing = mergeSpans([...held, ...(this.#replacing ?? []), ...this.#spans.list])
    this.#subs = this.#fresh(parts)
  }

  /** Goes on from a point. false: it is lost. */
  #resume(since: Versions): boolean {
    const { source } = this.#host.tables
    const before = this.#host.tables.at(since[source] ?? 0)
    if (before === undefined) return false
    const { list, limited } = this.#spans
    const moved = changedSpans(before, this.#table, list)
    if (moved.length > 0 && limited) return false
    const rest = moved.length === 0 ? this.#spans : spansOf(subtractSpans(list, moved))
    const { parts, assembled } = planOf(this.#table, rest)
    this.#since = moved.length === 0 ? before.version : this.#table.version
    const kept = moved.length > 0 && rest.list.length === 0 ? [] : parts
    this.#held = { ...since, [source]: before.version }
    this.#assembly = assembled ? new Assembly() : undefined
    if (assembled) {
      this.#recalled = since
      this.#subs = this.#fresh(kept)
      return true
    }
    const resumed = kept.map(
      (part) => new Sub(part, { since: pointOf(part.store, since) ?? {}, min: this.#least(part) }, this.#ring),
    )
    this.#subs = [...resumed, ...this.#fresh(moved.length === 0 ? [] : planOf(this.#table, spansOf(moved)).parts)]
    if (moved.length > 0) this.#replacing = moved
    return true
  }

  #fresh(parts: readonly Part[]): Sub[] {
    return parts.map((part) => new Sub(part, { min: this.#least(part) }, this.#ring))
  }

  /** No step of a store leads behind what is held, nor its first one behind what was asked for. */
  #least({ store }: Part): Versions | undefined {
    return pointOf(store, mergeVersions(this.#held, this.#min))
  }

  /** Puts together what the holder has, who resumes with limits that reach over several stores. */
  #recollect(since: Versions): Promise<void> {
    const assembly = this.#assembly ?? new Assembly()
    return assembly.recall(planOf(this.#table, this.#spans), since, this.#ended.signal).then(
      () => {
        if (this.#recalled === since) this.#recalled = undefined
      },
      () => {
        if (this.#recalled !== since) return
        // What cannot be compared is replaced (L7).
        this.#recalled = undefined
        this.#replacing = mergeSpans(this.#spans.list)
      },
    )
  }

  /** The table that everyone here knows. */
  #reachedTable(): number {
    const { source, current } = this.#host.tables
    let version = current.version
    for (const { reached } of this.#subs) version = Math.min(version, reached[source] ?? version)
    return version
  }

  /** Enters the table of mounts to step to. Gives its version. */
  #retable(wanted: Versions | undefined): number {
    const { source } = this.#host.tables
    const version = wanted?.[source] ?? Math.max(this.#reachedTable(), this.#held[source] ?? 0)
    if (version <= this.#table.version && version >= this.#since) return version
    const table = tableAt(this.#host, version)
    const { list } = this.#spans
    if (version < this.#since) {
      this.#table = table
      this.#begin([])
      this.retabled()
      return version
    }
    const moved = changedSpans(this.#table, table, list)
    if (moved.length > 0 || list.length === 0) this.#enter(table, moved)
    this.#table = table
    this.retabled()
    return version
  }

  /** Some keys belong to other stores: those are followed from here on, and what the former ones said of them is replaced. */
  #enter(table: Table, moved: readonly Span[]): void {
    this.#table = table
    const { limited, list } = this.#spans
    if (limited || list.length === 0 || this.#subs.length > spareMax + 2 * planOf(table, this.#spans).parts.length) {
      return this.#begin([])
    }
    const kept = this.#subs.filter((sub) => sub.cut(moved))
    for (const sub of this.#subs) if (!kept.includes(sub)) sub.close()
    this.#subs = [...kept, ...this.#fresh(planOf(table, spansOf(moved)).parts)]
    this.#since = table.version
    this.#replacing = [...(this.#replacing ?? []), ...moved]
  }

  /** The point to step to; undefined: the newest of the only store there is. */
  #target(version: number, wanted: Versions | undefined): Versions | undefined {
    const { source } = this.#host.tables
    const [only] = this.#subs
    if (this.#subs.length === 1 && only !== undefined && !(source in only.reached)) return wanted
    const target = agreedPoint(this.#subs)
    raiseKnown(target, this.#held)
    raiseKnown(target, this.#min)
    for (const { point } of this.#subs) raiseKnown(target, point)
    for (const id in wanted) if (id in target) target[id] = wanted[id] ?? 0
    if (source in target) target[source] = version
    return target
  }

  #advance(target: Versions | undefined, goal: Goal): Maybe<Step | undefined> {
    const waits: Promise<void>[] = []
    for (const sub of this.#subs) {
      const wait = sub.take(target)
      if (wait !== undefined) waits.push(wait)
    }
    return waits.length === 0 ? this.#arrive(goal) : Promise.all(waits).then(() => this.#arrive(goal))
  }

  #arrive(goal: Goal): Maybe<Step | undefined> {
    // Other keys were asked for meanwhile.
    if (goal.subs !== this.#subs) return this.take(goal.wanted)
    const further = this.#further(goal.wanted)
    if (further === undefined) return this.#deliver(goal)
    if (goal.triesLeft === 0) throw this.#outrun(further)
    this.#host.onEvent?.({ type: 'restart', count: triesMax - goal.triesLeft + 1 })
    return this.#advance(further, { ...goal, triesLeft: goal.triesLeft - 1 })
  }

  /**
   * Where a store has forgotten the point: the newest that anyone has reached, which nobody can have passed. What the
   * leaders say there is kept while the others catch up, so that lag delays a step, but no lag prevents it. Where a store
   * went to another point than the others, since nobody knew where it is: the newest of those points.
   */
  #further(wanted: Versions | undefined): Versions | undefined {
    const lost = this.#subs.some(({ error }) => isFanlightError(error, 'LOST_IN_FOG'))
    if (lost && wanted === undefined) return leadingPoint(this.#subs)
    const going = this.#subs.filter(({ error }) => error === undefined)
    if (commonPoint(going) !== undefined) return undefined
    const point: Record<SourceId, number> = {}
    for (const sub of going) raise(point, sub.point)
    return point
  }

  #outrun(wanted: Versions): FanlightError {
    const { error } = this.#subs.find((sub) => sub.error !== undefined) ?? {}
    const cause = isFanlightError(error) ? error : undefined
    const { name: store } = this.#host
    const message = 'stores forget faster than others catch up: give them a longer history'
    return new FanlightError('STALLED', message, {
      store: cause?.store ?? store,
      wanted,
      horizon: cause?.horizon,
      cause,
    })
  }

  /** Hands on what was taken, of all that came to the point; who shares nothing with one that failed goes on without it. */
  #deliver({ version, wanted }: Goal): Step | undefined {
    const frozen = this.#goingWithout(wanted)
    const replacing = this.#replacing
    this.#replacing = undefined
    const updates: Handed[] = []
    const versions: Record<SourceId, number> = {}
    for (const sub of this.#subs) {
      const update = frozen.has(sub) ? undefined : sub.handOn()
      if (update !== undefined) updates.push({ sub, update })
      Object.assign(versions, sub.held)
    }
    versions[this.#host.tables.source] = version
    this.#held = versions
    this.#expectLaggards(frozen, wanted)
    if (updates.length === 0 && replacing === undefined) return undefined
    const what =
      this.#assembly?.step(planOf(this.#table, this.#spans), this.#subs, updates, replacing) ??
      (this.#assembly === undefined ? putTogether(updates, replacing, this.#spans.reverse) : undefined)
    if (what === undefined) return undefined
    let folded = updates.length === 0 ? 1 : 0
    for (const { update } of updates) folded += update.folded
    return { ...what, versions, behind: behindOf(versions, this.#subs, this.#host.tables), folded }
  }

  /**
   * Those that stay where they are, since they failed.
   *
   * @throws what they failed with, where nobody goes on, or the step needs them: it is to their point, or must be whole
   */
  #goingWithout(wanted: Versions | undefined): ReadonlySet<Sub> {
    const frozen = frozenWith(this.#subs, ({ error }) => error !== undefined)
    const failed = this.#subs.find(({ error }) => error !== undefined)
    if (failed === undefined) return frozen
    const needed = [...frozen].some(({ held }) => Object.keys(held).some((id) => (held[id] ?? 0) < (wanted?.[id] ?? 0)))
    if (needed || frozen.size === this.#subs.length || this.#replacing !== undefined) throw failed.error
    return frozen
  }

  /**
   * What some store has to tell can be taken when the others have come as far: they ring then. Where they have come while
   * the step was made, it rings at once; but not for a holder who says how far to go, and may know why no further.
   */
  #expectLaggards(frozen: ReadonlySet<Sub>, wanted: Versions | undefined): void {
    const { source, current } = this.#host.tables
    const going = this.#subs.filter((sub) => !frozen.has(sub))
    if (!this.#moved && (going.length < 2 || !going.some(({ isPending }) => isPending))) return
    const leads = leadingPoint(going)
    if (this.#moved) leads[source] = current.version
    let waits = false
    for (const sub of going) if (sub.await(leads)) waits = true
    if (waits || wanted !== undefined) return
    const point = agreedPoint(going)
    const further = Object.keys(point).some((id) => (point[id] ?? 0) > (this.#held[id] ?? 0))
    if (further) queueMicrotask(this.#ring)
  }
}

/** What a take is to come to. */
interface Goal {
  readonly wanted: Versions | undefined
  /** Of the table of mounts. */
  readonly version: number
  /** Who is taken from. */
  readonly subs: readonly Sub[]
  readonly triesLeft: number
}

/** Whether a store that is unchanged up to its versions is so at the point too: it has one source, or they are the same. */
function isPlain(versions: Versions, point: Versions): boolean {
  const sources = Object.keys(versions)
  return sources.length < 2 || sources.every((source) => versions[source] === point[source])
}
