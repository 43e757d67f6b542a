import { type Entry, key as keyOf } from '@fanlight/core'
import { type Soon, all, assertKey, checkOption, checkValue, freeze, soon, valuesEqual } from '@fanlight/core/kit'
import type { Taken } from '../follower.ts'
import { heldIn, inputsOf } from '../inputs.ts'
import { MapFailure, type MapFunction, Mapping, type Yielded } from '../mapping.ts'
import { type Plan, plan } from '../plan.ts'
import type { Reader, ShelfBlock, ShelfChange } from '../shelf.ts'
import type { Aggregate, Making, Member } from './aggregates.ts'
import { Columns } from './columns.ts'
import { type Ranked, frontAfter } from './front.ts'
import { MemberMoves, type Moves, type Share } from './moves.ts'
import { makeAggregates } from './make-aggregates.ts'
import type { Kind, Operator, OperatorSettings } from './operator.ts'

/** The groups of an entry: the key of one, those of several, or nothing where it belongs to none. */
export type Groups = string | Iterable<string> | undefined | null

/** How a view groups the entries of its upstream. Its functions must be pure (L0). */
export interface GroupOptions<In = unknown, Results = Record<string, unknown>, Out = unknown> {
  /** The groups of an entry: a key, several, or none. `key(...)` makes one of several parts. */
  readonly by: (member: Member<In>) => Groups
  /** What is made of the members of a group: `({ count, sum }) => ({ orders: count(), total: sum(...) })`. */
  readonly of: Making<In, Results>
  /**
   * What a group yields, as `map` of a view does: nothing, one entry, or several. Where two groups yield one key, the one with
   * the smallest key wins. Default one entry, with the key of the group and what was made of its members.
   */
  readonly to?: MapFunction<Results, Out> | undefined
}

/** What is kept of a group: how many members it has, and for each aggregate what it goes on from. */
type Kept = readonly [members: number, ...states: unknown[]]

/**
 * Groups the entries of the upstream, and yields what the aggregates make of each group. For each entry it keeps to which
 * groups it belongs and what it gives there, so that what it gave can be taken away again, without a look at the others:
 *
 * | area | key | value |
 * | --- | --- | --- |
 * | `member` | a key of the upstream | its groups, and behind them what it gives each aggregate |
 * | `group` | a key of a group | how many members it has, and for each aggregate the state, or the members that it shows |
 * | `order` | group, aggregate, place | a member in the order of an aggregate |
 *
 * What groups yield is kept as what inputs of a map yield, under the keys of the groups.
 */
class GroupOperator implements Operator {
  readonly #by: GroupOptions['by']
  readonly #names: readonly string[]
  readonly #aggregates: readonly Aggregate['~made'][]
  readonly #to: Mapping
  readonly #settings: OperatorSettings

  constructor({ by, to = same }: GroupOptions, aggregates: ReadonlyMap<string, Aggregate>, settings: OperatorSettings) {
    this.#by = by
    this.#names = [...aggregates.keys()]
    this.#aggregates = [...aggregates.values()].map((aggregate) => aggregate['~made'])
    this.#to = new Mapping(to as MapFunction, settings.skips, settings.depthMax)
    this.#settings = settings
  }

  plan(update: Taken, reader: Reader): Soon<Plan> {
    const { replace, changes } = update
    if (replace === undefined || changes.length > 0) return this.#planChanged(update, reader)
    return soon(heldIn(replace.ranges, reader, 'member'), (held) =>
      held.length > 0 ? this.#planChanged(update, reader) : this.#planNew(replace.entries, reader),
    )
  }

  #planChanged(update: Taken, reader: Reader): Soon<Plan> {
    const found = inputsOf(update, reader, 'member', (entry) => this.#shareOf(entry), undefined)
    return soon(found, (shares) => {
      const inputs = [...shares.keys()]
      return soon(reader.values('member', inputs), (before) => {
        const changes: ShelfChange[] = []
        const moves = new MemberMoves(this.#aggregates)
        inputs.forEach((input, i) => {
          const was = before[i] as Share | undefined
          const is = shares.get(input)
          if (valuesEqual(was, is)) return
          changes.push(put('member', input, is))
          moves.note(input, was, is)
        })
        return this.#regroup(reader, moves, changes, [])
      })
    })
  }

  /** None of the entries is known: there may be millions, which are kept in columns. */
  #planNew(entries: readonly Entry[], reader: Reader): Soon<Plan> {
    const columns = new Columns(this.#aggregates, entries.length)
    const gives: unknown[] = []
    for (const { key, value } of entries) {
      const groups = this.#gather({ key, value }, gives)
      if (groups !== none) columns.push(key, groups, gives)
    }
    const block: ShelfBlock = { area: 'member', keys: columns.keys, valueAt: (i) => columns.shareAt(i) }
    return this.#regroup(reader, columns, [], [block])
  }

  /** What an entry gives, checked; undefined: it belongs to no group. */
  #shareOf({ key, value }: Pick<Entry, 'key' | 'value'>): Share | undefined {
    const gives: unknown[] = []
    const groups = this.#gather({ key, value }, gives)
    if (typeof groups === 'string') return [[groups], ...gives]
    return groups === none ? undefined : [groups, ...gives]
  }

