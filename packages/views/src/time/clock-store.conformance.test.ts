import type { Store, Versions } from '@fanlight/core'
import { type ConformanceSeams, storeConformance } from '@fanlight/core/conformance'
import { createClockStore } from '../index.ts'

const everyMs = 1_000

/** Time that goes on where something is written only: the model must hear of every version. */
class Time {
  nowMs = 1_000_000
  /** What the clock shows since a value was written. */
  readonly shown = new Map<unknown, number>()
}

const times = new WeakMap<ConformanceSeams, Time>()
const seamsOf = new WeakMap<Store, ConformanceSeams>()
let last = new Time()

function open(seams: ConformanceSeams, time: Time): Store {
  times.set(seams, time)
  const { clock, random } = seams
  const now = (): number => time.nowMs
  // Waits and timers are those of the suite. When it moves them, nothing has changed yet, and nothing may be told.
  const store = createClockStore({
    clock: { now, after: (ms, callback) => clock.after(ms, callback) },
    random,
    everyMs,
  }) as Store
  seamsOf.set(store, seams)
  return store
}

storeConformance<Store>('a clock', {
  create: (seams) => open(seams, (last = new Time())),
  reopen: async (store, seams) => {
    await store.close()
    return open(seams, last)
  },
  write: async (store, changes): Promise<Versions> => {
    const seams = seamsOf.get(store) as ConformanceSeams
    const time = times.get(seams) as Time
    time.nowMs += everyMs
    time.shown.set(changes[0]?.value, time.nowMs)
    await seams.clock.advance(everyMs)
    return store.reached
  },
  expected: (state) => new Map([...state].map(([key, value]) => [key, last.shown.get(value) ?? value])),
})
