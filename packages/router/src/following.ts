import type { FeedState, Stall, Update, Versions } from '@fanlight/core'
import { mergeSpans, type Span, type Spans, spansOf, subtractSpans, soon, type Soon } from '@fanlight/core/kit'
import { Assembly } from './assembly.ts'
import { foldedIn, movedBetween } from './folded.ts'
import { type RouterHost, tableAt } from './host.ts'
import { Leash } from './leash.ts'
import { lenient } from './lenient.ts'
import { type Plan, planOf } from './plan.ts'
import { behindOf } from './points.ts'
import { putTogether } from './put-together.ts'
import { type Goal, Stepping } from './stepping.ts'
import type { Sub } from './sub.ts'
import { changedSpans, type Table } from './table.ts'

/** Where a feed starts. */
export interface Start {
  readonly since: Versions | undefined
  readonly min: Versions | undefined
  /** What its takes do where a store is not there yet. */
  readonly stall: Stall | undefined
}

/** How many more stores than needed may be followed, after mounts have changed often. */
const spareMax = 16

/** What a feed of a router follows: which stores, under which table of mounts, and what of their steps is handed on. */
export class Following {
  readonly #host: RouterHost
  readonly #stepping: Stepping
  readonly #leash = new Leash()
  #spans: Spans
  #generation = 0
  /** Whether no update has answered the query yet. */
  #isAsked = false
  /** The table of mounts under which the stores were chosen. */
  #table: Table
  /** The version of the table since which the keys belong to those stores. */
  #since = 0
  /** Whether some of the keys belong to other stores by now. */
  #moved = false
  /** Where limits reach over several stores. */
  #assembly: Assembly | undefined
  /** The keys that the next step replaces; undefined: none, and there may be no next step. */
  #replacing: readonly Span[] | undefined
  /** The point of a holder whose answer has to be put together before it can be compared. */
  #recalled: Versions | undefined

