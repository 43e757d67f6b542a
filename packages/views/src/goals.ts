import type { Clock, Feed, SourceId, Store, Versions } from '@fanlight/core'
import { mergeVersions, reaches, restrict } from '@fanlight/core/kit'
import { Lag } from './lag.ts'

/** What the choice of a goal depends on. */
export interface GoalHost {
  readonly clock: Clock
  /** The last point of the upstream at which what the view keeps is its state; undefined: it has none. */
  readonly held: Versions | undefined
  /** Whether steps cost so little that each commit can have its own. */
  readonly instant: boolean
  /** The least version of a source that somebody waits for. */
  awaited(source: SourceId): number | undefined
}

/** Up to so many versions are taken one by one, where that costs little; more are folded. */
const singlesMax = 256

/** After so many stops for those who wait the newest point has its turn, so that waiting cannot hold back progress. */
const stopsMax = 64

/**
 * Decides to which points a view steps. One commit a step is best: then windows reach across it, and feeds that it does
 * not touch need not look. Where somebody waits it stops, since a point at which it never stood costs a question to the
 * upstream. Otherwise it goes as far as it can.
 */
export class Goals {
  readonly #upstream: Store
  readonly #host: GoalHost
  readonly #lag: Lag | undefined
  #stops = 0

  /** @param due is called when a delayed point is old enough */
  constructor(upstream: Store, host: GoalHost, delayMs: number, due: () => void) {
    this.#upstream = upstream
    this.#host = host
    this.#lag = delayMs > 0 ? new Lag(host.clock, delayMs, due) : undefined
  }

  /** Takes note of how far the upstream is by now. */
  note({ reached }: Feed): void {
    this.#lag?.note(reached)
  }

  stop(): void {
    this.#lag?.stop()
  }

  /** Whether the view is where its upstream is. */
  isThere(feed: Feed): boolean {
    return reaches(this.#here(feed), feed.reached)
  }

  /** The newest point that may be shown; undefined: there is none to go to now. */
  newest({ reached }: Feed, here: Versions): Versions | undefined {
    if (reaches(here, reached)) return undefined
    this.#lag?.note(reached)
    const due = this.#lag === undefined ? reached : this.#lag.target(here)
    if (due === undefined) return undefined
    // What was reached when other stores were mounted may be behind in some sources: nothing goes back.
    const goal = forward(here, due)
    if (reaches(here, goal)) return undefined
    // What lies before the horizon cannot be stepped to any more.
    const least = mergeVersions(goal, this.#upstream.oldest)
    return reaches(reached, least) ? least : reached
  }

  /**
   * The point to step to next; undefined: there is none to go to now.
   *
   * @param folds whether it costs too much to go one by one
   */
  next(feed: Feed, folds: boolean): Versions | undefined {
    const here = this.#here(feed)
    const goal = this.newest(feed, here)
    if (goal === undefined) return undefined
    const sources = Object.keys(goal)
    // Where sources come and go, or the horizon has passed the view, there is no way, only a jump.
    if (!sources.every((source) => source in here) || !reaches(here, this.#upstream.oldest)) return goal
    const from = Object.fromEntries(sources.map((source) => [source, here[source] ?? 0]))
    const stop = this.#stopBefore(from, goal)
    return folds || !this.#host.instant ? stop : oneCommit(from, stop)
  }

  /** The last point at which what the feed told is known to be true: after several touches the feed itself knows less. */
  #here({ versions }: Feed): Versions {
    const { held } = this.#host
    return held !== undefined && reaches(held, versions) ? held : versions
  }

  /** The nearest point on the way at which somebody waits. */
  #stopBefore(from: Versions, goal: Versions): Versions {
    for (const source of Object.keys(goal)) {
      const version = this.#host.awaited(source)
      if (version === undefined || version <= (from[source] ?? 0) || version > (goal[source] ?? 0)) continue
      if (this.#stops++ < stopsMax) return { ...from, [source]: version }
      this.#stops = 0
      break
    }
    return goal
  }
}

/** A point, and never before another one in the sources that both have. */
function forward(here: Versions, point: Versions): Versions {
  if (reaches(point, restrict(here, point))) return point
  return Object.fromEntries(
    Object.entries(point).map(([source, version]) => [source, Math.max(version, here[source] ?? 0)]),
  )
}

/** The point one commit further on the way, where that is not too long; otherwise its end. */
function oneCommit(from: Versions, to: Versions): Versions {
  const moves = Object.keys(to).filter((source) => to[source] !== from[source])
  const way = moves.reduce((sum, source) => sum + (to[source] ?? 0) - (from[source] ?? 0), 0)
  const [first] = moves
  return first === undefined || way > singlesMax ? to : { ...from, [first]: (from[first] ?? 0) + 1 }
}
