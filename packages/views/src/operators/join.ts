import { type Entry, FanlightError, type Query, type Range, key as keyOf } from '@fanlight/core'
import { type Soon, type Spans, all, checkValue, freeze, soon, spansHave } from '@fanlight/core/kit'
import type { Taken } from '../follower.ts'
import { inputsOf } from '../inputs.ts'
import { MapFailure, Mapping, type Yielded } from '../mapping.ts'
import { type Inputs, type Plan, plan } from '../plan.ts'
import type { Reader } from '../shelf.ts'
import type { Member } from './aggregates.ts'
import { type AnyJoin, type Join, type MeetsAt, readJoin } from './join-options.ts'
import { type Asking, JoinStep, type Standings } from './join-step.ts'
import { placed } from './moves.ts'
import type { Kind, Operator, OperatorSettings } from './operator.ts'

/**
 * Joins entries of the upstream: each entry of `each` yields what is made of it and of those that it meets. For the entries
 * of `each` it keeps what they are and whom they ask for, for those of the sides what is given of them and where they stand:
 *
 * | area | key | value |
 * | --- | --- | --- |
 * | `each` | a key of the upstream | its value, where it is one of `each` |
 * | `asks` | side, text, a key of the upstream | true: this one of `each` meets those that stand there |
 * | `role` | a key of the upstream | where it stands, for each side that it is of |
 * | `side` | side, text, place | what is kept of an entry that stands there |
 *
 * So wherever something comes, goes or moves, those that are concerned are found, and all that they are made of, without a
 * look at the upstream. What they yield is kept as what inputs of a map yield.
 */
class JoinOperator implements Operator {
  readonly #join: Join
  readonly #to: Mapping
  readonly #settings: OperatorSettings

  constructor(join: Join, settings: OperatorSettings) {
    const { to } = join
    this.#join = join
    this.#to = new Mapping(({ value }) => to(...(value as Parameters<typeof to>)), settings.skips, settings.depthMax)
    this.#settings = settings
  }

  plan(update: Taken, reader: Reader): Soon<Plan> {
    const askingOf = (entry: Member): Asking | undefined => this.#askingOf(entry)
    const step = new JoinStep(this.#join, reader, askingOf)
    const asking = inputsOf(within(update, this.#join.each), reader, 'each', askingOf, undefined)
    const asked = soon(asking, (told) => step.changeEach(told))
    const others = within(update, this.#join.others)
    const standing = soon(asked, () => inputsOf(others, reader, 'role', (entry) => this.#standingsOf(entry), []))
    const stood = soon(standing, (told) => step.changeSides(told))
    const due = soon(stood, () => step.due())
    const inputs = soon(due, (found) => this.#yieldsOf(found, step))
    return soon(inputs, (yields) =>
      soon(plan(reader, yields), ({ changes, touched }) => ({ changes: [...step.changes, ...changes], touched })),
    )
  }

  /** Whom an entry of `each` asks for; undefined: it takes no part. */
  #askingOf({ key, value }: Pick<Entry, 'key' | 'value'>): Asking | undefined {
    return this.#given(key, () => ({ value, texts: this.#join.sides.map(({ on }) => textsOf(on({ key, value }))) }))
  }

  /** Where an entry stands on the sides. */
  #standingsOf({ key, value }: Pick<Entry, 'key' | 'value'>): Standings {
    return this.#join.sides.map(({ spans, equals, keeps }) => {
      if (!spansHave(spans, key)) return undefined
      return this.#given(key, () => {
        const texts = textsOf(equals({ key, value }))
        const kept = texts.length === 0 ? undefined : keeps({ key, value })
        if (kept === undefined) return undefined
        checkValue(kept[1], this.#settings.depthMax)
        const [place, given] = placed(kept, key)
        return { texts, place, value: freeze(given) }
      })
    })
  }

  /** What functions of the author give of an entry; undefined: it takes no part. */
  #given<Given>(key: string, give: () => Given | undefined): Given | undefined {
    try {
      return give()
    } catch (error) {
      if (this.#settings.skips) return undefined
      throw new MapFailure(key, error)
    }
  }

  /** What those yield now that are due. */
  #yieldsOf(due: ReadonlyMap<string, Asking | undefined>, step: JoinStep): Soon<Inputs> {
    const inputs = [...due]
    const yields = inputs.map(([key, asking]): Soon<readonly Yielded[]> => {
      if (asking === undefined) return []
      return soon(step.met(asking), (met) => this.#yield({ key, value: asking.value }, met))
    })
    return soon(all(yields), (found) => new Map(inputs.map(([key], i) => [key, found[i] ?? []])))
  }

  #yield(entry: Member, met: readonly (readonly Member[])[]): readonly Yielded[] {
    const named = Object.fromEntries(this.#join.sides.map(({ name }, i) => [name, met[i]]))
    try {
      return this.#to.of({ key: entry.key, value: [entry, named] })
    } catch (error) {
      // Whoever it meets may be what can mend it.
      throw error instanceof MapFailure ? error.ofGroup() : error
    }
  }
}

/** What a view that joins is made of, and how. */
export interface JoinMade {
  readonly query: readonly Range[]
  readonly kind: Kind
}

/**
 * A view that joins.
 *
 * @param query what stands beside it: nothing may
 * @throws BAD_QUERY, BAD_KEY
 */
export function joinKind(options: AnyJoin, query: Query | undefined): JoinMade {
  if (query !== undefined) {
    throw new FanlightError('BAD_QUERY', 'a join has no `query` beside it: it is made of `each` and of what is `from`')
  }
  const join = readJoin(options)
  return { query: join.query, kind: (settings) => new JoinOperator(join, settings) }
}

/** What an update says of some spans. */
function within({ replace, changes, folded }: Taken, spans: Spans): Taken {
  const isPart = ({ key }: { readonly key: string }): boolean => spansHave(spans, key)
  return {
    replace: replace && { ...replace, entries: replace.entries.filter(isPart) },
    changes: changes.filter(isPart),
    folded,
  }
}

/** Where an entry meets others, each text once: as parts of keys. */
function textsOf(given: MeetsAt): readonly string[] {
  if (given === undefined || given === null) return []
  return typeof given === 'object' ? [...new Set(Array.from(given, textOf))] : [textOf(given)]
}

function textOf(given: unknown): string {
  if (typeof given === 'string' || typeof given === 'number') return keyOf(given)
  const what = given === null ? 'null' : typeof given
  throw new FanlightError(
    'BAD_VALUE',
    `entries meet at texts and numbers, or several of them in an array, not at ${what}`,
  )
}
