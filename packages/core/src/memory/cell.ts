import type { Entry } from '../store.ts'

/** The value of a cell whose key was deleted. */
export const deleted: unique symbol = Symbol('deleted')

/**
 * What a key was given by one commit: an entry as it is handed out, and a link of the chain back into the past, which
 * nobody outside can see. A delete is a cell too: it is kept until the horizon has passed it, and so is what lies before it
 * when its key is created again (else a past read would find nothing there, and claim too wide a window).
 */
export class Cell implements Entry {
  readonly key: string
  readonly value: unknown
  readonly version: number
  #before: Cell | undefined

  constructor(key: string, value: unknown, version: number, before: Cell | undefined) {
    this.key = key
    this.value = value
    this.version = version
    this.#before = before
  }

  /** Whether the cell is a delete. */
  static isGone(cell: Cell): boolean {
    return cell.value === deleted
  }

  /** What the key was before. */
  static before(cell: Cell): Cell | undefined {
    return cell.#before
  }

  /** Forgets what the key was before: the horizon has reached this cell. */
  static cut(cell: Cell): void {
    cell.#before = undefined
  }

  /** What the key was at a version, starting from its newest cell. */
  static at(cell: Cell | undefined, version: number): Cell | undefined {
    let found = cell
    while (found !== undefined && found.version > version) found = found.#before
    return found
  }
}
