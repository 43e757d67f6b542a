import type { ConformanceSeams } from './conformance/index.ts'
import { storeConformance } from './conformance/index.ts'
import { defineStore } from './define-store.ts'
import type { Driver, Pushed } from './driver.ts'
import type { Change, Entry, Store, Versions } from './store.ts'

/** A map elsewhere, which counts its versions in steps of two: what a driver is written for. */
class Elsewhere {
  readonly state = new Map<string, unknown>()
  readonly listeners = new Set<(pushed: Pushed) => void>()
  version = 10

  write(changes: readonly Change[]): number {
    for (const { key, value, gone } of changes) {
      if (gone === true) this.state.delete(key)
      else this.state.set(key, value)
    }
    this.version += 2
    return this.version
  }

  /** Somebody else writes. */
  foreign(changes: readonly Change[], pushed: (version: number) => Pushed): number {
    const version = this.write(changes)
    for (const push of this.listeners) push(pushed(version))
    return version
  }

  get entries(): Entry[] {
    return [...this.state].map(([key, value]) => ({ key, value })).toReversed()
  }
}

const places = new WeakMap<object, Elsewhere>()

async function made(driver: (place: Elsewhere) => Driver, seams: ConformanceSeams): Promise<Store> {
  const place = new Elsewhere()
  const store = await defineStore(driver(place), { ...seams })
  places.set(store, place)
  return store
}

function listenTo(place: Elsewhere): Driver['listen'] {
  return (push) => {
    place.listeners.add(push)
    return () => void place.listeners.delete(push)
  }
}

function placeOf(store: Store): Elsewhere {
  return places.get(store) ?? new Elsewhere()
}

function at(store: Store, version: number): Versions {
  return { [store.sources[0] ?? '']: version }
}

storeConformance('a driver that leaves the counting to the store', {
  create: (seams) =>
    made(
      (place) => ({
        name: 'counted',
        read: () => ({ entries: place.entries }),
        listen: listenTo(place),
        write: async (changes) => void place.write(changes),
      }),
      seams,
    ),
})

storeConformance('a driver with versions of its own, which tells of its own writes too', {
  create: (seams) =>
    made(
      (place) => ({
        name: 'echoing',
        read: async () => ({ entries: place.entries, version: place.version }),
        listen: listenTo(place),
        write: async (changes) => {
          const early = place.version % 4 === 0
          const version = place.write(changes)
          for (const push of place.listeners) {
            if (early) push({ version, changes })
            else queueMicrotask(() => push({ version, changes }))
          }
          await Promise.resolve()
          return version
        },
      }),
      seams,
    ),
})

storeConformance('a driver that is only read, and tells whole states', {
  create: (seams) =>
    made(
      (place) => ({
        name: 'states',
        read: () => ({ entries: place.entries, version: place.version }),
        listen: listenTo(place),
      }),
      seams,
    ),
  write: async (store, changes) => {
    const place = placeOf(store)
    return at(
      store,
      place.foreign(changes, (version) => ({ version, entries: place.entries })),
    )
  },
})

storeConformance('a driver that is written by others too, several commits at once', {
  create: (seams) =>
    made(
      (place) => ({
        name: 'many',
        read: () => ({ entries: place.entries, version: place.version }),
        listen: listenTo(place),
        writeMany: async (commits) => commits.map(({ changes }) => place.write(changes)),
      }),
      seams,
    ),
  write: async (store, changes) => {
    const foreign = placeOf(store).version % 4 === 0
    if (!foreign) return (await store.commit?.(changes)) ?? {}
    return at(
      store,
      placeOf(store).foreign(changes, (version) => ({ version, changes })),
    )
  },
})

storeConformance('a driver of one value', {
  create: (seams) =>
    made(
      (place) => ({
        name: 'single',
        single: true,
        read: () => ({ entries: place.entries }),
        listen: listenTo(place),
        write: async (changes) => void place.write(changes),
      }),
      seams,
    ),
})