  /**
   * Finds out to which groups a member belongs.
   *
   * @param gives is filled with what it gives each aggregate
   */
  #gather(member: Member, gives: unknown[]): string | readonly string[] {
    try {
      const groups = groupsOf(this.#by(member))
      if (groups === none) return none
      for (let i = 0; i < this.#aggregates.length; i++) gives[i] = this.#givenBy(member, i)
      return groups
    } catch (error) {
      if (this.#settings.skips) return none
      throw new MapFailure(member.key, error)
    }
  }

  #givenBy(member: Member, i: number): unknown {
    const aggregate = this.#aggregates[i]
    const given = aggregate?.of(member) ?? null
    // A tally has looked at its number already.
    if (aggregate?.kind === 'ranking' && given !== null) checkValue(freeze(given), this.#settings.depthMax - 2)
    return given
  }

  /** Brings the groups up to date that members left or joined, and what they yield. */
  #regroup(reader: Reader, moves: Moves, changes: ShelfChange[], blocks: readonly ShelfBlock[]): Soon<Plan> {
    const groups = [...moves.groups]
    return soon(reader.values('group', groups), (kept) => {
      const regrouped = groups.map((group, i) => this.#next(reader, group, moves, kept[i] as Kept | undefined, changes))
      return soon(all(regrouped), (yields) => {
        const inputs = new Map(groups.map((group, i) => [group, yields[i] ?? []]))
        return soon(plan(reader, inputs), (made) => ({
          changes: [...changes, ...made.changes],
          blocks,
          touched: made.touched,
        }))
      })
    })
  }

  /** @returns what a group yields now */
  #next(
    reader: Reader,
    group: string,
    moves: Moves,
    kept: Kept | undefined,
    changes: ShelfChange[],
  ): Soon<readonly Yielded[]> {
    const [before, ...states] = kept ?? [0]
    const members = before + moves.grown(group)
    const shown: unknown[] = []
    const next = this.#aggregates.map((aggregate, i): Soon<unknown> => {
      const left = moves.left(group, i)
      const joined = moves.joined(group, i)
      if (aggregate.kind === 'tally') {
        const running = aggregate.start(states[i])
        running.remove(left)
        running.add(joined)
        shown[i] = running.shown
        return running.stored
      }
      const start = keyOf(group, i)
      const order = { start, reverse: aggregate.reverse, size: aggregate.size }
      const gone = new Set(left.map((given) => (given as Ranked)[0]))
      const come = joined as readonly Ranked[]
      const moved = new Map<string, unknown>([...[...gone].map((place) => [place, undefined] as const), ...come])
      for (const [place, value] of moved) changes.push(put('order', `${start}/${place}`, value))
      return soon(frontAfter(reader, order, (states[i] ?? []) as readonly Ranked[], gone, come), (front) => {
        shown[i] = aggregate.show(front.map(([, value]) => value))
        return front
      })
    })
    return soon(all(next), (now) => {
      changes.push(put('group', group, members === 0 ? undefined : [members, ...now]))
      return members === 0 ? [] : this.#yield(group, shown)
    })
  }

  #yield(group: string, shown: readonly unknown[]): readonly Yielded[] {
    try {
      return this.#to.of({ key: group, value: Object.fromEntries(this.#names.map((name, i) => [name, shown[i]])) })
    } catch (error) {
      throw error instanceof MapFailure ? error.ofGroup() : error
    }
  }
}

/**
 * A view that groups.
 *
 * @throws BAD_QUERY
 */
export function groupKind(options: GroupOptions): Kind {
  const { by, of, to } = options
  checkOption('group.by', by, 'function')
  if (to !== undefined) checkOption('group.to', to, 'function')
  const aggregates = makeAggregates(of)
  return (settings) => new GroupOperator(options, aggregates, settings)
}

const same: MapFunction = (entry) => entry

function groupsOf(given: Groups): string | readonly string[] {
  if (given === undefined || given === null) return none
  if (typeof given === 'string') {
    assertKey(given)
    return given
  }
  const groups = [...new Set(given)]
  for (const group of groups) assertKey(group)
  return groups.length === 0 ? none : groups
}

const none: readonly string[] = []

function put(area: 'member' | 'group' | 'order', key: string, value: unknown): ShelfChange {
  return { area, key, value, bytes: value === undefined ? 0 : checkValue(value, Infinity) }
}
