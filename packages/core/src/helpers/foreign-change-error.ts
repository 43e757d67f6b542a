import { FanlightError } from '../errors.ts'

/** Something in the sink is not what the mirror wrote: it starts again, and finds out what. */
export class Disturbed extends Error {
  readonly keys: readonly string[]

  constructor(keys: readonly string[]) {
    super('what the mirror wrote is not what is there')
    this.keys = keys
  }
}

/** The option says that what someone else changed ends the mirror. */
export class Refusal extends FanlightError {
  constructor(keys: readonly string[]) {
    super('CONFLICT', messageOf(keys, "and `foreign: 'refuse'` leaves it alone"), { keys, applied: 'no' })
  }
}

/** What is told of what someone else changed, and the mirror puts back. */
export function putBack(keys: readonly string[]): FanlightError {
  return new FanlightError('CONFLICT', messageOf(keys, 'it is put back'), { keys, applied: 'no' })
}

function messageOf(keys: readonly string[], what: string): string {
  const some = keys.slice(0, 3).map((key) => JSON.stringify(key))
  const rest = keys.length > some.length ? ` and ${keys.length - some.length} more` : ''
  return `${some.join(', ')}${rest} in the sink of a mirror is not what the mirror wrote, ${what}: let nobody else write there`
}
