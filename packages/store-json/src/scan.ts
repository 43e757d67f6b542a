/** One member of an object, as it stands in the text. */
export interface ScannedMember {
  /** What the name says. */
  readonly name: string
  /** The name as it is written, in its quotes. */
  readonly written: string
  /** The white space before the name. */
  readonly before: string
  /** What stands between the name and the value: a colon, in white space. */
  readonly colon: string
  /** The white space between the value and the comma or brace that ends it. */
  readonly after: string
  /** The value as it is written. */
  readonly raw: string
}

/** An object, as it stands in the text. */
export interface ScannedObject {
  readonly members: readonly ScannedMember[]
  /** The white space between the braces of an object without members. */
  readonly inner: string
}

/**
 * Cuts the text of an object into its members.
 *
 * @param text is JSON, and an object: that was checked already. It begins with the brace
 */
export function scanObject(text: string): ScannedObject {
  const cursor = new Cursor(text)
  cursor.at++
  const members: ScannedMember[] = []
  let before = cursor.space()
  if (cursor.next === '}') return { members, inner: before }
  for (;;) {
    const written = cursor.string()
    const start = cursor.at
    cursor.space()
    cursor.at++
    cursor.space()
    const colon = text.slice(start, cursor.at)
    const raw = cursor.value()
    const after = cursor.space()
    members.push({ name: JSON.parse(written) as string, written, before, colon, after, raw })
    if (cursor.next === '}') return { members, inner: '' }
    cursor.at++
    before = cursor.space()
  }
}

const quote = 0x22
const backslash = 0x5c
const openBrackets = new Set([0x5b, 0x7b])
const closeBrackets = new Set([0x5d, 0x7d])

/** Walks over text that is JSON: it needs to look only for where things end. */
class Cursor {
  readonly #text: string
  at = 0

  constructor(text: string) {
    this.#text = text
  }

  get next(): string {
    return this.#text[this.at] ?? ''
  }

  space(): string {
    const start = this.at
    while (isSpace(this.#text.charCodeAt(this.at))) this.at++
    return this.#text.slice(start, this.at)
  }

  string(): string {
    const start = this.at
    this.#skipString()
    return this.#text.slice(start, this.at)
  }

  value(): string {
    const start = this.at
    const first = this.#text.charCodeAt(start)
    if (first === quote) this.#skipString()
    else if (openBrackets.has(first)) this.#skipNested()
    else this.#skipScalar()
    return this.#text.slice(start, this.at)
  }

  #skipString(): void {
    for (let end = this.#text.indexOf('"', this.at + 1); ; end = this.#text.indexOf('"', end + 1)) {
      let escapes = 0
      while (this.#text.charCodeAt(end - 1 - escapes) === backslash) escapes++
      if (escapes % 2 === 1) continue
      this.at = end + 1
      return
    }
  }

  #skipNested(): void {
    let depth = 0
    do {
      const unit = this.#text.charCodeAt(this.at)
      if (unit === quote) {
        this.#skipString()
        continue
      }
      if (openBrackets.has(unit)) depth++
      else if (closeBrackets.has(unit)) depth--
      this.at++
    } while (depth > 0)
  }

  #skipScalar(): void {
    for (; this.at < this.#text.length; this.at++) {
      const unit = this.#text.charCodeAt(this.at)
      if (unit === 0x2c || closeBrackets.has(unit) || isSpace(unit)) return
    }
  }
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09
}
