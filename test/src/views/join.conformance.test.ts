import { type MemoryStore, type Store, createMemoryStore } from '@fanlight/core'
import { type ConformanceSeams, type State, storeConformance } from '@fanlight/core/conformance'
import { createView } from '@fanlight/views'
import { JoinStore, pairUp } from '@fanlight/test/support'
import * as fc from 'fast-check'

interface Two {
  readonly left: MemoryStore
  readonly right: MemoryStore
  readonly join: JoinStore
}

const upstreams = new WeakMap<Store, Two>()

function joined(seams: ConformanceSeams, over: (join: JoinStore) => Store): Store {
  const left = createMemoryStore({ ...seams, name: 'left' })
  const right = createMemoryStore({ ...seams, name: 'right' })
  const join = new JoinStore(left, right, pairUp, seams)
  const store = over(join)
  upstreams.set(store, { left, right, join })
  return store
}

const names = ['a', 'b', 'c', 'd', '😀', '__proto__']

function shown(state: State): State {
  const side = (name: string): { key: string; value: unknown }[] =>
    [...state].flatMap(([key, value]) => (key.startsWith(name) ? [{ key: key.slice(2), value }] : []))
  return new Map(pairUp(side('l/'), side('r/')).map(({ key, value }) => [key, value]))
}

function conformance(name: string, over: (join: JoinStore, seams: ConformanceSeams) => Store): void {
  storeConformance<Store>(name, {
    create: (seams) => joined(seams, (join) => over(join, seams)),
    // Keys under l/ and r/ are written to the one side and the other.
    keys: fc.constantFrom(...names.flatMap((one) => [`l/${one}`, `r/${one}`])),
    place: (key) => key.slice(0, 2),
    write: (store, changes) => {
      const { left, right } = upstreams.get(store) as Two
      const own = changes.map((change) => ({ ...change, key: change.key.slice(2) }))
      return (changes[0]?.key.startsWith('l/') ? left : right).commit(own)
    },
    settle: async (store) => {
      const { left, right } = upstreams.get(store) as Two
      await store.fetch([], { min: { ...left.reached, ...right.reached } })
    },
    expected: shown,
    teardown: async (store) => {
      const { left, right, join } = upstreams.get(store) as Two
      await Promise.all([left.close(), right.close(), join.close()])
    },
    runs: 40,
  })
}

conformance('a join of two stores', (join) => join as unknown as Store)

conformance('a view of a join', (join, seams) => createView(join, { map: (entry) => entry, ...seams }))

conformance('a view of a join, kept in a store', (join, seams) =>
  createView(join, {
    map: (entry) => entry,
    into: createMemoryStore({ name: 'into', ...seams }),
    definition: 'same',
    ...seams,
  }),
)
