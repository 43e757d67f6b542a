import { isFanlightError, type SourceId, type Versions } from '@fanlight/core'
import { checkVersions } from '@fanlight/core/kit'
import type { RouterHost } from './host.ts'

/**
 * A point from elsewhere, without the sources that were reset. undefined: it does not say what was mounted, so nobody knows
 * which stores the holder has entries of.
 */
export function lenient(host: RouterHost, since: Versions): Versions | undefined {
  const point: Record<SourceId, number> = {}
  for (const id of Object.keys(checkVersions(since, 'since'))) {
    try {
      Object.assign(point, host.resolve({ [id]: since[id] ?? 0 }, 'since'))
    } catch (error) {
      if (!isFanlightError(error, 'SOURCE_RESET')) throw error
      host.onEvent?.({ type: 'reset', source: id })
    }
  }
  return host.tables.source in point ? point : undefined
}
