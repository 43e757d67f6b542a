import type { Window } from '@fanlight/core'

/** The window of an answer, while it is being read: it narrows with everything that is read (L1). */
export class Bounds implements Window {
  from: number
  to: number

  /**
   * @param from the horizon: deletes up to there may be forgotten
   * @param to   what was durable when it was read
   */
  constructor(from: number, to: number) {
    this.from = from
    this.to = to
  }

  /** A record counts since this version. */
  since(version: number): void {
    if (version > this.from) this.from = version
  }

  /** What was read was so until the commit of this version. */
  until(version: number): void {
    if (version <= this.to) this.to = version - 1
  }

  /** Something else that was read for the same answer has this window. */
  meet(other: Window): void {
    this.since(other.from)
    this.until(other.to + 1)
  }
}
