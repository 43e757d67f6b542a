/**
 * Views behind a router, with what they are made of: the diamond. The model knows both sides, so every answer and every
 * step that the suite looks at shows index = f(data). Views that lag are in diamond.property.test.ts.
 */
import { type MemoryStore, type Store, createMemoryStore, prefix } from '@fanlight/core'
import {
  type ConformanceSeams,
  type Setup,
  type State,
  checkRandomHistories,
  nastyKeys,
} from '@fanlight/core/conformance'
import { type Router, createRouter } from '@fanlight/router'
import { type MapFunction, createView } from '@fanlight/views'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

/** Under its first letter what is left of the key, and how long it is: each commit moves both sides. */
const indexed: MapFunction = ({ key, value }) => [
  { key: `by/${key}`, value },
  { key: `size/${key.length}/${key}`, value: key.length },
]

function indexOf(data: ReadonlyMap<string, unknown>): [string, unknown][] {
  return [...data].flatMap(([key, value]) => {
    const yields = indexed({ key, value }) as { key: string; value: unknown }[]
    return yields.map((one): [string, unknown] => [one.key, one.value])
  })
}

/** The state under a prefix, with or without it. */
function under(state: State, start: string): Map<string, unknown> {
  return new Map(
    [...state].flatMap(([key, value]) => (key.startsWith(start) ? [[key.slice(start.length), value]] : [])),
  )
}

const both = (state: State): State =>
  new Map([
    ...state,
    ...indexOf(under(state, 'data/')).map(([key, value]): [string, unknown] => [`index/${key}`, value]),
  ])

function keysUnder(...prefixes: readonly string[]): fc.Arbitrary<string> {
  return fc.tuple(fc.constantFrom(...prefixes), nastyKeys()).map(([start, key]) => start + key)
}

type Make = (data: MemoryStore, seams: ConformanceSeams) => Store

/** Everything that is written is there, on all sides. */
async function settle(router: Router): Promise<void> {
  const data = Object.entries(router.reached).filter(([source]) => !source.startsWith('mounts@'))
  await router.fetch({ limit: 0 }, { min: Object.fromEntries(data) })
}

function diamond(make: Make): Setup<Router> {
  return {
    create: (seams) => {
      const data = createMemoryStore({ ...seams, name: 'data' })
      return createRouter({ 'data/': data, 'index/': make(data, seams) }, { clock: seams.clock }) as Router
    },
    keys: keysUnder('data/'),
    expected: both,
    settle,
    runs: 40,
  }
}

/** A view of the router that it is mounted in. */
function looped(names: readonly string[], make: (router: Router, seams: ConformanceSeams) => Store): Setup<Router> {
  return {
    create: async (seams) => {
      const mounts = Object.fromEntries(names.map((name) => [`${name}/`, createMemoryStore({ ...seams, name })]))
      const router = createRouter(mounts, { clock: seams.clock }) as Router
      router.mount('index/', make(router, seams))
      await router.fetch({})
      return router
    },
    keys: keysUnder(...names.map((name) => `${name}/`)),
    place: (key) => key.slice(0, 2),
    expected: (state) =>
      new Map([...state, ...indexOf(state).map(([key, value]): [string, unknown] => [`index/${key}`, value])]),
    settle,
    runs: 40,
  }
}

describe('L3, L5: random histories of a diamond with', () => {
  test.each<[string, Setup<Router>]>([
    ['a view', diamond((data, seams) => createView(data, { map: indexed, ...seams }))],
    [
      'a view of a store in the router that it is mounted in',
      looped(['data'], (router, seams) => createView(router, { query: prefix('data/'), map: indexed, ...seams })),
    ],
    [
      'a view of two stores in the router that it is mounted in',
      looped(['left', 'right'], (router, seams) =>
        createView(router, { query: [prefix('left/'), prefix('right/')], map: indexed, ...seams }),
      ),
    ],
  ])('%s', { timeout: 120_000 }, async (_name, setup) => {
    const traffic = await checkRandomHistories(setup)
    expect(traffic.waited).toBeGreaterThan(0)
  })
})
