import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Store, prefixed } from '@fanlight/core'
import { type ConformanceSeams, type State, storeConformance } from '@fanlight/core/conformance'
import { type LevelStore, openLevelStore } from '@fanlight/store-level'
import { type MapFunction, type View, createView } from '@fanlight/views'
import { MemoryLevel } from 'memory-level'

/** A view, and the stores that it is made of and kept in. */
interface Made {
  readonly raw: LevelStore
  readonly into: LevelStore
  readonly open: (seams: ConformanceSeams) => Promise<View>
  readonly remove: () => Promise<void>
}

const made = new WeakMap<Store, Made>()

const map: MapFunction = ({ key, value }) => ({ key: `v/${key}`, value: { was: value } })

function shown(state: State): State {
  return new Map([...state].map(([key, value]) => [`v/${key}`, { was: value }]))
}

/** Opens both stores, and the view over them. */
async function view(
  seams: ConformanceSeams,
  openStore: (name: string, seams: ConformanceSeams) => Promise<LevelStore>,
  remove: () => Promise<void>,
): Promise<View> {
  const open = async (again: ConformanceSeams): Promise<View> => {
    const raw = await openStore('raw', again)
    const into = await openStore('into', again)
    const opened = createView(raw, { map, into: prefixed(into, 'views/v/'), definition: 'v-1', ...again })
    made.set(opened, { raw, into, open, remove })
    // Until a view has found out where it stands it has reached nothing.
    await opened.fetch([])
    return opened
  }
  return open(seams)
}

function conformance(name: string, runs: number, create: (seams: ConformanceSeams) => Promise<View>): void {
  const partsOf = (store: View): Made => made.get(store) as Made
  const close = async (store: View): Promise<void> => {
    const { raw, into } = partsOf(store)
    await store.close()
    await Promise.all([raw.close(), into.close()])
  }
  storeConformance<View>(name, {
    create,
    reopen: async (store, seams) => {
      await close(store)
      return partsOf(store).open(seams)
    },
    teardown: async (store) => {
      await close(store)
      await partsOf(store).remove()
    },
    write: (store, changes) => partsOf(store).raw.commit(changes),
    settle: async (store) => void (await store.fetch([], { min: partsOf(store).raw.reached })),
    expected: shown,
    runs,
  })
}

conformance('a view of LevelDB, kept in LevelDB', 5, async (seams) => {
  const folder = await mkdtemp(join(tmpdir(), 'fanlight-view-'))
  const openStore = (name: string, { clock, random, history }: ConformanceSeams): Promise<LevelStore> =>
    openLevelStore(join(folder, name), { clock, random, history })
  return view(seams, openStore, () => rm(folder, { recursive: true }))
})

conformance('a view of memory-level, kept in memory-level', 30, async (seams) => {
  const databases = new Map([
    ['raw', new MemoryLevel()],
    ['into', new MemoryLevel()],
  ])
  const openStore = (name: string, { clock, random, history }: ConformanceSeams): Promise<LevelStore> =>
    openLevelStore(name, { db: databases.get(name), clock, random, history })
  return view(seams, openStore, () => Promise.resolve())
})
