import type { Update } from '@fanlight/core'
import { mergeSpans, rangeOf, type Span } from '@fanlight/core/kit'
import { inOrder, liftUpdate } from './lift.ts'
import type { Sub } from './sub.ts'

/** What a store handed on. */
export interface Handed {
  readonly sub: Sub
  readonly update: Update
  /** Whether nothing of it was handed on before: the update is a whole answer. */
  readonly isFirst: boolean
}

/** What changes for the holder of a feed. */
export type What = Pick<Update, 'replace' | 'changes'>

/** Puts together what several stores say changed, each under its own keys. */
export function putTogether(
  updates: readonly Handed[],
  replacing: readonly Span[] | undefined,
  reverse: boolean,
): What | undefined {
  const lifted = updates.map(({ sub, update }) => liftUpdate(sub.part, update))
  const changes = inOrder(
    lifted.map((one) => one.changes),
    false,
  )
  const spans = lifted.flatMap((one) => one.spans)
  if (replacing === undefined && spans.length === 0) return changes.length === 0 ? undefined : { changes }
  const ranges = mergeSpans([...(replacing ?? []), ...spans]).map(rangeOf)
  return {
    replace: {
      ranges,
      entries: inOrder(
        lifted.map((one) => one.entries),
        reverse,
      ),
    },
    changes,
  }
}
