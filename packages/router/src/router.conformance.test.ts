import { type Change, createMemoryStore, readonly, type Store } from '@fanlight/core'
import { type ConformanceSeams, nastyKeys, storeConformance } from '@fanlight/core/conformance'
import * as fc from 'fast-check'
import { createRouter, type Mountable } from './index.ts'

const memory = ({ clock, random, history }: ConformanceSeams, name?: string): ReturnType<typeof createMemoryStore> =>
  createMemoryStore({ clock, random, history, name })

/** Keys under these prefixes, nasty ones. */
function keysUnder(...prefixes: readonly string[]): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...prefixes), nastyKeys()).map(([prefix, key]) => prefix + key)
}

/** The prefix, of those given, that a key is under: the longest. */
function placeIn(prefixes: readonly string[]): (key: string) => string {
  const longest = prefixes.toSorted((a, b) => b.length - a.length)
  return (key) => longest.find((prefix) => key.startsWith(prefix)) ?? ''
}

storeConformance('router of one root mount', {
  create: (seams) => createRouter({ '': memory(seams) }, { clock: seams.clock }),
})

storeConformance('router of one prefix', {
  create: (seams) => createRouter({ 'x/': memory(seams) }, { clock: seams.clock }),
  keys: keysUnder('x/'),
})

storeConformance('the same store mounted twice', {
  create: (seams) => {
    const store = memory(seams)
    return createRouter({ 'x/': store, 'y/': store }, { clock: seams.clock })
  },
  keys: keysUnder('x/'),
  expected: (state) =>
    new Map(
      [...state].flatMap(([key, value]) => [
        [key, value],
        [`y/${key.slice(2)}`, value],
      ]),
    ),
})

const three = ['', 'a/', 'a/b/']

storeConformance('router of three stores', {
  create: (seams) => {
    const mounts = Object.fromEntries(three.map((prefix, i): [string, Mountable] => [prefix, memory(seams, `m${i}`)]))
    return createRouter(mounts, { clock: seams.clock })
  },
  keys: keysUnder(...three),
  place: placeIn(three),
})

const nested = ['', 'in/', 'in/a/', 'in/a/b/', '😀/']

storeConformance('router of routers', {
  create: (seams) => {
    const { clock } = seams
    const [s0, s1, s2, s3, s4] = nested.map((_, i) => memory(seams, `m${i}`))
    if (!s0 || !s1 || !s2 || !s3 || !s4) throw new Error('five stores')
    const innermost = createRouter({ '': s2, 'b/': s3 }, { clock, name: 'innermost' })
    const inner = createRouter({ '': s1, 'a/': innermost }, { clock, name: 'inner' })
    return createRouter({ '': s0, 'in/': inner, '😀/': s4 }, { clock })
  },
  keys: keysUnder(...nested),
  place: placeIn(nested),
})

const written = new WeakMap<Store, Store>()

storeConformance('router of what is only read', {
  create: (seams) => {
    const store: Store = memory(seams) as Store
    const router = createRouter({ 'x/': readonly(store) }, { clock: seams.clock }) as Store
    written.set(router, store)
    return router
  },
  keys: keysUnder('x/'),
  write: (router, changes) => {
    const inStore = changes.map((change): Change => ({ ...change, key: change.key.slice(2) }))
    return written.get(router)?.commit?.(inStore) ?? Promise.resolve({})
  },
})
