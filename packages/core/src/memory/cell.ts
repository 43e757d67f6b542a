import type { Entry } from '../store.ts'

/** The value of a cell whose key was deleted. */
export const deleted: unique symbol = Symbol('deleted')

/**
 * What a key was given by one commit: an entry as it is handed out. A delete is a cell too: it is kept until the horizon has
 * passed it, and so is what lies before it when its key is created again (else a past read would find nothing there, and
 * claim too wide a window).
 */
export class Cell implements Entry {
  readonly key: string
  readonly value: unknown
  readonly version: number

  constructor(key: string, value: unknown, version: number) {
    this.key = key
    this.value = value
    this.version = version
  }

  /** Whether the cell is a delete. */
  static isGone(cell: Cell): boolean {
    return cell.value === deleted
  }

  /** Whether there is a value. */
  static isThere(cell: Cell | undefined): boolean {
    return cell !== undefined && cell.value !== deleted
  }

  /** What a key is given after what it was before. */
  static after(before: Cell | undefined, key: string, value: unknown, version: number): Cell {
    return before === undefined ? new Cell(key, value, version) : new LinkedCell(key, value, version, before)
  }

  /** What the key was before. */
  static before(cell: Cell): Cell | undefined {
    return LinkedCell.link(cell)
  }

  /** Forgets what the key was before: the horizon has reached this cell. */
  static cut(cell: Cell): void {
    LinkedCell.unlink(cell)
  }

  /** What the key was at a version, starting from its newest cell. */
  static at(cell: Cell | undefined, version: number): Cell | undefined {
    let found = cell
    while (found !== undefined && found.version > version) found = LinkedCell.link(found)
    return found
  }
}

/** A cell with a link into the past, which nobody outside can see. Most keys have no past, and do without its 8 bytes. */
class LinkedCell extends Cell {
  #before: Cell | undefined

  constructor(key: string, value: unknown, version: number, before: Cell) {
    super(key, value, version)
    this.#before = before
  }

  static link(cell: Cell): Cell | undefined {
    return #before in cell ? cell.#before : undefined
  }

  static unlink(cell: Cell): void {
    if (#before in cell) cell.#before = undefined
  }
}
