import { compareVersions, type Entry, type FanlightError, type Query, type Update, type Versions } from '@fanlight/core'
import {
  applyUpdate,
  composeUpdates,
  type Difference,
  mergeVersions,
  pointWindows,
  reaches,
  type Reading,
  readQuery,
  subtractSpans,
} from '@fanlight/core/kit'
import type { Id } from '@fanlight/protocol'
import type { HasParts, Parts } from './parts.ts'
import type { Unplaced } from './unpack.ts'

/** One update that the server pushed. */
interface PushedStep {
  readonly since: Versions
  readonly until: Versions
  readonly update: Update
}

/** A query that the server follows for us, and what it told of it. */
export class Pushed implements HasParts {
  readonly id: Id
  readonly query: Query
  /** Whether the server tells everything that changes from `told` on. */
  isTold = false
  /** Why the server does not follow it. */
  error: FanlightError | undefined
  /** Whether it never will: asking again would not help. */
  isRefused = false
  /** When the server was asked to follow it, and how often it gave that up soon after. */
  watchedAtMs = 0
  attempts = 0
  /** Ends the wait before it is asked again. */
  stopTimer: (() => void) | undefined
  parts: Parts | undefined
  /** The update of the step that is not whole yet, or of a point that not all have come to. */
  next: Unplaced | undefined
  /** The point that it is at, where that is not the one of the step. */
  nextAt: Versions | undefined
  /** Up to here everything was told; undefined: nothing was yet. */
  told: Versions | undefined
  /** The whole answer, where the last step told it. */
  answer: { readonly at: Versions; readonly entries: readonly Entry[] } | undefined
  readonly #stepsMax: number
  #steps: PushedStep[] = []
  /** From here on everything that was told is kept. */
  #start: Versions = {}
  /** Wait for the first answer. */
  #waiting: (() => void)[] = []

  constructor(id: Id, query: Query, stepsMax: number) {
    this.id = id
    this.query = query
    this.#stepsMax = stepsMax
  }

  /** Resolves when something was told, or never will be. */
  whenTold(): Promise<void> {
    if (this.told !== undefined || this.error !== undefined) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Lets go on whoever waits for the first answer. */
  release(): void {
    for (const go of this.#waiting.splice(0)) go()
  }

  /** Begins anew at a point: what was told before is of no use. */
  restart(since: Versions | undefined): void {
    this.#steps = []
    this.told = since
    this.#start = since ?? {}
    this.interrupt()
  }

  /** The connection is gone: what is not whole will be told again. */
  interrupt(): void {
    this.isTold = false
    this.next = this.nextAt = this.answer = this.parts = undefined
  }

  /**
   * The step is whole: what was told of it counts, and where nothing was told, nothing changed.
   *
   * @param areHeld whether everyone holds what was told before
   */
  step(point: Versions, areHeld: boolean): Update | undefined {
    const { next, nextAt, told } = this
    this.answer = undefined
    // Another query of the connection is behind, since it fails: what is further counts when that has come as far.
    if (this.isTold && nextAt !== undefined && !reaches(point, nextAt)) return undefined
    this.next = this.nextAt = undefined
    if (!this.isTold) return undefined
    const until = next === undefined ? (told ?? point) : (nextAt ?? point)
    if (next !== undefined) next.versions = until
    const update: Update | undefined = next
    if (update?.replace !== undefined) {
      const { list, reverse } = readQuery(this.query)
      // What is mounted anew replaces some of the keys only.
      const isWhole = subtractSpans(list, readQuery(update.replace.ranges).list).length === 0
      if (isWhole) this.answer = { at: until, entries: applyUpdate([], update, reverse) }
    }
    if (told === undefined) this.#start = until
    else if (update !== undefined) this.#keep({ since: told, until, update }, areHeld)
    this.told = mergeVersions(until, point)
    this.release()
    return update
  }

  #keep(step: PushedStep, areHeld: boolean): void {
    const steps = this.#steps
    if (areHeld) {
      this.#start = step.since
      if (steps.length === 1) steps[0] = step
      else this.#steps = [step]
    } else if (steps.push(step) > 2 * this.#stepsMax) {
      // One by one, each step would move all that are kept.
      const dropped = steps.splice(0, steps.length - this.#stepsMax)
      this.#start = dropped.at(-1)?.until ?? this.#start
    }
  }

  /** The whole answer, where it was told and is that at a point. */
  answerAt(at: Versions): Reading | undefined {
    const { answer } = this
    if (answer === undefined || compareVersions(answer.at, at) !== 'equal') return undefined
    return { entries: answer.entries, windows: pointWindows(at), more: [] }
  }

  /** An update came. */
  push(update: Unplaced, at: Versions | undefined): void {
    this.next = this.next === undefined ? update : { ...composeUpdates(this.next, update) }
    this.nextAt = at
  }

  /** Why the server does not follow it, where asking again would not help. */
  get refusal(): FanlightError | undefined {
    return this.isRefused ? this.error : undefined
  }

  /** What differs between two points; undefined: what was told does not say. */
  difference(since: Versions, until: Versions): Difference | undefined {
    if (this.told === undefined || !reaches(since, this.#start) || !reaches(this.told, until)) return undefined
    let whole: Update | undefined
    // Most ask for the last one.
    for (let i = this.#steps.length - 1; i >= 0; i--) {
      const step = this.#steps[i] as PushedStep
      if (reaches(step.since, until)) continue
      if (reaches(since, step.until)) break
      if (!reaches(step.since, since) || !reaches(until, step.until)) return undefined
      whole = whole === undefined ? step.update : composeUpdates(step.update, whole)
    }
    return whole ?? nothing
  }
}

const nothing: Difference = { changes: [], folded: 0 }