  /** @param ring there may be something to take */
  constructor(host: RouterHost, spans: Spans, { since, min, stall }: Start, ring: () => void) {
    this.#host = host
    this.#stepping = new Stepping(host, { min, stall }, ring)
    this.#spans = spans
    this.#table = host.tables.current
    const point = since === undefined ? undefined : lenient(host, since)
    if (point === undefined || !this.#resume(point)) this.#begin([])
  }

  /** The point that was handed on last. */
  get held(): Versions {
    return this.#stepping.held
  }

  get reached(): Versions {
    return this.#stepping.reached
  }

  get state(): FeedState {
    return this.#stepping.state
  }

  /** The point to which what is held is true by itself; undefined: there may be something to take. */
  quiet(): Versions | undefined {
    const owes = this.#replacing !== undefined || this.#recalled !== undefined || this.#moved
    return owes ? undefined : this.#stepping.quiet()
  }

  /**
   * Follows other keys: the next step replaces what is held.
   *
   * @returns the generation of that step
   */
  ask(spans: Spans): number {
    const before = this.#spans.list
    this.#spans = spans
    this.#isAsked = true
    this.#generation++
    this.#table = this.#host.tables.current
    this.#moved = false
    this.#begin(before)
    return this.#generation
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
  take(wanted: Versions | undefined): Soon<Update | undefined> {
    const alone = wanted === undefined ? this.#alone() : undefined
    if (alone !== undefined) return this.#takeAlone(alone)
    if (this.#recalled !== undefined) return this.#recall(this.#recalled).then(() => this.take(wanted))
    const version = this.#retable(wanted)
    const goal = { wanted, version, whole: this.#replacing !== undefined }
    const { subs } = this.#stepping
    const arrived = this.#stepping.step(goal)
    return soon(arrived, () => this.#handOn(goal, subs))
  }

  close(): void {
    this.#leash.end()
    this.#stepping.close()
  }

  /** The only store that is followed, where nothing but its steps is to be handed on: by far the most common feed. */
  #alone(): Sub | undefined {
    const { subs } = this.#stepping
    const [sub] = subs
    if (subs.length !== 1 || sub === undefined || this.#replacing !== undefined || this.#moved) return undefined
    if (this.#recalled !== undefined || this.#assembly !== undefined || sub.kept !== undefined) return undefined
    return sub.part.direct && !(this.#host.tables.source in sub.reached) ? sub : undefined
  }

  #takeAlone(sub: Sub): Soon<Update | undefined> {
    const { version } = this.#host.tables.current
    const taken = sub.takeAlone()
    if (!(taken instanceof Promise)) return this.#handOnAlone(sub, taken, version)
    return taken.then(
      (update) => this.#handOnAlone(sub, update, version),
      (error: unknown) => {
        if (sub === this.#stepping.subs[0]) throw error
        return this.take(undefined)
      },
    )
  }

  #handOnAlone(sub: Sub, update: Update | undefined, version: number): Soon<Update | undefined> {
    const { source } = this.#host.tables
    // Other keys were asked for meanwhile.
    if (sub !== this.#stepping.subs[0]) return this.take(undefined)
    const since = this.#stepping.held
    this.#stepping.held = this.#host.versions.join(sub.held, source, version)
    return update === undefined ? undefined : this.#stamped(this.#host.lifts.step(sub.part, update, version), since)
  }

  get #plan(): Plan {
    return planOf(this.#table, this.#spans)
  }

  /** Starts with the whole answer, in place of whatever is held. */
  #begin(held: readonly Span[]): void {
    const { parts, assembled, since } = this.#plan
    this.#since = since
    this.#assembly = assembled ? new Assembly() : undefined
    this.#recalled = undefined
    this.#replacing = mergeSpans([...held, ...(this.#replacing ?? []), ...this.#spans.list])
    this.#stepping.close()
    this.#stepping.subs = this.#stepping.follow(parts)
  }

  /** Goes on from a point. false: it is lost. */
  #resume(since: Versions): boolean {
    const { source } = this.#host.tables
    const before = this.#host.tables.at(since[source] ?? 0)
    if (before === undefined) return false
    const { list, limited } = this.#spans
    const moved = changedSpans(before, this.#table, list)
    if (moved.length > 0 && limited) return false
    const stepping = this.#stepping
    stepping.held = { ...since, [source]: before.version }
    if (moved.length > 0) {
      const rest = subtractSpans(list, moved)
      const kept = rest.length === 0 ? [] : planOf(this.#table, spansOf(rest)).parts
      const come = planOf(this.#table, spansOf(moved)).parts
      stepping.subs = [...stepping.follow(kept, since), ...stepping.follow(come)]
      this.#since = this.#table.version
      this.#replacing = moved
      return true
    }
    const { parts, assembled } = this.#plan
    this.#since = before.version
    stepping.subs = stepping.follow(parts, assembled ? undefined : since)
    if (assembled) {
      this.#assembly = new Assembly()
      this.#recalled = since
    }
    return true
  }

  /** Puts together what the holder has, who resumes with limits that reach over several stores. */
  #recall(since: Versions): Promise<void> {
    const assembly = this.#assembly ?? new Assembly()
    return assembly.recall(this.#plan, since, this.#leash.signal).then(
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

  /** Enters the table of mounts to step to. Gives its version. */
  #retable(wanted: Versions | undefined): number {
    const { source } = this.#host.tables
    const { reachedTable, held } = this.#stepping
    const version = wanted?.[source] ?? Math.max(reachedTable, held[source] ?? 0)
    if (version <= this.#table.version && version >= this.#since) return version
    const before = this.#table
    const { list } = this.#spans
    this.#table = tableAt(this.#host, version)
    const moved = version < this.#since ? list : changedSpans(before, this.#table, list)
    if (moved === list || list.length === 0) this.#begin([])
    else if (moved.length > 0) this.#enter(moved)
    this.retabled()
    return version
  }

  /** Some keys belong to other stores: those are followed from here on, and what the former ones said of them is replaced. */
  #enter(moved: readonly Span[]): void {
    const stepping = this.#stepping
    const most = spareMax + 2 * this.#plan.parts.length
    if (this.#spans.limited || stepping.subs.length > most) return this.#begin([])
    const kept = stepping.subs.filter((sub) => sub.cut(moved))
    for (const sub of stepping.subs) if (!kept.includes(sub)) sub.close()
    stepping.subs = [...kept, ...stepping.follow(planOf(this.#table, spansOf(moved)).parts)]
    this.#since = this.#table.version
    this.#replacing = [...(this.#replacing ?? []), ...moved]
  }

  /** In one turn, from what the stores said to the update: nothing else can be asked for in between. */
  #handOn(goal: Goal, subs: readonly Sub[]): Soon<Update | undefined> {
    const { wanted } = goal
    // Other keys were asked for meanwhile.
    if (subs !== this.#stepping.subs) return this.take(wanted)
    const since = this.#stepping.held
    const handed = this.#stepping.handOn(goal)
    const replacing = this.#replacing
    this.#replacing = undefined
    const { held: versions } = this.#stepping
    this.#stepping.expectLaggards(wanted, this.#moved ? this.#host.tables.current.version : undefined)
    if (handed.length === 0 && replacing === undefined) return undefined
    const what =
      this.#assembly === undefined
        ? putTogether(handed, replacing, this.#spans.reverse)
        : this.#assembly.step(this.#plan, subs, handed, replacing)
    const folded = foldedIn(handed, replacing !== undefined, since, versions)
    // Of several commits one may have undone what another did: that is a step, since answers lie between that are others.
    if (what === undefined && folded <= 1) return undefined
    const behind = behindOf(versions, subs, this.#host.tables)
    return this.#stamped({ generation: 0, changes: [], ...what, versions, behind, folded }, since)
  }

  /**
   * Says which query a step answers: in the turn in which it is handed on, since another may be asked for before the holder
   * has it.
   *
   * @param since where the step began
   */
  #stamped(step: Update | undefined, since: Versions): Update | undefined {
    if (step !== undefined && step.folded > 1) {
      this.#host.onEvent?.({ type: 'fold', source: movedBetween(since, step.versions), count: step.folded })
    }
    // Feeds whose query never changed share the update.
    if (step === undefined || this.#generation === 0) return step
    const stamped = { ...step, generation: this.#generation }
    if (!this.#isAsked) return stamped
    this.#isAsked = false
    return { ...stamped, query: this.#spans.query }
  }
}
