import { FanlightError, type FetchOptions, type SourceId, type Versions } from '@fanlight/core'
import { aborted } from '@fanlight/core/kit'
import type { Asker } from './agree.ts'
import type { Joiner, OwnWindow } from './joined.ts'
import type { Lifts } from './lifts.ts'
import type { MountTable } from './mount-table.ts'
import type { RouterLimits } from './options.ts'
import type { Table } from './table.ts'

/** What the parts of a router know of it. `ended` ends when it closes, with CLOSED as its reason. */
export interface RouterHost extends Asker {
  readonly limits: RouterLimits
  readonly tables: MountTable
  readonly sources: readonly SourceId[]
  /** What a store is asked with where the asker names nothing: absent where the defaults of stores are those of the router. */
  readonly defaults: FetchOptions | undefined
  /** Join the versions of a store, and how far it is behind, with those of the table. */
  readonly versions: Joiner
  readonly levels: Joiner
  readonly lifts: Lifts
  readonly ownWindow: OwnWindow
  /** @throws CLOSED */
  assertOpen(): void
  /** Throws what a wait ended with: CLOSED where the router ended it, because it closed. */
  failed(this: void, error: unknown): never
  /**
   * A point from elsewhere, in the present sources.
   *
   * @param exact where the answer is to be at: what was mounted there counts as well, also where it is mounted no more
   * @throws BAD_QUERY, SOURCE_RESET
   */
  resolve(point: Versions, what: string, exact?: Versions): Versions
}

/** @throws ABORTED */
export function refuseAborted({ name }: RouterHost, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(signal, { store: name })
}

/** @throws BAD_QUERY where one point is after another */
export function refuseUpsideDown(low: Versions | undefined, high: Versions | undefined): void {
  if (low === undefined || high === undefined) return
  for (const source in low) {
    const top = high[source]
    if (top === undefined || (low[source] ?? 0) <= top) continue
    const message = `the first point is after the second at ${source}: swap or drop one`
    throw new FanlightError('BAD_QUERY', message, { source, wanted: low, reached: high })
  }
}

/**
 * The table of mounts at a version.
 *
 * @throws LOST_IN_FOG where it is forgotten
 */
export function tableAt({ tables, name }: RouterHost, version: number | undefined): Table {
  const table = version === undefined ? tables.current : tables.at(version)
  if (table !== undefined) return table
  const { source, oldest } = tables
  throw new FanlightError('LOST_IN_FOG', `${name} has forgotten what was mounted at that version: ask without it`, {
    store: name,
    source,
    wanted: { [source]: version ?? 0 },
    horizon: { [source]: oldest },
  })
}

/** What ends a wait: the signal of the asker, and that of the router, which leaves some of its stores open. */
export function signalOf({ ended }: RouterHost, signal: AbortSignal | undefined): AbortSignal {
  return signal === undefined ? ended : AbortSignal.any([signal, ended])
}
