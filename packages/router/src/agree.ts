import {
  type Clock,
  type EventListener,
  FanlightError,
  isFanlightError,
  type Snapshot,
  type SourceId,
  type Stall,
  type Versions,
  type WaitOptions,
  type Windows,
} from '@fanlight/core'
import {
  all,
  applyUpdate,
  ask,
  pointWindows,
  promised,
  reaches,
  type Soon,
  soon,
  firstBehind,
} from '@fanlight/core/kit'
import type { PartAnswer } from './assemble.ts'
import { forgottenIn } from './blame.ts'
import { Leash } from './leash.ts'
import type { Part } from './plan.ts'
import { pointOf, raise } from './scope.ts'
import { scopedTo } from './scoped.ts'

/** The bounds and patience of one question; the points are in present sources. */
export interface Ask {
  readonly min?: Versions | undefined
  readonly max?: Versions | undefined
  readonly stall: Stall
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** Who asks. */
export interface Asker {
  readonly name: string
  readonly clock: Clock
  readonly onEvent?: EventListener | undefined
  /** Ends all waits. */
  readonly ended: AbortSignal
}

/** What a part answered, and where that is true. */
export interface Answer extends PartAnswer {
  readonly windows: Windows
  /** How far its store had come. */
  readonly reached: Versions
}

/** Answers that are all true in the same windows. */
export interface Agreed {
  readonly answers: readonly Answer[]
  readonly windows: Windows
  readonly reached: Versions
}

/** So often answers are brought to one point, where sources come into it. */
const meetingsMax = 4

/**
 * Makes the answers of several stores agree: for each source one window, in which all of them are true (L3).
 *
 * All are asked at once. Where their windows do not meet, each answer that lacks the point T is brought to exactly T, by
 * what its store says changed until then; that is all, at any rate of commits (L9). Asking again for something newer
 * instead would overshoot: while one store catches up, the other runs ahead.
 */
export class Agreement {
  readonly #asker: Asker
  readonly #parts: readonly Part[]
  /** Where the table of mounts stands, under which the parts were cut. */
  readonly #own: Windows
  readonly #ask: Ask
  readonly #beganMs: number
  readonly #deadlineMs: number
  readonly #leash: Leash
  #restarted = false

  constructor(asker: Asker, parts: readonly Part[], own: Windows, ask: Ask) {
    this.#asker = asker
    this.#parts = parts
    this.#own = own
    this.#ask = ask
    this.#leash = new Leash(ask.signal, asker.ended)
    this.#beganMs = asker.clock.now()
    this.#deadlineMs = this.#beganMs + ask.timeoutMs
  }

  /**
   * Asks, and brings the answers together. undefined: a store has answered under a newer table of mounts than this one.
   *
   * @throws LOST_IN_FOG where `max` is; STALLED, which names the innermost store that blocks; whatever a store throws
   */
  reach(): Soon<Agreed | undefined> {
    const agreed = this.#attempt(this.#ask.stall)
    if (!(agreed instanceof Promise)) return agreed
    // Where one store failed, nobody waits any more for what the others would say.
    return agreed.finally(() => this.#leash.end())
  }

  #attempt(stall: Stall): Soon<Agreed | undefined> {
    const { min, max } = this.#ask
    const pinned = stall === 'older' ? this.#pinned() : undefined
    const patience = this.#patience(min !== undefined)
    const asked = this.#parts.map(({ store, query }) => {
      return ask(store, query, { min: pointOf(store, min), max: pointOf(store, pinned ?? max), stall, ...patience })
    })
    return soon(
      all(asked),
      (snapshots) =>
        this.#meet(
          snapshots.map((snapshot, i) => answerOf(this.#parts[i] as Part, snapshot)),
          stall,
        ),
      (error) => {
        if (pinned !== undefined && isFanlightError(error, 'LOST_IN_FOG')) return this.#again(error, stall)
        throw error
      },
    )
  }

