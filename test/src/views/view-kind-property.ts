/**
 * The one contract of every kind of view: fetched afresh is kept up to date, at every point, in whatever order things happen;
 * and beside its upstream in a router every answer and every step shows view = f(upstream).
 *
 * @module
 */
import { type Change, type Store, type Versions, createMemoryStore } from '@fanlight/core'
import { type ConformanceSeams, type Setup, checkRandomHistories } from '@fanlight/core/conformance'
import { lagging } from '@fanlight/core/testing'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ViewKind, diamonds } from './diamonds.ts'

/** Where the view of a setup gets what is written. */
interface Made {
  readonly store: Store
  write(changes: readonly Change[]): Promise<Versions>
  readonly seams: ConformanceSeams
}

type Make = (kind: ViewKind, seams: ConformanceSeams) => Omit<Made, 'seams'>

const delayMs = 20

/** Keys of two stores, where an upstream is of two. */
const keys = fc.constantFrom('l/a', 'l/b', 'l/c', 'l/d', 'l/e', 'r/a', 'r/b', 'r/😀')

/** A memory store that a view is kept in. */
function into(seams: ConformanceSeams): { readonly into: Store; readonly definition: string } {
  return { into: createMemoryStore({ ...seams, name: 'into' }), definition: 'kept' }
}

/** The setup of a store that is made of one memory store. */
function overOne(over: (raw: Store, kind: ViewKind, seams: ConformanceSeams) => Store): Make {
  return (kind, seams) => {
    const raw = createMemoryStore({ ...seams, name: 'raw' })
    return { store: over(raw, kind, seams), write: (changes) => raw.commit(changes) }
  }
}

/** A view of a router of two stores: of a point of several sources. */
const overTwo: Make = (kind, seams) => {
  const stores = {
    'l/': createMemoryStore({ ...seams, name: 'left' }),
    'r/': createMemoryStore({ ...seams, name: 'right' }),
  }
  const router = createRouter(stores, { clock: seams.clock }) as Store
  return {
    store: kind.make(router, seams),
    write: (changes) => {
      const start = changes[0]?.key.startsWith('l/') === true ? 'l/' : 'r/'
      return stores[start].commit(changes.map((change) => ({ ...change, key: change.key.slice(2) })))
    },
  }
}

/** How a view may stand: those behind the first four make a difference for a view that keeps a state only. */
const uses: readonly (readonly [string, Make])[] = [
  ['in memory', overOne((raw, kind, seams) => kind.make(raw, seams))],
  ['of an upstream that lags', overOne((raw, kind, seams) => kind.make(lagging(raw, { delayMs, ...seams }), seams))],
  [
    'of a view that lags',
    overOne((raw, kind, seams) => kind.make(createView(raw, { map: (entry) => entry, delayMs, ...seams }), seams)),
  ],
  ['of a router of two stores', overTwo],
  ['kept in a store', overOne((raw, kind, seams) => kind.make(raw, { ...seams, ...into(seams) }))],
  ['that lags', overOne((raw, kind, seams) => kind.make(raw, { ...seams, delayMs }))],
  ['in memory, read part by part', overOne((raw, kind, seams) => kind.make(raw, { ...seams, pageSize: 2 }))],
  [
    'kept in a store, of an upstream that lags, read part by part',
    overOne((raw, kind, seams) =>
      kind.make(lagging(raw, { delayMs, ...seams }), { ...seams, ...into(seams), pageSize: 1 }),
    ),
  ],
]

function setupOf(kind: ViewKind, make: Make): Setup<Store> {
  const made = new WeakMap<Store, Made>()
  const of = (store: Store): Made => made.get(store) as Made
  let last: Versions = {}
  return {
    create: (seams) => {
      const one = make(kind, seams)
      made.set(one.store, { ...one, seams })
      last = {}
      return one.store
    },
    write: async (store, changes) => (last = { ...last, ...(await of(store).write(changes)) }),
    settle: async (store) => {
      const there = store.fetch([], { min: last })
      await of(store).seams.clock.advance(1_000)
      await there
    },
    expected: (state) => kind.naive(state),
    keys,
    place: (key) => (make === overTwo ? key.slice(0, 2) : ''),
    values: kind.values,
    mixes: kind.mixes,
    runs: 30,
  }
}

/** Declares the tests of a kind of view. */
export function viewKindProperty(name: string, kind: ViewKind): void {
  describe(`L0 to L9: ${name}, fetched afresh and kept up to date`, () => {
    test.each(kind.isOnDemand === true ? uses.slice(0, 4) : uses)('%s', { timeout: 120_000 }, async (_use, make) => {
      const traffic = await checkRandomHistories(setupOf(kind, make))
      expect(traffic.waited).toBeGreaterThan(0)
    })
  })
  diamonds(name, kind, 10)
}
