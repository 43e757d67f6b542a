/** A place in a text, both counted from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** What comes next: a value, a name, what ends a value, or the end. */
type State = 'value' | 'first value' | 'name' | 'first name' | 'colon' | 'after' | 'end'

const space = /[ \t\n\r]*/y
// oxlint-disable-next-line no-control-regex -- strings may not hold them
const plain = /[^"\\\u0000-\u001f]*/y
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const scalar = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y

/**
 * Where a text stops to be JSON: the engine's own message says so in some cases only.
 *
 * @param text what `JSON.parse` refused
 */
export function locate(text: string): Place {
  const at = new Walk(text).walk()
  const lines = text.slice(0, at).split(/\r\n|\r|\n/)
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}

/** A walk through a text, token by token, until one does not fit. It keeps the open brackets itself: nesting has no limit. */
class Walk {
  readonly #text: string
  readonly #open: ('{' | '[')[] = []
  #at = 0
  #state: State = 'value'

  constructor(text: string) {
    this.#text = text
  }

  /** The place of the first token that does not fit, or the end. */
  walk(): number {
    for (;;) {
      this.#match(space)
      if (this.#at >= this.#text.length || !this.#step()) return this.#at
    }
  }

  /** Takes one token. */
  #step(): boolean {
    const next = this.#text[this.#at] ?? ''
    switch (this.#state) {
      case 'first value':
        return next === ']' ? this.#close('[') : this.#value(next)
      case 'value':
        return this.#value(next)
      case 'first name':
        return next === '}' ? this.#close('{') : this.#name()
      case 'name':
        return this.#name()
      case 'colon':
        return next === ':' && this.#go('value')
      case 'after':
        return this.#after(next)
      case 'end':
        return false
    }
  }

  #value(next: string): boolean {
    if (next === '{' || next === '[') {
      this.#open.push(next)
      return this.#go(next === '{' ? 'first name' : 'first value')
    }
    if (!(next === '"' ? this.#string() : this.#match(scalar))) return false
    this.#ended()
    return true
  }

  /** One expression for a whole string would overflow the stack of the engine where it is long. */
  #string(): boolean {
    this.#at++
    do this.#match(plain)
    while (this.#match(escape))
    if (this.#text[this.#at] !== '"') return false
    this.#at++
    return true
  }

  #name(): boolean {
    if (this.#text[this.#at] !== '"' || !this.#string()) return false
    this.#state = 'colon'
    return true
  }

  #after(next: string): boolean {
    const inside = this.#open.at(-1)
    if (next === ',') return this.#go(inside === '{' ? 'name' : 'value')
    return next === (inside === '{' ? '}' : ']') && this.#close(inside)
  }

  #close(bracket: '{' | '[' | undefined): boolean {
    if (bracket === undefined || this.#open.pop() !== bracket) return false
    this.#at++
    this.#ended()
    return true
  }

  #ended(): void {
    this.#state = this.#open.length === 0 ? 'end' : 'after'
  }

  #go(state: State): true {
    this.#at++
    this.#state = state
    return true
  }

  /** Moves behind a token, where it is there. */
  #match(token: RegExp): boolean {
    token.lastIndex = this.#at
    if (!token.test(this.#text)) return false
    this.#at = token.lastIndex
    return true
  }
}
