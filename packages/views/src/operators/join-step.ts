import { key as keyOf } from '@fanlight/core'
import { type Soon, all, checkValue, freeze, soon, valuesEqual } from '@fanlight/core/kit'
import type { Reader, ShelfChange } from '../shelf.ts'
import type { Member } from './aggregates.ts'
import type { Join, Side } from './join-options.ts'
import { Meeting, lastPart, spanUnder, together } from './meeting.ts'

/** An entry of `each`. */
export interface Asking {
  readonly value: unknown
  /** For each side the texts at which it meets others: as parts of keys. */
  readonly texts: readonly (readonly string[])[]
}

/** Where an entry stands on a side. */
export interface Standing {
  /** Where it is met: as parts of keys; one at least. */
  readonly texts: readonly string[]
  /** Where it stands in the order of the side. */
  readonly place: string
  /** What is kept of it. */
  readonly value: unknown
}

/** Where an entry stands on each side; undefined: it is not of that side. */
export type Standings = readonly (Standing | undefined)[]

/** The same of one side, as it is kept. */
type Role = readonly [side: string, texts: readonly string[], place: string]

/** What to make of an entry of `each`; undefined: it takes no part. */
type AskingOf = (entry: Member) => Asking | undefined

/** What a change of the upstream does to what is kept of a join. */
export class JoinStep {
  readonly #join: Join
  readonly #reader: Reader
  readonly #askingOf: AskingOf
  readonly #changes: ShelfChange[] = []
  readonly #meetings = new Map<string, Meeting>()
  /** Those of `each` that yield something else now, or may; undefined: it is none any more. */
  readonly #due = new Map<string, Asking | undefined>()

  constructor(join: Join, reader: Reader, askingOf: AskingOf) {
    this.#join = join
    this.#reader = reader
    this.#askingOf = askingOf
  }

  /** What is to be written, once all is noted. */
  get changes(): readonly ShelfChange[] {
    const changes = [...this.#changes]
    for (const meeting of this.#meetings.values()) meeting.write(changes)
    return changes
  }

  /** Notes which entries of `each` came, went or changed. */
  changeEach(told: ReadonlyMap<string, Asking | undefined>): Soon<void> {
    const keys = [...told.keys()]
    return soon(this.#reader.values('each', keys), (values) => {
      keys.forEach((key, i) => this.#ask(key, values[i], told.get(key)))
    })
  }

  /** Notes which entries of the sides came, went or moved, or give something else. */
  changeSides(told: ReadonlyMap<string, Standings>): Soon<void> {
    const keys = [...told.keys()]
    return soon(this.#reader.values('role', keys), (found) => {
      const roles = keys.map((_, i) => (found[i] ?? []) as readonly Role[])
      const kept = roles.flat().map(([name, [text], place]) => `${keyOf(name)}/${text}/${place}`)
      return soon(this.#reader.values('side', kept), (values) => {
        let next = 0
        keys.forEach((key, i) => {
          const role = roles[i] ?? []
          const was = new Map(role.map(([name, texts, place]) => [name, { texts, place, value: values[next++] }]))
          this.#stand(key, role, was, told.get(key) ?? [])
        })
      })
    })
  }

  /** Those of `each` that yield something else now, or may, once all is noted; undefined: it is none any more. */
  due(): Soon<ReadonlyMap<string, Asking | undefined>> {
    const asking = [...this.#meetings].map(([start, meeting]) => this.#askedAt(start, meeting))
    return soon(all(asking), (lists) => {
      // Those that ask for others than before are due already.
      const keys = [...new Set(lists.flat())].filter((key) => !this.#due.has(key))
      return soon(this.#reader.values('each', keys), (values) => {
        keys.forEach((key, i) => {
          const value = values[i]
          if (value !== undefined) this.#due.set(key, this.#askingOf({ key, value }))
        })
        return this.#due
      })
    })
  }

  /** Whom an entry of `each` meets now, for each side. */
  met({ texts }: Asking): Soon<readonly (readonly Member[])[]> {
    return all(
      this.#join.sides.map((side, i): Soon<readonly Member[]> => {
        const [only, ...others] = (texts[i] ?? []).map((text) => this.#meeting(side, text))
        if (only === undefined) return []
        if (others.length === 0) return only.members()
        return soon(all([only, ...others].map((meeting) => meeting.placed())), (lists) => together(lists, side.limit))
      }),
    )
  }

  #ask(key: string, value: unknown, is: Asking | undefined): void {
    if (valuesEqual(value, is?.value)) return
    this.#due.set(key, is)
    this.#put('each', key, is?.value)
    const was = value === undefined ? undefined : this.#askingOf({ key, value })
    const end = keyOf(key)
    this.#join.sides.forEach(({ start }, i) => {
      const { left, joined } = moved(was?.texts[i], is?.texts[i])
      for (const text of left) this.#put('asks', `${start}/${text}/${end}`, undefined)
      for (const text of joined) this.#put('asks', `${start}/${text}/${end}`, true)
    })
  }

  #stand(key: string, role: readonly Role[], was: ReadonlyMap<string, Standing>, now: Standings): void {
    const is: Role[] = []
    this.#join.sides.forEach((side, i) => {
      const standing = now[i]
      this.#move(key, side, was.get(side.name), standing)
      if (standing !== undefined) is.push([side.name, standing.texts, standing.place])
    })
    if (!valuesEqual(role, is)) this.#put('role', key, is.length === 0 ? undefined : is)
  }

  #move(key: string, side: Side, was: Standing | undefined, is: Standing | undefined): void {
    const isAlike = was?.place === is?.place && valuesEqual(was?.value, is?.value)
    const { left, joined } = isAlike ? moved(was?.texts, is?.texts) : { left: was?.texts, joined: is?.texts }
    for (const text of left ?? []) this.#meeting(side, text).move(was?.place ?? '', undefined)
    const member = is && freeze({ key, value: is.value })
    // Where it stands at the same place as before, this is what counts.
    for (const text of joined ?? []) this.#meeting(side, text).move(is?.place ?? '', member)
  }

  #meeting({ start, limit }: Side, text: string): Meeting {
    const whole = `${start}/${text}`
    let meeting = this.#meetings.get(whole)
    if (meeting === undefined) this.#meetings.set(whole, (meeting = new Meeting(this.#reader, whole, limit)))
    return meeting
  }

  /** Those that asked before for whoever stands there, where others do now. */
  #askedAt(start: string, meeting: Meeting): Soon<readonly string[]> {
    return soon(meeting.isChanged(), (isChanged) => {
      if (!isChanged) return []
      return soon(this.#reader.scan('asks', spanUnder(start)), (asking) => asking.map(({ key }) => lastPart(key)))
    })
  }

  #put(area: 'each' | 'asks' | 'role', key: string, value: unknown): void {
    this.#changes.push({ area, key, value, bytes: value === undefined ? 0 : checkValue(value, Infinity) })
  }
}

/** Texts that are there no more, and texts that were not there before. */
function moved(
  was: readonly string[] = [],
  is: readonly string[] = [],
): { readonly left: readonly string[]; readonly joined: readonly string[] } {
  if (was.length === 0 || is.length === 0) return { left: was, joined: is }
  const before = new Set(was)
  const now = new Set(is)
  return { left: was.filter((text) => !now.has(text)), joined: is.filter((text) => !before.has(text)) }
}
