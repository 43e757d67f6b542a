import {
  type ChangesOptions,
  type MemoryStore,
  type Query,
  type Store,
  type Update,
  createMemoryStore,
} from '@fanlight/core'
import {
  type ConformanceSeams,
  type Setup,
  type State,
  checkRandomHistories,
  compareCodePoints,
  storeConformance,
} from '@fanlight/core/conformance'
import { mergeSpans, rangeOf, readQuery } from '@fanlight/core/kit'
import { describe, expect, test } from 'vitest'
import { type MapFunction, type View, createView } from './index.ts'

/** What a view with this function shows of a state: of two inputs that yield one key, the smallest wins. */
function shown(map: MapFunction, state: State): State {
  const made = new Map<string, unknown>()
  for (const key of [...state.keys()].sort(compareCodePoints)) {
    const yields = map({ key, value: state.get(key) }) ?? []
    const list = Symbol.iterator in yields ? [...yields] : [yields]
    for (const one of list) if (!made.has(one.key)) made.set(one.key, one.value)
  }
  return made
}

const upstreams = new WeakMap<Store, { readonly raw: MemoryStore; readonly seams: ConformanceSeams }>()

/** The suite for a view with this function. What was written is in the upstream; the clock brings what lags. */
function setupOf(
  map: MapFunction,
  make: (raw: MemoryStore, seams: ConformanceSeams) => View,
  runs?: number,
): Setup<View> {
  const upstreamOf = (view: View): MemoryStore => upstreams.get(view)?.raw as MemoryStore
  return {
    create: (seams) => {
      const raw = createMemoryStore({ ...seams, name: 'raw' })
      const view = make(raw, seams)
      upstreams.set(view, { raw, seams })
      return view
    },
    write: (view, changes) => upstreamOf(view).commit(changes),
    settle: async (view) => {
      const there = view.fetch([], { min: upstreamOf(view).reached })
      await upstreams.get(view)?.seams.clock.advance(1_000)
      await there
    },
    expected: (state) => shown(map, state),
    teardown: (view) => upstreamOf(view).close(),
    runs,
  }
}

/** Under its own key the value, and beside it one more: so that one commit moves several entries. */
const twice: MapFunction = ({ key, value }) => [
  { key, value: { was: value } },
  { key: `${key}~`, value: key.length },
]

/** Some inputs yield nothing, some one entry, some two; and many of them yield the same keys. */
const tangled: MapFunction = ({ key, value }) => {
  const size = typeof value === 'object' && value !== null && 'n' in value ? Number(value.n) : 0
  const own = { key: `#${size % 3}`, value: { of: key, size } }
  if (size % 4 === 0) return undefined
  return size % 4 === 1 ? own : new Set([own, { key: [...key][0] ?? '', value }])
}

storeConformance(
  'view',
  setupOf(twice, (raw, seams) => createView(raw, { map: twice, ...seams })),
)

storeConformance(
  'view kept in a store',
  setupOf(twice, (raw, seams) =>
    createView(raw, { map: twice, into: createMemoryStore({ ...seams, name: 'into' }), definition: 'twice', ...seams }),
  ),
)

/** A memory store that answers every difference with a replacement, as large ones may be. */
function replacing(seams: ConformanceSeams): MemoryStore {
  const store = createMemoryStore({ ...seams, name: 'into' })
  const changes = store.changes.bind(store)
  const replaced = async (query: Query, options: ChangesOptions): Promise<Update> => {
    const update = await changes(query, options)
    if (update.folded === 0) return update
    const { entries } = await store.fetch(query, { min: update.versions, max: update.versions })
    const ranges = mergeSpans(readQuery(query).list).map(rangeOf)
    return { ...update, replace: { ranges, entries }, changes: [] }
  }
  return Object.assign(store, { changes: replaced })
}

const delayMs = 20

describe('L0 to L9: random histories of', () => {
  test.each<[string, Setup<View>]>([
    ['a view whose inputs collide', setupOf(tangled, (raw, seams) => createView(raw, { map: tangled, ...seams }))],
    [
      'a view whose inputs collide, kept in a store',
      setupOf(tangled, (raw, seams) =>
        createView(raw, {
          map: tangled,
          into: createMemoryStore({ ...seams, name: 'into' }),
          definition: 'tangled',
          ...seams,
        }),
      ),
    ],
    [
      'a view kept in a store that replaces',
      setupOf(twice, (raw, seams) =>
        createView(raw, { map: twice, into: replacing(seams), definition: 'twice', ...seams }),
      ),
    ],
    ['a view that lags', setupOf(tangled, (raw, seams) => createView(raw, { map: tangled, delayMs, ...seams }))],
    [
      'a view of a view that lags',
      setupOf(tangled, (raw, seams) =>
        createView(createView(raw, { map: tangled, delayMs, ...seams }), { map: (entry) => entry, ...seams }),
      ),
    ],
    [
      'a view of a view that is kept in a store and lags',
      setupOf(tangled, (raw, seams) => {
        const into = createMemoryStore({ ...seams, name: 'into' })
        const inner = createView(raw, { map: tangled, delayMs, into, definition: 'tangled', ...seams })
        return createView(inner, { map: (entry) => entry, ...seams })
      }),
    ],
  ])('%s', { timeout: 120_000 }, async (_name, setup) => {
    const traffic = await checkRandomHistories(setup)
    expect(traffic.waited).toBeGreaterThan(0)
  })
})
