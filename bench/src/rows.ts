import type { Row } from './row.ts'
import { diamondRows } from './rows/diamond.ts'
import { fanoutRows } from './rows/fanout.ts'
import { levelRows } from './rows/level.ts'
import { memoryRows } from './rows/memory.ts'
import { mongoRows } from './rows/mongo.ts'
import { routerRows } from './rows/router.ts'
import { sizeRows } from './rows/size.ts'
import { viewRows } from './rows/views.ts'
import { wireRows } from './rows/wire.ts'

/** All rows, in the order of the table. */
export const rows: readonly Row[] = [
  ...memoryRows,
  ...fanoutRows,
  ...levelRows,
  ...routerRows,
  ...diamondRows,
  ...wireRows,
  ...viewRows,
  ...mongoRows,
  ...sizeRows,
]
