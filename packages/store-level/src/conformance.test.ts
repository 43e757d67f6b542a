import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConformanceSeams, storeConformance } from '@fanlight/core/conformance'
import { MemoryLevel } from 'memory-level'
import type { LevelStore } from './index.ts'
import { openLevelStore } from './index.ts'

const folders = new WeakMap<LevelStore, string>()
const levels = new WeakMap<LevelStore, MemoryLevel>()

storeConformance('LevelDB', {
  runs: 30,
  create: async (seams) => openIn(await mkdtemp(join(tmpdir(), 'fanlight-level-')), seams),
  reopen: async (store, seams) => {
    await store.close()
    return openIn(folders.get(store) ?? '', seams)
  },
  teardown: (store) => rm(folders.get(store) ?? '', { recursive: true, force: true, maxRetries: 3 }),
})

storeConformance('memory-level', {
  create: (seams) => openOn(new MemoryLevel(), seams),
  reopen: async (store, seams) => {
    await store.close()
    return openOn(levels.get(store) as MemoryLevel, seams)
  },
})

async function openIn(folder: string, { clock, random, history }: ConformanceSeams): Promise<LevelStore> {
  const store = await openLevelStore(folder, { clock, random, history })
  folders.set(store, folder)
  return store
}

async function openOn(db: MemoryLevel, { clock, random, history }: ConformanceSeams): Promise<LevelStore> {
  const store = await openLevelStore('memory', { db, clock, random, history })
  levels.set(store, db)
  return store
}
