import type { Part } from '../part.ts'
import { bounds } from './bounds.ts'
import { changing } from './changes.ts'
import { committing } from './commit.ts'
import { durability } from './durable.ts'
import { feeding } from './feed.ts'
import { fetching } from './fetch.ts'
import { horizon } from './horizon.ts'
import { identifying } from './ids.ts'
import { lifecycle } from './lifecycle.ts'
import { resuming } from './resume.ts'
import { valuing } from './values.ts'
import { windows } from './windows.ts'

/** Every scenario, by what it is about. */
export const parts: readonly Part[] = [
  lifecycle,
  fetching,
  windows,
  bounds,
  changing,
  feeding,
  resuming,
  horizon,
  committing,
  valuing,
  identifying,
  durability,
]
