import type { SourceId } from '@fanlight/core'
import type { Disk } from './disk.ts'
import type { History } from './history.ts'
import type { Pins } from './pins.ts'
import type { Tail } from './tail.ts'

/** What the parts of one store share. */
export interface Ledger {
  /** The name of the store, in errors. */
  readonly name: string
  readonly source: SourceId
  readonly disk: Disk
  readonly tail: Tail
  readonly history: History
  readonly pins: Pins
  /** The newest version that is durable: nothing newer may show (L4), although it may stand on disk already. */
  reached: number
}

/** The oldest version at which the store answers. */
export function horizonOf({ history, reached }: Ledger): number {
  return history.horizon(reached)
}
