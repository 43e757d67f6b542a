import type { Soon } from '@fanlight/core/kit'
import { soon } from '@fanlight/core/kit'
import type { Taken } from '../follower.ts'
import { inputsOf } from '../inputs.ts'
import { type MapFunction, Mapping } from '../mapping.ts'
import { type Plan, plan } from '../plan.ts'
import type { Reader } from '../shelf.ts'
import type { Kind, Operator } from './operator.ts'

/** Each entry yields what a function says: nothing, one entry, or several. */
class MapOperator implements Operator {
  readonly #mapping: Mapping

  constructor(mapping: Mapping) {
    this.#mapping = mapping
  }

  plan(update: Taken, reader: Reader): Soon<Plan> {
    const inputs = inputsOf(update, reader, 'in', (entry) => this.#mapping.of(entry), [])
    return soon(inputs, (found) => plan(reader, found))
  }
}

/** A view that maps each entry. */
export function mapKind(map: MapFunction): Kind {
  return ({ skips, depthMax }) => new MapOperator(new Mapping(map, skips, depthMax))
}
