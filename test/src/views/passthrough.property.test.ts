import { type MemoryStore, type Range, type Store, createMemoryStore } from '@fanlight/core'
import { compareCodePoints, type State, storeConformance } from '@fanlight/core/conformance'
import { type MapFunction, createView, sameKeys } from '@fanlight/views'
import * as fc from 'fast-check'
import { viewKindProperty } from './view-kind-property.ts'

/** Some inputs yield nothing, some one entry, some two; and many of them yield the same keys. */
const tangled: MapFunction = ({ key, value }) => {
  const n = Number(value)
  const own = { key: `#${n % 2}`, value: key }
  return n === 0 ? undefined : n === 1 ? own : [own, { key, value: n }]
}

function shownBy(map: MapFunction): (state: State) => State {
  return (state) => {
    const made = new Map<string, unknown>()
    for (const key of [...state.keys()].sort(compareCodePoints)) {
      const yields = map({ key, value: state.get(key) }) ?? []
      for (const one of Symbol.iterator in yields ? yields : [yields])
        if (!made.has(one.key)) made.set(one.key, one.value)
    }
    return made
  }
}

/** Values without the odd ones: what is filtered is an absence that has a window too. */
const even: MapFunction = ({ key, value }) => (Number(value) % 2 === 0 ? { key, value: { even: value } } : undefined)

/** All of it under a prefix. */
const turned: MapFunction = ({ key, value }) => ({ key: `t/${key}`, value })

/** What a range of `turned` reads: the same range without the prefix, as far as it lies under it. */
function readsOfTurned({ gte = '', lt }: Range): Range {
  const isBehind = gte > 't/' && !gte.startsWith('t/')
  if (isBehind || (lt !== undefined && lt <= 't/')) return { gte: '', lt: '' }
  const low = { gte: gte.startsWith('t/') ? gte.slice(2) : '' }
  return lt?.startsWith('t/') === true ? { ...low, lt: lt.slice(2) } : low
}

const values = fc.constantFrom(0, 1, 2, 3, 4)

viewKindProperty('passthrough of all', {
  make: (upstream, { into: _into, history: _history, delayMs: _delayMs, ...options }) =>
    createView(upstream, { map: tangled, mode: 'passthrough', ...options }),
  naive: shownBy(tangled),
  values,
})

viewKindProperty('passthrough of the same keys', {
  make: (upstream, { into: _into, history: _history, delayMs: _delayMs, ...options }) =>
    createView(upstream, { map: even, mode: 'passthrough', reads: sameKeys, ...options }),
  naive: shownBy(even),
  values,
})

viewKindProperty('passthrough of a re-keyed upstream', {
  make: (upstream, { into: _into, history: _history, delayMs: _delayMs, ...options }) =>
    createView(upstream, { map: turned, mode: 'passthrough', reads: readsOfTurned, ...options }),
  naive: shownBy(turned),
  values,
})

const upstreams = new WeakMap<Store, MemoryStore>()

storeConformance<Store>('passthrough', {
  create: ({ history, ...seams }) => {
    const raw = createMemoryStore({ ...seams, history, name: 'raw' })
    const view = createView(raw, { map: (entry) => entry, mode: 'passthrough', reads: sameKeys, ...seams })
    upstreams.set(view, raw)
    return view
  },
  write: (view, changes) => (upstreams.get(view) as MemoryStore).commit(changes),
  settle: async (view) => void (await view.fetch([], { min: upstreams.get(view)?.reached })),
  teardown: (view) => upstreams.get(view)?.close(),
})