  /**
   * For `older`: the newest point that is known to be reached by all, so that one round is enough. undefined where some
   * store has forgotten it.
   */
  #pinned(): Versions | undefined {
    const { min, max } = this.#ask
    const least: Record<SourceId, number> = {}
    const scopes = this.#parts.map(scopedTo)
    const shared = new Set<SourceId>()
    for (const { reached } of scopes) {
      for (const source in reached) {
        const version = reached[source] ?? 0
        if (least[source] !== undefined) shared.add(source)
        least[source] = Math.min(version, least[source] ?? version)
      }
    }
    if (shared.size === 0) return undefined
    const pinned: Record<SourceId, number> = { ...max }
    for (const source of shared) {
      if (source in this.#own) continue
      const version = Math.max(least[source] ?? 0, min?.[source] ?? 0)
      if (scopes.some(({ oldest }) => (oldest[source] ?? 0) > version)) return undefined
      pinned[source] = Math.min(version, pinned[source] ?? version)
    }
    return pinned
  }

  #meet(answers: readonly Answer[], stall: Stall, round = 1): Soon<Agreed | undefined> {
    const met = meeting(this.#own, answers)
    if (!met.torn) return agreed(answers, met.windows)
    const target = this.#target(met.windows, answers, stall)
    if (!has(this.#own, target)) return undefined
    const { onEvent, clock } = this.#asker
    const beganMs = clock.now()
    const told = (): void => {
      if (onEvent === undefined) return
      const count = answers.filter(({ windows }) => !has(windows, target)).length
      onEvent({ type: 'carry', source: tornIn(met.windows), count, ms: clock.now() - beganMs })
    }
    const carried = answers.map((answer) => {
      return has(answer.windows, target) ? answer : this.#carry(answer, target, stall)
    })
    return soon(
      all(carried),
      (exact) => {
        told()
        const now = meeting(this.#own, exact)
        if (!now.torn) return agreed(exact, now.windows)
        // A router inside may have shown another store at the target than before, with another source to agree about.
        if (round === meetingsMax) throw this.#unmet(target)
        return this.#meet(exact, stall, round + 1)
      },
      (error) => {
        told()
        if (isFanlightError(error, 'LOST_IN_FOG')) return this.#again(error, stall, target)
        throw error
      },
    )
  }

  /** The point that all answers are brought to. */
  #target(extremes: Windows, answers: readonly Answer[], stall: Stall): Versions {
    const { min } = this.#ask
    const newest: Record<SourceId, number> = {}
    const older: Record<SourceId, number> = {}
    for (const source in extremes) {
      const { from = 0, to = 0 } = extremes[source] ?? {}
      newest[source] = Math.max(from, min?.[source] ?? 0)
      older[source] = from <= to || source in this.#own ? newest[source] : to
    }
    if (stall !== 'older') return newest
    const known = answers.every(({ part, windows }) => {
      const { oldest } = scopedTo(part)
      return Object.keys(windows).every((source) => (oldest[source] ?? 0) <= (older[source] ?? 0))
    })
    return known ? older : newest
  }

  /** Brings one answer to exactly the target. */
  #carry(answer: Answer, target: Versions, stall: Stall): Soon<Answer> {
    const { part, windows, reached } = answer
    const until: Record<SourceId, number> = {}
    const since: Record<SourceId, number> = {}
    let back = false
    for (const source in windows) {
      const { from, to } = windows[source] as Windows[string]
      const version = target[source] ?? to
      until[source] = version
      since[source] = Math.min(Math.max(version, from), to)
      if (version < from) back = true
    }
    const exactly = (): Soon<Answer> =>
      soon(ask(part.store, part.query, { min: until, max: until, stall, ...this.#patience(true) }), (snapshot) =>
        answerOf(part, snapshot),
      )
    const work = (): Soon<Answer> => {
      // A limit needs keys that the answer does not hold, so such an answer is read anew; a store that must not wait says so itself.
      if (back || part.limited || stall === 'fail') return exactly()
      const options = { since, until, ...this.#patience(true) }
      return part.store.changes(part.query, options).then(
        (update) => {
          // A router inside shows another store there by now: how long that holds only the answer says.
          const isElsewhere =
            update.replace !== undefined && Object.keys(update.versions).some((id) => !(id in windows))
          if (isElsewhere) return exactly()
          return {
            ...answer,
            entries: applyUpdate(answer.entries, update, part.reverse),
            windows: pointWindows(until),
          }
        },
        // The point that was held may be lost where T is not: while a store without history catches up.
        (error: unknown) => {
          if (isFanlightError(error, 'LOST_IN_FOG')) return exactly()
          throw error
        },
      )
    }
    return this.#timed(work, reached, until)
  }

  /** Does the work, and tells how long it took where it had to wait. */
  #timed<T>(work: () => Soon<T>, reached: Versions, until: Versions): Soon<T> {
    const { onEvent, clock } = this.#asker
    if (onEvent === undefined || reaches(reached, until)) return work()
    const began = clock.now()
    const source = firstBehind(reached, until)
    return promised(work).finally(() => onEvent({ type: 'stall', source, ms: clock.now() - began }))
  }

  /** Once more from the start; the second time, whoever has forgotten the point blocks the answer. */
  #again(error: FanlightError, stall: Stall, target?: Versions): Soon<Agreed | undefined> {
    if (this.#restarted) return Promise.reject(this.#outrun(error, target))
    this.#restarted = true
    const { onEvent, clock } = this.#asker
    onEvent?.({ type: 'restart', source: forgottenIn(error, target), count: 1, ms: clock.now() - this.#beganMs })
    return this.#attempt(stall === 'older' ? 'wait' : stall)
  }

  /** The time that is left, and what ends a wait before. */
  #patience(mayWait: boolean): WaitOptions {
    const { signal } = this.#ask
    const timeoutMs = this.#deadlineMs === Infinity ? Infinity : Math.max(0, this.#deadlineMs - this.#asker.clock.now())
    return { timeoutMs, signal: mayWait ? this.#leash.signal : signal }
  }

  #outrun(cause: FanlightError, wanted: Versions | undefined): FanlightError {
    const store = cause.store ?? this.#asker.name
    const message = `${store} forgets faster than the other stores catch up: give it a longer history, or ask with stall 'older'`
    const { horizon } = cause
    const source = forgottenIn(cause, wanted)
    return new FanlightError('STALLED', message, { store, source, wanted: wanted ?? cause.wanted, horizon, cause })
  }

  #unmet(wanted: Versions): FanlightError {
    return new FanlightError(
      'UNAVAILABLE',
      'a store answered for another point than it was asked for: run it through the conformance suite',
      {
        store: this.#asker.name,
        wanted,
      },
    )
  }
}

function answerOf(part: Part, { entries, windows, more, versions, behind }: Snapshot): Answer {
  const reached: Record<SourceId, number> = {}
  for (const source in versions) reached[source] = (versions[source] ?? 0) + (behind[source] ?? 0)
  return { part, entries, windows, more, reached }
}

function agreed(answers: readonly Answer[], windows: Windows): Agreed {
  const reached: Record<SourceId, number> = {}
  for (const answer of answers) raise(reached, answer.reached)
  return { answers, windows, reached }
}

/**
 * For each source the greatest `from` and the least `to`: where none of these is upside down, they are the windows in which
 * everything is true.
 */
function meeting(own: Windows, answers: readonly Answer[]): { readonly windows: Windows; readonly torn: boolean } {
  const windows: Record<SourceId, { from: number; to: number }> = {}
  let torn = false
  const add = (more: Windows): void => {
    for (const source in more) {
      const { from, to } = more[source] as Windows[string]
      const held = windows[source]
      if (held === undefined) {
        windows[source] = { from, to }
        continue
      }
      if (from > held.from) held.from = from
      if (to < held.to) held.to = to
      if (held.from > held.to) torn = true
    }
  }
  add(own)
  for (const answer of answers) add(answer.windows)
  return { windows, torn }
}

/** The source in which answers did not meet. */
function tornIn(windows: Windows): SourceId | undefined {
  return Object.keys(windows).find((source) => (windows[source]?.from ?? 0) > (windows[source]?.to ?? 0))
}

/** Whether the point lies in the box; a source that it does not name does not count. */
function has(windows: Windows, point: Versions): boolean {
  for (const source in windows) {
    const { from, to } = windows[source] as Windows[string]
    const version = point[source]
    if (version !== undefined && (version < from || version > to)) return false
  }
  return true
}
