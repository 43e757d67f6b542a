import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConformanceSeams, storeConformance } from '@fanlight/core/conformance'
import { MemoryLevel } from 'memory-level'
import { type LevelStore, type LevelStoreOptions, openLevelStore } from './index.ts'

const folders = new WeakMap<LevelStore, string>()
const levels = new WeakMap<LevelStore, MemoryLevel>()

storeConformance('LevelDB', {
  runs: 30,
  create: async (seams) => openIn(await mkdtemp(join(tmpdir(), 'fanlight-level-')), seams),
  reopen: async (store, seams) => {
    await store.close()
    return openIn(folders.get(store) ?? '', seams)
  },
  teardown: (store) => rm(folders.get(store) ?? '', { recursive: true }),
})

describeOnMemory('memory-level', {})
describeOnMemory('memory-level, with nothing held in memory', { recentBytesMax: 0 })

function describeOnMemory(name: string, options: LevelStoreOptions): void {
  storeConformance(name, {
    create: (seams) => openOn(new MemoryLevel(), seams, options),
    reopen: async (store, seams) => {
      await store.close()
      return openOn(levels.get(store) as MemoryLevel, seams, options)
    },
  })
}

async function openIn(folder: string, { clock, random, history }: ConformanceSeams): Promise<LevelStore> {
  const store = await openLevelStore(folder, { clock, random, history })
  folders.set(store, folder)
  return store
}

async function openOn(db: MemoryLevel, seams: ConformanceSeams, options: LevelStoreOptions): Promise<LevelStore> {
  const { clock, random, history } = seams
  const store = await openLevelStore('memory', { ...options, db, clock, random, history })
  levels.set(store, db)
  return store
}
