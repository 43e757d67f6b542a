import type { Soon } from '@fanlight/core/kit'
import type { Taken } from '../follower.ts'
import type { Plan } from '../plan.ts'
import type { Reader } from '../shelf.ts'

/**
 * What makes a view of its upstream: one kind of view. It holds nothing itself. All it has to know of what was before it
 * keeps on the shelf, and so it works at any state of it, and goes on where another process stopped.
 */
export interface Operator {
  /**
   * What is to be written where the upstream changed.
   *
   * @param update what changed: where it replaces spans, whatever was held there and is not told of is gone
   * @param reader what is kept before the change
   * @throws MapFailure where a function of the author threw
   */
  plan(update: Taken, reader: Reader): Soon<Plan>
}

/** What operators are made with. */
export interface OperatorSettings {
  /** Whether an input at which a function of the author throws yields nothing. */
  readonly skips: boolean
  /** How deep values may nest. */
  readonly depthMax: number
}

/** Makes the operator of a view. */
export type Kind = (settings: OperatorSettings) => Operator
