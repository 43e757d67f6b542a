import { type Change, type Entry, FanlightError, type Query, type Range, key as keyOf, parts } from '@fanlight/core'
import { type Soon, assertKey, checkOption, checkValue, rescued, soon } from '@fanlight/core/kit'
import type { Taken } from '../follower.ts'
import { inputsOf } from '../inputs.ts'
import { MapFailure } from '../mapping.ts'
import type { Plan } from '../plan.ts'
import type { Reader, ShelfChange } from '../shelf.ts'
import type { Kind, Operator, OperatorSettings } from './operator.ts'

/** A window of time that slides: only the entries in it are there for the view. */
export interface WithinOptions<In = unknown> {
  /**
   * The time of an entry, in milliseconds as the clock counts them; undefined or null: it is never in the window. It must be
   * pure (L0).
   */
  readonly at: (entry: { readonly key: string; readonly value: In }) => number | undefined | null
  /**
   * How long the window is, in milliseconds: above 0. An entry is in it from its time on, and so long. Infinity: from its
   * time on, for ever.
   */
  readonly ms: number
  /**
   * The key of the upstream at which the time stands: where `createClockStore` is mounted. It need not lie in `query`, and
   * is no entry for the view itself. Where no number stands there, that counts as if `at` threw.
   */
  readonly clock: string
}

/** An entry on the line of time, or the time itself. */
type Placed = readonly [time: number, value: unknown]

/** The times from after the first up to the second. */
type Band = readonly [after: number, upTo: number]

/**
 * Lets another operator see only those entries whose time is in the window `(now - ms, now]`. What it shows follows from
 * the entries and from `now`, whichever way that moved, and so at any state of the shelf. It keeps all entries that have a
 * time, in the order of their times, and looks at those only that `now` passed on either edge of the window:
 *
 * | area | key | value |
 * | --- | --- | --- |
 * | `when` | a key of the upstream | the time of this input; at the key of the clock: `now` |
 * | `line` | time, input | the value of the input |
 */
class WithinOperator implements Operator {
  readonly #options: WithinOptions
  readonly #inner: Operator
  readonly #skips: boolean

  constructor(options: WithinOptions, inner: Operator, { skips }: OperatorSettings) {
    this.#options = options
    this.#inner = inner
    this.#skips = skips
  }

  plan(update: Taken, reader: Reader): Soon<Plan> {
    const { clock } = this.#options
    const found = inputsOf(update, reader, 'when', (entry) => this.#placed(entry), undefined)
    return soon(found, (inputs) => {
      const keys = [...inputs.keys()].filter((key) => key !== clock)
      return soon(reader.values('when', [clock, ...keys]), ([before, ...times]) => {
        const was = before as number | undefined
        const now = inputs.has(clock) ? inputs.get(clock)?.[0] : was
        if (now === undefined && !this.#skips) throw new MapFailure(clock, noTime(clock))
        const moved = keys.map((key, i) => ({ key, from: times[i] as number | undefined, to: inputs.get(key) }))
        const kept = moved.flatMap(({ key, from, to }) => lineChanges(key, from, to))
        const told = moved.flatMap(({ key, from, to }) => this.#told(key, this.#has(from, was), to, now))
        return soon(this.#crossed(reader, inputs, was, now), (crossed) => {
          const changes = [...told, ...crossed]
          if (was !== now) kept.push(put('when', clock, now))
          const planned = this.#planned({ changes, folded: update.folded }, reader)
          return soon(planned, (plan) => ({ ...plan, changes: [...kept, ...plan.changes] }))
        })
      })
    })
  }

  /** Where a function throws at an entry, the window may leave that behind: then it goes on, whatever changed. */
  #planned(update: Taken, reader: Reader): Soon<Plan> {
    return rescued(
      () => this.#inner.plan(update, reader),
      (error) => {
        throw error instanceof MapFailure ? error.inWindow() : error
      },
    )
  }

  /** Where an entry stands, checked; the time itself, where it is that. */
  #placed(entry: Pick<Entry, 'key' | 'value'>): Placed | undefined {
    const { at, clock } = this.#options
    const { key, value } = entry
    try {
      const time = key === clock ? value : (at({ key, value }) ?? undefined)
      if (time === undefined) return undefined
      if (typeof time === 'number' && Number.isFinite(time)) return [time, value]
      const what = key === clock ? 'the time at `within.clock`' : 'what `within.at` gives'
      const shown = typeof time === 'number' ? time : typeof time
      throw new FanlightError('BAD_VALUE', `${what} must be a finite number, not ${shown}`, { keys: [key] })
    } catch (error) {
      if (this.#skips) return undefined
      throw new MapFailure(key, error)
    }
  }

  #has(time: number | undefined, now: number | undefined): boolean {
    return time !== undefined && now !== undefined && time > now - this.#options.ms && time <= now
  }

