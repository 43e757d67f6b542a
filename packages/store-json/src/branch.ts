import { scanObject } from './scan.ts'
import { type Style, lineAt } from './style.ts'

/** A member of a branch: what stands before its value, and the value. It is never changed, only replaced. */
export interface Member {
  readonly name: string
  /** The name in its quotes, as it is written. */
  readonly written: string
  readonly before: string
  readonly colon: string
  readonly after: string
  /** Text, or the branch of an object whose members are keys themselves. */
  readonly value: string | Branch
}

/** An object above the depth: its members in the order in which they stand in the file. */
export class Branch {
  /** How deep it stands: the root at 0. */
  readonly level: number
  /** By name; a member that a later one of the same name hides, by itself. */
  readonly #members: Map<string | Member, Member>
  /** The white space after the opening brace and before the closing one; undefined: as the layout has it. */
  #opening: string | undefined
  #closing: string | undefined
  #hidden: number

  private constructor(
    level: number,
    members: Map<string | Member, Member>,
    hidden: number,
    opening?: string,
    closing?: string,
  ) {
    this.level = level
    this.#members = members
    this.#hidden = hidden
    this.#opening = opening
    this.#closing = closing
  }

  static empty(level: number): Branch {
    return new Branch(level, new Map(), 0)
  }

  /**
   * The branch that a text means.
   *
   * @param text  an object
   * @param depth how many levels of members are taken apart
   */
  static parse(text: string, depth: number, level = 0): Branch {
    const { members, inner } = scanObject(text)
    const counting = new Map(members.map((member) => [member.name, member]))
    const [first, last] = [members[0], members.at(-1)]
    const placed = new Map<string | Member, Member>()
    for (const scanned of members) {
      const { name, written, before, colon, raw } = scanned
      const isBranch = level + 1 < depth && raw.startsWith('{')
      const value = isBranch ? Branch.parse(raw, depth, level + 1) : raw
      // What stands behind the last value belongs to the brace: a member that is added comes before it.
      const after = scanned !== last ? scanned.after : members.length > 1 ? (first?.after ?? '') : ''
      const member: Member = { name, written, before, colon, after, value }
      placed.set(counting.get(name) === scanned ? name : member, member)
    }
    return new Branch(level, placed, members.length - counting.size, first?.before ?? inner, last?.after ?? '')
  }

  /** The white space before the first name; undefined: there is none. */
  get opening(): string | undefined {
    return this.#members.size === 0 ? undefined : this.#opening
  }

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  /** A copy that can be changed without a change of this. */
  copy(): Branch {
    const members = new Map(this.#members)
    const copied = new Branch(this.level, members, this.#hidden, this.#opening, this.#closing)
    for (const [place, member] of members) {
      if (typeof member.value !== 'string') members.set(place, { ...member, value: member.value.copy() })
    }
    return copied
  }

  get(name: string): string | Branch | undefined {
    return this.#members.get(name)?.value
  }

  first(): Member | undefined {
    for (const member of this.#members.values()) return member
    return undefined
  }

  /** The members that count: of several of one name the last. */
  *visible(): Generator<Member> {
    for (const [place, member] of this.#members) if (place === member.name) yield member
  }

  /** Gives a member a value: where it stands, or behind all others. */
  set(name: string, value: string | Branch, style: Style): void {
    const member = this.#members.get(name)
    this.#dropHidden(name)
    if (member !== undefined) this.#members.set(name, { ...member, value })
    else this.#append(name, value, style)
  }

  delete(name: string): void {
    this.#dropHidden(name)
    this.#members.delete(name)
    if (this.#members.size === 0) this.#opening = this.#closing = ''
  }

  text(style: Style): string {
    if (this.#members.size === 0) return `{${this.#opening ?? ''}}`
    const last = this.#members.size - 1
    let i = 0
    let text = '{'
    for (const { written, before, colon, after, value } of this.#members.values()) {
      text += i === 0 ? (this.#opening ?? before) : before
      text += written + colon + (typeof value === 'string' ? value : value.text(style))
      text += i++ === last ? `${this.#closing ?? lineAt(this.level, style)}}` : `${after},`
    }
    return text
  }

  #dropHidden(name: string): void {
    if (this.#hidden === 0) return
    for (const [place, member] of this.#members) {
      if (place === name || member.name !== name) continue
      this.#members.delete(place)
      this.#hidden--
    }
  }

  #append(name: string, value: string | Branch, style: Style): void {
    if (this.#members.size === 0) this.#opening = this.#closing = undefined
    const [first, second] = this.#members.values()
    const before = second?.before ?? beforeNext(this.#opening, first) ?? lineAt(this.level + 1, style)
    const colon = first?.colon ?? style.colon
    this.#members.set(name, { name, written: JSON.stringify(name), before, colon, after: '', value })
  }
}

/** The white space before a second member, by that of the first: on one line, spaces after commas go with spaces after colons. */
function beforeNext(opening: string | undefined, first: Member | undefined): string | undefined {
  if (first === undefined || opening === undefined) return undefined
  if (/[\r\n]/.test(opening)) return opening
  return first.colon.endsWith(' ') ? ' ' : ''
}
