import { parts } from '@fanlight/core'
import { type Soon, type Span, checkValue, compareKeys, freeze, soon } from '@fanlight/core/kit'
import type { Reader, ShelfChange } from '../shelf.ts'
import type { Member } from './aggregates.ts'

/** An entry of a side, and where it stands in the order of the side. */
export type Placed = readonly [place: string, member: Member]

/** The entries of a side that stand at one text, after some came, went or changed. */
export class Meeting {
  readonly #reader: Reader
  readonly #start: string
  readonly #limit: number
  /** What stands now where something changed; undefined: nothing. */
  #moved: Map<string, Member | undefined> = none
  #before: Soon<readonly Placed[]> | undefined
  #now: Soon<readonly Placed[]> | undefined
  #members: Soon<readonly Member[]> | undefined

  /**
   * @param start what the keys of its entries on the shelf begin with, and a `/` behind it
   * @param limit so many of them are met
   */
  constructor(reader: Reader, start: string, limit: number) {
    this.#reader = reader
    this.#start = start
    this.#limit = limit
  }

  /** Notes what stands at a place now; undefined: nothing. All are noted before anything is asked. */
  move(place: string, member: Member | undefined): void {
    // There are as many meetings as texts, and most of them stay as they are.
    if (this.#moved === none) this.#moved = new Map()
    this.#moved.set(place, member)
  }

  /** Adds what is to be written. */
  write(changes: ShelfChange[]): void {
    for (const [place, member] of this.#moved) {
      const bytes = member === undefined ? 0 : checkValue(member.value, Infinity)
      changes.push({ area: 'side', key: `${this.#start}/${place}`, value: member?.value, bytes })
    }
  }

  /** Whether somebody may meet others than before. */
  isChanged(): Soon<boolean> {
    // Who is met is read only where somebody asks, unless that may be few.
    if (this.#moved.size === 0 || this.#limit === Infinity) return this.#moved.size > 0
    return soon(this.#kept(), (before) =>
      soon(this.placed(), (now) => [...before.slice(0, this.#limit), ...now].some(([place]) => this.#moved.has(place))),
    )
  }

  /** Those that are met, in the order of the side. */
  placed(): Soon<readonly Placed[]> {
    return (this.#now ??= soon(this.#kept(), (before) => (this.#moved.size === 0 ? before : this.#after(before))))
  }

  /** The same, as all who meet them are given them. */
  members(): Soon<readonly Member[]> {
    return (this.#members ??= soon(this.placed(), membersOf))
  }

  /** Those that stood here before, and of those at least as many as may be needed. */
  #kept(): Soon<readonly Placed[]> {
    const start = this.#start
    const span = { ...spanUnder(start), limit: this.#limit + this.#moved.size }
    return (this.#before ??= soon(this.#reader.scan('side', span), (entries) =>
      entries.map(({ key, value }): Placed => [key.slice(start.length + 1), freeze({ key: lastPart(key), value })]),
    ))
  }

  #after(before: readonly Placed[]): readonly Placed[] {
    const placed = before.filter(([place]) => !this.#moved.has(place))
    for (const [place, member] of this.#moved) if (member !== undefined) placed.push([place, member])
    return inOrder(placed).slice(0, this.#limit)
  }
}

/**
 * Those that are met at any of several texts, each once.
 *
 * @param lists for each of the texts those that are met there, as many as the limit of the side lets
 */
export function together(lists: readonly (readonly Placed[])[], limit: number): readonly Member[] {
  const each = new Map(lists.flat())
  return membersOf(inOrder([...each]).slice(0, limit))
}

function inOrder(placed: Placed[]): Placed[] {
  return placed.sort(([a], [b]) => compareKeys(a, b))
}

/** Several are given the same list. */
function membersOf(placed: readonly Placed[]): readonly Member[] {
  return Object.freeze(placed.map(([, member]) => member))
}

/** The span of all keys that go on from `start` with a `/`. */
export function spanUnder(start: string): Span {
  // After `/` comes `0`.
  return { lo: `${start}/`, hi: `${start}0`, limit: Infinity, reverse: false }
}

/** The key of the upstream that a key of the shelf ends with. */
export function lastPart(key: string): string {
  return parts(key.slice(key.lastIndexOf('/') + 1))[0] as string
}

const none = new Map<string, never>()