  /** What the inner operator is told of an entry that changed. */
  #told(key: string, wasIn: boolean, to: Placed | undefined, now: number | undefined): readonly Change[] {
    if (to !== undefined && this.#has(to[0], now)) return [{ key, value: to[1] }]
    return wasIn ? [{ key, gone: true }] : []
  }

  /** What the inner operator is told of entries that did not change, since the window moved over them. */
  #crossed(
    reader: Reader,
    inputs: ReadonlyMap<string, unknown>,
    was: number | undefined,
    now: number | undefined,
  ): Soon<readonly Change[]> {
    if (was === now) return []
    const before = this.#band(was)
    const after = this.#band(now)
    const unchanged = (band: Band, change: (entry: Entry, key: string) => Change): Soon<readonly Change[]> =>
      soon(scanBand(reader, band), (entries) =>
        entries.flatMap((entry) => {
          const key = parts(entry.key)[1] as string
          return inputs.has(key) ? [] : [change(entry, key)]
        }),
      )
    const left = unchanged(without(before, after), (_entry, key) => ({ key, gone: true }))
    return soon(left, (gone) =>
      soon(
        unchanged(without(after, before), ({ value }, key) => ({ key, value })),
        (come) => [...gone, ...come],
      ),
    )
  }

  #band(now: number | undefined): Band {
    return now === undefined ? nowhere : [now - this.#options.ms, now]
  }
}

/**
 * A view that sees only what is in a window of time.
 *
 * @param inner what it makes of that
 * @throws BAD_QUERY, BAD_KEY
 */
export function withinKind(options: WithinOptions, inner: Kind): Kind {
  if (typeof options !== 'object' || options === null) {
    throw new FanlightError('BAD_QUERY', '`within` must be { at, ms, clock }')
  }
  const { at, ms, clock } = options
  checkOption('within.at', at, 'function')
  checkOption('within.ms', ms, 'amount')
  if (ms === 0) throw new FanlightError('BAD_QUERY', 'within.ms must be above 0: nothing is in a window without length')
  if (typeof clock !== 'string') {
    const message = 'within.clock must be the key at which the time stands: mount what createClockStore makes there'
    throw new FanlightError('BAD_QUERY', message)
  }
  assertKey(clock)
  return (settings) => new WithinOperator({ at, ms, clock }, inner(settings), settings)
}

/** What a view asks of its upstream: the time too. It stands first: of the first state no part can be made without it. */
export function withClock(query: Query, clock: string): Query {
  return Array.isArray(query) ? [clock, ...(query as readonly (string | Range)[])] : [clock, query as string | Range]
}

function noTime(clock: string): FanlightError {
  const message = `there is no time at ${JSON.stringify(clock)}: mount what createClockStore makes there`
  return new FanlightError('BAD_VALUE', message, { keys: [clock] })
}

const nowhere: Band = [Infinity, -Infinity]

/** The part of a band that is not in another one of the same length: none of them lies inside the other. */
function without([after, upTo]: Band, [otherAfter, otherUpTo]: Band): Band {
  if (otherAfter >= upTo || otherUpTo <= after) return [after, upTo]
  return otherAfter > after || (otherAfter === after && otherUpTo > upTo)
    ? [after, otherAfter]
    : [Math.max(after, otherUpTo), upTo]
}

function scanBand(reader: Reader, [after, upTo]: Band): Soon<readonly Entry[]> {
  if (!(after < upTo)) return []
  // After `/` comes `0`: no key of a time is behind that.
  const lo = after === -Infinity ? '' : `${keyOf(after)}0`
  return reader.scan('line', { lo, hi: `${keyOf(upTo)}0`, limit: Infinity, reverse: false })
}

function lineChanges(key: string, from: number | undefined, to: Placed | undefined): readonly ShelfChange[] {
  const changes: ShelfChange[] = []
  if (from !== undefined && from !== to?.[0]) changes.push(put('line', keyOf(from, key), undefined))
  if (to !== undefined) changes.push(put('line', keyOf(to[0], key), to[1]))
  if (from !== to?.[0]) changes.push(put('when', key, to?.[0]))
  return changes
}

function put(area: 'when' | 'line', key: string, value: unknown): ShelfChange {
  return { area, key, value, bytes: value === undefined ? 0 : checkValue(value, Infinity) }
}
