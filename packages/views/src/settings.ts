import type { History, Query, Store } from '@fanlight/core'
import type { BaseOptions } from '@fanlight/core/kit'
import type { Kind } from './operators/operator.ts'
import type { Reads } from './passing.ts'

/** How a view is made, but for its types: see `ViewOptions`. */
export interface ViewSettings extends BaseOptions {
  readonly query: Query
  /** What it makes of its upstream. */
  readonly kind: Kind
  /** Whether that is kept up to date, or worked out where it is asked, or held until something changes that it is made of. */
  readonly mode: Mode
  readonly reads?: Reads | undefined
  readonly cacheBytes?: number | undefined
  readonly definition?: string | undefined
  readonly into?: Store | undefined
  readonly delayMs?: number | undefined
  readonly onThrow?: 'skip' | 'stop' | undefined
  readonly history?: History | undefined
  readonly pageSize?: number | undefined
}

/** When a view works out what it shows. */
export type Mode = 'active' | 'passthrough' | 'lazy'
