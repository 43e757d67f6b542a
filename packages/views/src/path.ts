import type { SourceId, Versions, Window, Windows } from '@fanlight/core'
import { mergeVersions, pointWindows, reaches } from '@fanlight/core/kit'

/** One state of a view, and where on the way of its upstream it is the state. */
export interface Step {
  /** The number of the state on the shelf. */
  readonly n: number
  /** The point at which it became the state, as far as is known. */
  readonly from: Versions
  /** The last point up to which nothing had touched it. */
  readonly to: Versions
  /** How many steps before it, this one included, took several commits at once: between such states others may have been. */
  readonly loose: number
}

/** Where a point lies on the path. */
export interface Place {
  /** The state at the point; where the point is not on the path, the last state before it that is. */
  readonly step: Step
  /** The point itself, or the last point of the path before it. */
  readonly base: Versions
  readonly exact: boolean
}

/**
 * A stretch of the path along which one source moves while all others stand still, and between whose states there were no
 * others. Only along such a stretch may an answer claim more than the points that were seen (L1).
 */
interface Run {
  axis: SourceId | undefined
  /** Its first state, which it may have from the end on only. */
  readonly first: Step
  readonly startsAtEnd: boolean
  /** Its last state, of which it may have the beginning only. */
  last: Step
  endsAtStart: boolean
}

interface Node extends Step {
  to: Versions
  /** The run that its first point lies on. */
  head: Run
  /** The run that its last point lies on. */
  tail: Run
}

/**
 * The way that a view has come: which state was true from which point to which. It knows single points of the upstream's
 * space, and what lies between them only where that is certain.
 */
export class Path {
  #nodes: Node[] = []
  #start = 0

  get newest(): Step | undefined {
    return this.#nodes.at(-1)
  }

  /** Whether a state is still known. */
  has(step: Step): boolean {
    return step.n >= (this.#nodes[this.#start]?.n ?? Infinity)
  }

  /** Forgets the way: it begins here. */
  begin(n: number, at: Versions): void {
    this.#nodes = []
    this.#start = 0
    this.#push(n, at, 0, undefined)
  }

  /**
   * Another state begins.
   *
   * @param tight whether one commit made it of the one before, so that there was no other state in between
   */
  step(n: number, at: Versions, tight: boolean): void {
    const before = this.#nodes.at(-1)
    if (before === undefined || !sameSources(before.to, at)) return this.begin(n, at)
    this.#push(n, at, before.loose + (tight ? 0 : 1), tight ? this.#across(before, at) : undefined)
  }

  /** The newest state is still the state here. */
  quiet(to: Versions): void {
    const node = this.#nodes.at(-1)
    if (node === undefined || node.to === to) return
    if (!sameSources(node.to, to)) return this.begin(node.n, to)
    node.to = to
    const moved = movedSources(node.from, to)
    const { head } = node
    head.last = node
    head.endsAtStart = false
    node.tail = head
    if (moved.length === 0 || fits(head, moved)) return
    head.endsAtStart = true
    // Along one other source the new run has the first point too, and else the last one only.
    const [axis, ...others] = moved
    const straight = others.length === 0
    node.tail = {
      axis: straight ? axis : undefined,
      first: node,
      startsAtEnd: !straight,
      last: node,
      endsAtStart: false,
    }
  }

  /** Forgets the states that the shelf has forgotten. What is newest is never forgotten. */
  trim(oldest: number): void {
    while ((this.#nodes[this.#start + 1]?.n ?? Infinity) <= oldest) this.#start++
    // Half of the array is dead: it moves, at a constant cost a state.
    if (this.#start > 64 && this.#start * 2 > this.#nodes.length) {
      this.#nodes = this.#nodes.slice(this.#start)
      this.#start = 0
    }
  }

  /** The first point of the path that is not before `horizon`; its last point where all of it is. */
  oldest(horizon: Versions): Versions {
    const behind = this.#search((node) => !reaches(node.to, horizon))
    const node = this.#nodes[Math.max(this.#start, behind + 1)] ?? this.#nodes.at(-1)
    if (node === undefined) return {}
    if (!reaches(node.to, horizon)) return node.to
    if (reaches(node.from, horizon)) return node.from
    return movedSources(node.from, node.to).length === 1 ? mergeVersions(node.from, horizon) : node.to
  }

  /** Where a point lies; undefined: before everything that is known. */
  locate(at: Versions): Place | undefined {
    const node = this.#nodes[this.#search(({ from }) => reaches(at, from))]
    if (node === undefined) return undefined
    const { from, to } = node
    const [axis, ...others] = movedSources(from, to)
    const straight = others.length === 0
    if (isUpTo(at, to) && (straight || isAt(at, from) || isAt(at, to))) return { step: node, base: at, exact: true }
    if (reaches(at, to)) return { step: node, base: to, exact: false }
    if (axis === undefined || !straight) return { step: node, base: from, exact: false }
    return { step: node, base: { ...from, [axis]: Math.min(at[axis] ?? 0, to[axis] ?? 0) }, exact: false }
  }

  /**
   * The windows of an answer.
   *
   * @param step the state that it is from, as `locate` gave it
   * @param at   where it was asked for
   * @param since the first state on the shelf with this answer
   * @param until the last one
   */
  windows(step: Step, at: Versions, since: number, until: number): Windows {
    const windows: Record<SourceId, Window> = pointWindows(at)
    const node = step as Node
    const run = node.head !== node.tail && isAt(at, node.from) ? node.head : node.tail
    const { axis } = run
    if (axis === undefined) return windows
    const first = this.#state(since, run.first)
    const low = first === run.first && run.startsAtEnd ? first.to : first.from
    const last = this.#state(until, undefined, run.last)
    const high = last === run.last && run.endsAtStart ? last.from : last.to
    windows[axis] = { from: low[axis] ?? 0, to: high[axis] ?? 0 }
    return windows
  }

  /** The state that stands on the shelf at a number, not before `least` and not after `most`. */
  #state(n: number, least?: Step, most?: Step): Step {
    const found = this.#nodes[
      Math.max(
        this.#start,
        this.#search((node) => node.n <= n),
      )
    ] as Step
    if (least !== undefined && found.n < least.n) return least
    return most !== undefined && found.n > most.n ? most : found
  }

  #push(n: number, at: Versions, loose: number, run: Run | undefined): void {
    const node = { n, from: at, to: at, loose } as Node
    const own = run ?? { axis: undefined, first: node, startsAtEnd: false, last: node, endsAtStart: false }
    own.last = node
    own.endsAtStart = false
    node.head = node.tail = own
    this.#nodes.push(node)
  }

