import type { Document, Filter, Long, ObjectId, UUID } from 'mongodb'
import { expectTypeOf } from 'vitest'
import type { DocumentId } from './document-key.ts'
import type { IdFilter } from './id-ranges.ts'

interface Stored extends Document {
  readonly _id: DocumentId
}

expectTypeOf<DocumentId>().toEqualTypeOf<string | number | Long | ObjectId | UUID>()
expectTypeOf<IdFilter>().toExtend<Filter<Stored>>()
