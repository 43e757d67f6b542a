import { FanlightError, type Query, type Range, type Store, type Versions, isFanlightError } from '@fanlight/core'
import {
  type Difference,
  type Reading,
  type Spans,
  diffEntries,
  firstBehind,
  pointWindows,
  type Soon,
  soon,
} from '@fanlight/core/kit'
import type { Answers, Found } from './answers.ts'
import type { Taken } from './follower.ts'
import { MapFailure } from './mapping.ts'
import type { Operator } from './operators/operator.ts'
import { readOver } from './overlay.ts'
import { Path, type Place, type Step, isAt } from './path.ts'
import type { Plan } from './plan.ts'
import { type Shelf, type ShelfWrite, type Watermark, type Written, nothing } from './shelf.ts'

/** What a view keeps, and how it came to it. */
export interface KeptOptions {
  /** The name of the view, for errors. */
  readonly name: string
  readonly upstream: Store
  readonly query: Query
  readonly operator: Operator
  readonly definition: string
  readonly shelf: Shelf
}

/** What is to be laid over a state, to make it that of a point at which the view never stood. */
interface Overlay {
  readonly at: Versions
  readonly step: Step
  readonly plan: Promise<Plan>
}

/** What a view made of its upstream: a history of states, each with the points of the upstream at which it is true. */
export class Kept implements Answers {
  readonly #options: KeptOptions
  readonly #shelf: Shelf
  readonly #path = new Path()
  /** Whether what stands on the shelf is of this function. */
  #valid = false
  #writing: Promise<void> | undefined
  /** The point of a write that failed: it may have come to be. */
  #doubtful: Versions | undefined
  #overlay: Overlay | undefined

  constructor(options: KeptOptions) {
    this.#options = options
    this.#shelf = options.shelf
  }

  get instant(): boolean {
    return this.#shelf.instant
  }

  /** The last point at which the newest state is known to be true; undefined: there is no state yet. */
  get newest(): Versions | undefined {
    return this.#path.newest?.to
  }