  /** The run on which one commit led from the end of a state to a point; undefined: several sources moved. */
  #across(before: Node, at: Versions): Run | undefined {
    const moved = movedSources(before.to, at)
    const { tail } = before
    if (moved.length === 0 || fits(tail, moved)) return tail
    const [axis, ...others] = moved
    if (others.length > 0) return undefined
    return { axis, first: before, startsAtEnd: true, last: before, endsAtStart: false }
  }

  /** The index of the last node for which something holds that holds for all before it; -1: for none. */
  #search(holds: (node: Node) => boolean): number {
    let low = this.#start
    let high = this.#nodes.length
    // Nearly always somebody asks for the newest.
    const newest = this.#nodes[high - 1]
    if (newest !== undefined && holds(newest)) return high - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (holds(this.#nodes[middle] as Node)) low = middle + 1
      else high = middle
    }
    return low > this.#start ? low - 1 : -1
  }
}

/** Whether a run can go on along what moved; it then does. */
function fits(run: Run, moved: readonly SourceId[]): boolean {
  const [axis, ...others] = moved
  if (axis === undefined || others.length > 0 || (run.axis !== undefined && run.axis !== axis)) return false
  run.axis = axis
  return true
}

function movedSources(a: Versions, b: Versions): SourceId[] {
  const moved: SourceId[] = []
  if (a !== b) for (const source in b) if (a[source] !== b[source]) moved.push(source)
  return moved
}

/** Whether a point says the same as `there` of its sources, whatever it says of others. */
export function isAt(point: Versions, there: Versions): boolean {
  for (const source in there) if (point[source] !== there[source]) return false
  return true
}

/** Whether a point is not beyond `there` in its sources, whatever it says of others. */
function isUpTo(point: Versions, there: Versions): boolean {
  for (const source in there) if ((point[source] ?? 0) > (there[source] ?? 0)) return false
  return true
}

function sameSources(a: Versions, b: Versions): boolean {
  const sources = Object.keys(b)
  return sources.length === Object.keys(a).length && sources.every((source) => source in a)
}
