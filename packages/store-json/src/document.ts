import { type Change, FanlightError, compareKeys, valuesEqual } from '@fanlight/core'
import { Branch } from './branch.ts'
import { readValue } from './json-values.ts'
import { locate } from './locate.ts'
import { type Path, keyAt, pathAt } from './paths.ts'
import { type Style, layOut, styleOf } from './style.ts'

/** One change, and the way to where it happens. */
interface Step {
  readonly path: Path
  readonly change: Change
}

/**
 * The content of a file as text, taken apart into the members that are keys. What is not changed is written as it was read:
 * its white space, its order, its escapes, and numbers that are longer than a double can hold.
 */
export class JsonDocument {
  readonly #depth: number
  readonly #style: Style
  readonly #root: Branch
  /** What stands before and behind the root: white space, and perhaps a byte order mark. */
  readonly #head: string
  readonly #tail: string

  private constructor(depth: number, style: Style, root: Branch, head: string, tail: string) {
    this.#depth = depth
    this.#style = style
    this.#root = root
    this.#head = head
    this.#tail = tail
  }

  /** The document of a file that is not there yet. */
  static empty(depth: number): JsonDocument {
    return new JsonDocument(depth, styleOf(undefined, undefined, ''), Branch.empty(0), '', '\n')
  }

  /**
   * @param depth how many levels of members make up a key
   * @throws CORRUPT where it is no JSON, or its root no object
   */
  static parse(text: string, depth: number): JsonDocument {
    const mark = text.startsWith('\ufeff') ? 1 : 0
    const body = text.slice(mark)
    assertJson(body)
    const start = body.length - body.trimStart().length
    const end = body.trimEnd().length
    if (body[start] !== '{') throw corrupt('its root must be an object: { "name": value }')
    const root = Branch.parse(body.slice(start, end), depth)
    const style = styleOf(root.opening, root.first()?.colon, body)
    return new JsonDocument(depth, style, root, text.slice(0, mark + start), body.slice(end))
  }

  /** The text of each value, by key. */
  leaves(): Map<string, string> {
    const leaves = new Map<string, string>()
    collect(this.#root, [], (path, raw) => leaves.set(keyAt(path, this.#depth), raw))
    return leaves
  }

  /** A copy that can be changed without a change of this. */
  copy(): JsonDocument {
    return new JsonDocument(this.#depth, this.#style, this.#root.copy(), this.#head, this.#tail)
  }

  text(): string {
    return this.#head + this.#root.text(this.#style) + this.#tail
  }

  /**
   * By about how many bytes the changes would make it grow.
   *
   * @throws BAD_KEY where a key and one below it would both have a value
   */
  growth(changes: readonly Change[]): number {
    const steps = this.#steps(changes)
    if (this.#depth > 1) this.#refuseClashes(steps)
    let growth = 0
    for (const { path, change } of steps) {
      const before = this.#at(path)
      const held = typeof before === 'string' ? Buffer.byteLength(before) : -overheadOf(path)
      if (change.gone !== true) growth += Buffer.byteLength(layOut(change.value, path.length, this.#style)) - held
      else if (typeof before === 'string') growth -= held
    }
    return growth
  }

  /** Changes the document. What is added stands behind the rest, in the order of keys. Ask for its `growth` before. */
  change(changes: readonly Change[]): void {
    const steps = this.#steps(changes)
    // Values first, so that an object whose members are all new ones stays where it is.
    for (const { path, change } of steps) if (change.gone !== true) this.#put(path, change.value)
    for (const { path, change } of steps) if (change.gone === true) deleteAt(path, this.#root)
  }

  #steps(changes: readonly Change[]): readonly Step[] {
    const sorted = changes.toSorted((a, b) => compareKeys(a.key, b.key))
    return sorted.map((change) => ({ path: pathAt(change.key, this.#depth), change }))
  }

  #put(path: Path, value: unknown): void {
    let branch = this.#root
    for (const name of path.slice(0, -1)) {
      const below = branch.get(name)
      const next = below instanceof Branch ? below : Branch.empty(branch.level + 1)
      if (next !== below) branch.set(name, next, this.#style)
      branch = next
    }
    const name = path.at(-1) ?? ''
    const before = branch.get(name)
    // A value that is the same stays as it is written.
    if (typeof before === 'string' && valuesEqual(readValue(before), value)) return
    branch.set(name, layOut(value, branch.level + 1, this.#style), this.#style)
  }

  /** A member is a value or an object of keys, not both: what would be both after these changes is refused. */
  #refuseClashes(steps: readonly Step[]): void {
    const gone = new Set<string>()
    const put = new Set<string>()
    for (const { change } of steps) (change.gone === true ? gone : put).add(change.key)
    for (const { path, change } of steps) {
      if (change.gone === true) continue
      for (let length = 1; length < path.length; length++) {
        const above = path.slice(0, length)
        const key = keyAt(above, this.#depth)
        if (put.has(key) || (typeof this.#at(above) === 'string' && !gone.has(key))) throw clash(key, change.key)
      }
      const found = path.length < this.#depth ? this.#at(path) : undefined
      if (!(found instanceof Branch)) continue
      collect(found, path, (below) => {
        const key = keyAt(below, this.#depth)
        if (!gone.has(key)) throw clash(change.key, key)
      })
    }
  }

  #at(path: Path): string | Branch | undefined {
    let found: string | Branch | undefined = this.#root
    for (const name of path) found = found instanceof Branch ? found.get(name) : undefined
    return found
  }
}

/** Deletes a value, and the objects that are empty without it. */
function deleteAt(path: Path, branch: Branch): void {
  const [name = '', ...rest] = path
  const below = branch.get(name)
  if (below === undefined || (typeof below === 'string') !== (rest.length === 0)) return
  if (typeof below !== 'string') {
    if (below.isEmpty) return
    deleteAt(rest, below)
    if (!below.isEmpty) return
  }
  branch.delete(name)
}

/** Walks the values that are keys. */
function collect(branch: Branch, path: Path, visit: (path: Path, raw: string) => void): void {
  for (const { name, value } of branch.visible()) {
    const here = [...path, name]
    if (typeof value === 'string') visit(here, value)
    else collect(value, here, visit)
  }
}

/** What a member costs beside its value: names in quotes, colons, commas, and some white space. */
function overheadOf(path: Path): number {
  let bytes = 0
  for (const name of path) bytes += Buffer.byteLength(name) + 12
  return bytes
}

function assertJson(text: string): void {
  try {
    JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    if (text.trim() === '') throw corrupt('it is empty: an object without members is {}', error)
    const { line, column } = locate(text)
    throw corrupt(`it stops to be JSON at line ${line}, column ${column}: mend it there`, error)
  }
}

function corrupt(message: string, cause?: unknown): FanlightError {
  return new FanlightError('CORRUPT', message, { cause })
}

function clash(above: string, below: string): FanlightError {
  const message = `${JSON.stringify(above)} would be a value and hold ${JSON.stringify(below)}: delete one of them first, or both in one commit`
  return new FanlightError('BAD_KEY', message, { keys: [above, below] })
}