  /**
   * Looks up what is on the shelf.
   *
   * @returns the point to follow on from; undefined: there is nothing to follow on from
   */
  open(): Soon<Found | undefined> {
    return soon(this.#shelf.open(), ({ n, watermark }) => {
      const mark = watermark?.definition === this.#options.definition ? watermark : undefined
      if (mark?.rest !== undefined) return this.#openUnfinished(mark)
      const known = mark?.versions
      const doubtful = this.#doubtful
      this.#doubtful = undefined
      if (this.newest === undefined) {
        this.#valid = known !== undefined
        return known && { at: known }
      }
      // What was being written is there, or nothing of it, or a part of it from which nobody can go on.
      if (doubtful !== undefined && known !== undefined && isAt(known, doubtful)) this.#path.step(n, doubtful, false)
      this.#valid = known !== undefined || this.#shelf.instant
      return this.#valid && this.newest !== undefined ? { at: this.newest } : undefined
    })
  }

  /** A part of the first state is there. */
  #openUnfinished({ versions, rest }: Watermark): Found | undefined {
    // A state that readers were shown is not made again in parts.
    this.#valid = this.newest === undefined
    return this.#valid ? { at: versions, rest } : undefined
  }

  load(update: Taken, at: Versions, rest: readonly Range[], isFirst: boolean): Soon<void> {
    const reader = isFirst ? nothing : this.#shelf.reader()
    const watermark = { versions: at, definition: this.#options.definition, ...(rest.length === 0 ? {} : { rest }) }
    // What a function threw at, the next state is made without what is there.
    this.#valid = false
    return soon(this.#options.operator.plan(update, reader), (plan) =>
      soon(this.#shelf.load(plan, watermark, isFirst), () => {
        this.#valid = true
      }),
    )
  }

  /** What the shelf held when it was opened is the state at this point. */
  resume(at: Versions): void {
    if (this.#valid && this.newest === undefined) this.#path.begin(this.#shelf.newest, at)
  }

  /** The newest state is the state at this point too. */
  quiet(at: Versions): void {
    if (this.newest === undefined) this.resume(at)
    else this.#path.quiet(at)
  }

  /**
   * Makes the state at a point: one commit.
   *
   * @param update what changed since the newest state
   * @returns the keys whose values changed; undefined: any may have, in between too
   * @throws MapFailure, and whatever the shelf throws
   */
  apply(update: Taken, at: Versions): Soon<readonly string[] | undefined> {
    const afresh = !this.#valid
    const reader = afresh ? nothing : this.#shelf.reader()

    const tight = this.newest !== undefined && update.replace === undefined && update.folded <= 1
    return soon(this.#options.operator.plan(update, reader), (plan) => {
      const { touched, blocks = [] } = plan
      const isEmpty = plan.changes.length === 0 && blocks.every(({ keys }) => keys.length === 0)
      if (tight && isEmpty && this.#shelf.instant) {
        this.#path.quiet(at)
        return touched
      }
      return soon(this.#write(plan, at, afresh), ({ n, whole }) => {
        this.#valid = true
        this.#path.step(n, at, tight && whole)
        return tight && whole ? touched : undefined
      })
    })
  }

  /** Keeps the point up to which nothing changed, so that the next start goes on from there. */
  async mark(): Promise<void> {
    const { newest } = this
    if (newest !== undefined && !this.#shelf.instant) await this.#write({ changes: [] }, newest, false)
  }

  /** The oldest point that can be answered, where the upstream can answer from `horizon` on. */
  oldest(horizon: Versions): Versions {
    this.#path.trim(this.#shelf.oldest)
    return this.#path.oldest(horizon)
  }

  /** The answer at a point. */
  read(spans: Spans, at: Versions, again: boolean = true): Soon<Reading> {
    const place = this.#place(at)
    const { step } = place
    if (!place.exact) return this.#readBetween(spans, at, place)
    if (this.#isOvertaken(step)) return this.#afterWrite(() => this.read(spans, at))
    const found = this.#shelf.read(spans, this.#numberOf(step))
    const made = soon(found, ({ entries, more, from, to }) => ({
      entries,
      more,
      windows: this.#path.windows(step, at, from, to),
    }))
    if (!(made instanceof Promise) || !again) return made
    // While it was read, others who share the store of the shelf may have pushed its horizon past the state.
    return made.catch((error: unknown) => {
      if (isFanlightError(error, 'LOST_IN_FOG')) return this.read(spans, at, false)
      throw error
    })
  }

  /** What differs between the answers at two points. */
  difference(spans: Spans, since: Versions, until: Versions): Soon<Difference> {
    const before = this.#place(since)
    const after = this.#place(until)
    if (!before.exact || !after.exact) return this.#differenceOfReadings(spans, since, until)
    if (before.step === after.step) return { changes: [], folded: 0 }
    if (this.#isOvertaken(after.step)) return this.#afterWrite(() => this.difference(spans, since, until))
    const found = this.#shelf.difference(spans, this.#numberOf(before.step), this.#numberOf(after.step))
    const moved = Object.keys(until).filter((source) => since[source] !== until[source])
    if (before.step.loose === after.step.loose && moved.length <= 1) return found
    // Where several commits made one step, or several sources moved, nobody saw the states between: two may have touched the ranges.
    return soon(found, (one) => ({ ...one, folded: Math.max(2, one.folded) }))
  }

  async #differenceOfReadings(spans: Spans, since: Versions, until: Versions): Promise<Difference> {
    const before = await this.read(spans, since)
    const after = await this.read(spans, until)
    return { changes: diffEntries(before.entries, after.entries), folded: 2 }
  }

  /** The answer at a point at which the view never stood: the last state before it, and over it what changed since. */
  async #readBetween(spans: Spans, at: Versions, place: Place): Promise<Reading> {
    if (this.#overlay === undefined || this.#overlay.step !== place.step || !isAt(at, this.#overlay.at)) {
      this.#overlay = { at: this.#ofUpstream(at, place), step: place.step, plan: this.#planTo(at, place) }
    }
    try {
      const over = await this.#overlay.plan
      const { entries, more } = await readOver(this.#shelf, spans, this.#numberOf(place.step), over)
      return { entries, more, windows: pointWindows(at) }
    } catch (error) {
      this.#overlay = undefined
      throw error instanceof MapFailure ? error.told() : error
    }
  }

  async #planTo(at: Versions, place: Place): Promise<Plan> {
    const { upstream, query, operator } = this.#options
    const update = await upstream.changes(query, { since: place.base, until: this.#ofUpstream(at, place) })
    const reader = this.#shelf.reader(this.#numberOf(place.step))
    return operator.plan(update, reader)
  }

  /** The part of a point that the upstream has: a point of the view has one source more. */
  #ofUpstream(at: Versions, { base }: Place): Versions {
    return Object.fromEntries(Object.keys(base).map((source) => [source, at[source] ?? 0]))
  }

  #place(at: Versions): Place {
    this.#path.trim(this.#shelf.oldest)
    const place = this.#path.locate(at)
    if (place === undefined) throw this.#lost(at)
    return place
  }

  #lost(wanted: Versions): FanlightError {
    const { name } = this.#options
    const message = `${name} does not know any more what was at this point: ask for a later one`
    const horizon = this.#path.oldest({})
    const source = firstBehind(wanted, horizon)
    return new FanlightError('LOST_IN_FOG', message, { store: name, source, wanted, horizon })
  }

  /**
   * A number under which a state stands on the shelf: it stands there until the next one does, so where others write into
   * the store of the shelf too, and its horizon has passed the number of the state, the horizon itself will do.
   *
   * @throws LOST_IN_FOG where the next one does already
   */
  #numberOf(step: Step): number {
    const { oldest } = this.#shelf
    this.#path.trim(oldest)
    if (!this.#path.has(step)) throw this.#lost(step.to)
    return Math.max(step.n, oldest)
  }

  /** Whether what stands on the shelf beyond the horizon may be a state of which the path does not know yet. */
  #isOvertaken(step: Step): boolean {
    const settled = this.#writing === undefined && this.#doubtful === undefined && this.#valid
    return !settled && step === this.#path.newest && this.#shelf.oldest > step.n
  }

  #afterWrite<T>(go: () => Soon<T>): Promise<T> {
    const { name } = this.#options
    if (this.#writing !== undefined) return this.#writing.then(go)
    const message = `${name} could not write its last step, and its store has forgotten the one before: ask again when it is live`
    return Promise.reject(new FanlightError('UNAVAILABLE', message, { store: name }))
  }

  #write(write: ShelfWrite, at: Versions, afresh: boolean): Soon<Written> {
    const written = this.#shelf.write(write, { versions: at, definition: this.#options.definition }, afresh)
    if (!(written instanceof Promise)) return written
    const done = (): void => {
      this.#writing = undefined
    }
    this.#writing = written.then(done, done)
    return written.catch((error: unknown) => {
      this.#doubtful = at
      throw error
    })
  }
}
