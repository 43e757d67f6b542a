import { systemClock } from './ambient.ts'
import { type ConformanceSeams, storeConformance } from './conformance/index.ts'
import { defineStore } from './define-store.ts'
import type { DriverReading } from './driver.ts'
import type { TreeStoreOptions } from './memory/tree-store.ts'
import type { Store, Versions } from './store.ts'
import { breathe } from './testing/index.ts'

/** A thing that can be asked for everything, has no versions, and says nothing by itself. */
class Remote {
  readonly rows = new Map<string, unknown>()

  all(): Promise<readonly (readonly [string, unknown])[]> {
    return Promise.resolve([...this.rows])
  }
}

const everyMs = 1000

function openPolled(remote: Remote, { clock = systemClock, ...options }: TreeStoreOptions): Promise<Store> {
  let stop = (): void => undefined
  const read = async (): Promise<DriverReading> => ({
    entries: (await remote.all()).map(([key, value]) => ({ key, value })),
  })
  return defineStore(
    {
      name: 'polled',
      read,
      listen(push, fail) {
        const look = async (): Promise<void> => {
          stop = clock.after(everyMs, () => void look())
          await read().then(push, fail)
        }
        stop = clock.after(everyMs, () => void look())
        return () => stop()
      },
    },
    { clock, ...options },
  )
}

const places = new WeakMap<Store, { readonly remote: Remote; readonly seams: ConformanceSeams }>()

storeConformance('a read-only store that is polled, and counts for itself', {
  async create(seams) {
    const remote = new Remote()
    const store = await openPolled(remote, seams)
    places.set(store, { remote, seams })
    return store
  },
  async write(store, changes): Promise<Versions> {
    const { remote, seams } = places.get(store) ?? {}
    for (const { key, value, gone } of changes) {
      if (gone === true) remote?.rows.delete(key)
      else remote?.rows.set(key, value)
    }
    await seams?.clock.advance(everyMs)
    await breathe()
    return store.reached
  },
})
