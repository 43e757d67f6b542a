import type { Entry, Update, Versions } from '@fanlight/core'
import { applyUpdate, diffEntries, rangeOf, type Span } from '@fanlight/core/kit'
import { assemble } from './assemble.ts'
import type { Plan } from './plan.ts'
import type { Handed } from './put-together.ts'
import { pointOf } from './scope.ts'
import { scopedTo } from './scoped.ts'
import type { Sub } from './sub.ts'

/**
 * The answer that a feed holds whose limits reach over several stores: it has to be put together at each step, and compared
 * with the one before. It is as large as the limits allow.
 */
export class Assembly {
  #held: readonly Entry[] = []

  /** Puts together what a holder has, who comes back with a point. */
  async recall(plan: Plan, since: Versions, signal: AbortSignal): Promise<void> {
    const asked = plan.parts.map(async (part) => {
      const point = { ...pointOf(part.store, scopedTo(part).oldest), ...pointOf(part.store, since) }
      const { entries, more } = await part.store.fetch(part.query, {
        min: point,
        max: point,
        timeoutMs: Infinity,
        signal,
      })
      return { part, entries, more }
    })
    this.#held = assemble(plan, await Promise.all(asked)).entries
  }

  /** What is handed on when the stores have taken a step; undefined: nothing that shows. */
  step(
    plan: Plan,
    subs: readonly Sub[],
    updates: readonly Handed[],
    replacing: readonly Span[] | undefined,
  ): Pick<Update, 'replace' | 'changes'> | undefined {
    for (const { sub, update } of updates) sub.entries = applyUpdate(sub.entries, update, sub.part.reverse)
    const answers = subs.map(({ part, entries }) => ({ part, entries, more: [] }))
    const before = this.#held
    const { entries } = assemble(plan, answers)
    this.#held = entries
    if (replacing !== undefined) return { replace: { ranges: replacing.map(rangeOf), entries }, changes: [] }
    const changes = diffEntries(before, entries)
    return changes.length === 0 ? undefined : { changes }
  }
}
