import { type MemoryStore, type Range, type Store, createMemoryStore } from '@fanlight/core'
import { compareCodePoints, type State, storeConformance } from '@fanlight/core/conformance'
import { type MapFunction, type ViewBasics, createView, sameKeys } from '@fanlight/views'
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

/** Options of views that keep no state. */
function onDemand({
  into: _into,
  history: _history,
  delayMs: _delayMs,
  pageSize: _pageSize,
  ...options
}: ViewBasics): ViewBasics {
  return options
}

const modes = ['passthrough', 'lazy'] as const

for (const mode of modes) {
  viewKindProperty(`${mode} of all`, {
    make: (upstream, options) => createView(upstream, { ...onDemand(options), map: tangled, mode }),
    isOnDemand: true,
    naive: shownBy(tangled),
    values,
  })

  viewKindProperty(`${mode} of the same keys`, {
    make: (upstream, options) => createView(upstream, { ...onDemand(options), map: even, mode, reads: sameKeys }),
    isOnDemand: true,
    naive: shownBy(even),
    values,
  })

  viewKindProperty(`${mode} of a re-keyed upstream`, {
    make: (upstream, options) =>
      createView(upstream, { ...onDemand(options), map: turned, mode, reads: readsOfTurned }),
    isOnDemand: true,
    naive: shownBy(turned),
    values,
  })

  viewKindProperty(`${mode} of groups`, {
    make: (upstream, options) =>
      createView(upstream, {
        ...onDemand(options),
        mode,
        group: {
          by: ({ value }) => `g${String(value)}`,
          of: ({ count, first }) => ({ count: count(), first: first({ of: ({ key }) => key }) }),
        },
      }),
    isOnDemand: true,
    mixes: true,
    naive: (state) => {
      const groups = new Map<string, string[]>()
      for (const key of [...state.keys()].sort(compareCodePoints)) {
        const group = `g${String(state.get(key))}`
        groups.set(group, [...(groups.get(group) ?? []), key])
      }
      return new Map([...groups].map(([group, all]) => [group, { count: all.length, first: all[0] }]))
    },
    values,
  })
}

const upstreams = new WeakMap<Store, MemoryStore>()

for (const mode of modes) {
  storeConformance<Store>(mode, {
    create: ({ history, ...seams }) => {
      const raw = createMemoryStore({ ...seams, history, name: 'raw' })
      const view = createView(raw, { map: (entry) => entry, mode, reads: sameKeys, ...seams })
      upstreams.set(view, raw)
      return view
    },
    write: (view, changes) => (upstreams.get(view) as MemoryStore).commit(changes),
    settle: async (view) => void (await view.fetch([], { min: upstreams.get(view)?.reached })),
    teardown: (view) => upstreams.get(view)?.close(),
  })
}
