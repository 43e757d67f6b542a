import type { FanlightError, SourceId } from '@fanlight/core'
import type { Db } from 'mongodb'
import type { Catalog } from './catalog.ts'
import type { ChangeLog } from './change-log.ts'
import type { Scope } from './scope.ts'

/** What the parts of a store share. */
export interface Ledger {
  readonly name: string
  readonly db: Db
  readonly scope: Scope
  readonly catalog: Catalog
  /**
   * Takes note of a document that has no key.
   *
   * @throws that, where nobody is told of such documents
   */
  unmapped(error: FanlightError): void
  source: SourceId
  /** What changed since the horizon. */
  log: ChangeLog
  /** How far the stream has come. */
  reached: number
}
