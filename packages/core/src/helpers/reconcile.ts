import { compareKeys } from '../keys/order.ts'
import type { Change, Entry, Update } from '../store.ts'
import { applyUpdate, diffEntries } from '../update.ts'
import { valuesEqual } from '../values.ts'

/**
 * Applies an update so that what did not change stays what it was: entries with an equal value stay the same objects, also
 * where the update replaces them, and where nothing changed the list is the same array.
 *
 * @param held what is held, in key order
 * @param reverse whether that is descending
 * @returns a frozen list
 */
export function reconcile<V>(
  held: readonly Entry<V>[],
  update: Pick<Update<V>, 'replace' | 'changes'>,
  reverse: boolean,
): readonly Entry<V>[] {
  if (held.length === 0) {
    const first = applyUpdate(held, update, reverse)
    return first.length === 0 ? Object.freeze(held) : Object.freeze(first.slice())
  }
  const changes =
    update.replace === undefined
      ? update.changes.filter((change) => isChange(held, change, reverse))
      : diffEntries(held, applyUpdate(held, update, reverse))
  return changes.length === 0 ? held : Object.freeze(applyUpdate(held, { changes }, reverse))
}

/** Whether a change makes a difference to a list. */
function isChange<V>(held: readonly Entry<V>[], { key, value, gone }: Change<V>, reverse: boolean): boolean {
  const entry = held[indexFrom(held, key, reverse)]
  if (entry?.key !== key) return gone !== true
  return gone === true || !valuesEqual(entry.value, value)
}

/** The index of the first entry of a list that does not lie before a key. */
export function indexFrom(entries: readonly Entry[], key: string, reverse: boolean): number {
  const sign = reverse ? -1 : 1
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const entry = entries[middle]
    if (entry !== undefined && sign * compareKeys(entry.key, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
