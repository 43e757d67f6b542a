import { type MemoryStore, type Store, createMemoryStore, del, everything, get, put } from '@fanlight/core'
import { describe, expect, test } from 'vitest'
import { type GroupOptions, type View, createView } from './index.ts'

interface Row {
  readonly team: string
  readonly n: number
}

const byTeam: GroupOptions<Row> = {
  by: ({ value }) => value.team,
  of: ({ count, sum, min, top }) => ({
    rows: count(),
    sum: sum(({ value }) => value.n),
    min: min(({ value }) => value.n),
    top: top(2, { by: ({ value }) => value.n, of: ({ value }) => value.n }),
  }),
}

function rawOf(): MemoryStore<{ '': Row }> {
  return createMemoryStore<{ '': Row }>({ name: 'raw' })
}

async function shown(view: Store, upstream: Store): Promise<Record<string, unknown>> {
  const { entries } = await view.fetch(everything, { min: upstream.reached })
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]))
}

function statusOf(view: View): readonly string[] {
  return [...new Set(Object.values(view.state).map(({ status }) => status))]
}

describe('a view that groups', () => {
  test('a move between groups, a delete, and a group that is gone', async () => {
    const raw = rawOf()
    const view = createView(raw, { group: byTeam })
    await raw.commit([
      put('a', { team: 'red', n: 1 }),
      put('b', { team: 'red', n: 2 }),
      put('c', { team: 'red', n: 3 }),
    ])
    expect(await shown(view, raw)).toEqual({ red: { rows: 3, sum: 6, min: 1, top: [3, 2] } })
    await raw.commit([put('c', { team: 'blue', n: 3 })])
    expect(await shown(view, raw)).toEqual({
      red: { rows: 2, sum: 3, min: 1, top: [2, 1] },
      blue: { rows: 1, sum: 3, min: 3, top: [3] },
    })
    await raw.commit([del('a'), del('c')])
    expect(await shown(view, raw)).toEqual({ red: { rows: 1, sum: 2, min: 2, top: [2] } })
    await raw.commit([del('b')])
    expect(await shown(view, raw)).toEqual({})
  })

  test('a change that leaves all groups as they are costs no history, and their answers hold', async () => {
    const raw = rawOf()
    await raw.commit([put('a', { team: 'red', n: 1 })])
    const view = createView(raw, {
      group: { by: byTeam.by, of: ({ count }) => ({ n: count() }) },
      history: { commits: 2 },
    })
    const { versions } = await view.fetch('red')
    for (let n = 2; n < 8; n++) {
      await raw.commit([put('a', { team: 'red', n })])
      await view.fetch([], { min: raw.reached })
    }
    const [source = ''] = raw.sources
    expect(view.oldest).toEqual(versions)
    expect((await view.fetch('red')).windows[source]).toEqual({ from: 1, to: 7 })
    await view.close()
  })

  test('an entry may belong to several groups, or one twice, or none', async () => {
    const raw = createMemoryStore<{ '': readonly string[] | null }>()
    const view = createView(raw, { group: { by: ({ value }) => value, of: ({ count }) => ({ n: count() }) } })
    await raw.commit([put('a', ['x', 'y', 'x']), put('b', ['y']), put('c', null), put('d', [])])
    expect(await shown(view, raw)).toEqual({ x: { n: 1 }, y: { n: 2 } })
  })

  test('where two groups yield one key, the smallest group wins', async () => {
    const raw = rawOf()
    const to: GroupOptions<Row>['to'] = ({ key }) => [
      { key: 'any', value: key },
      { key: `of/${key}`, value: 1 },
    ]
    const view = createView(raw, { group: { ...byTeam, to } })
    await raw.commit([put('a', { team: 'red', n: 1 }), put('b', { team: 'blue', n: 1 })])
    expect(await shown(view, raw)).toEqual({ any: 'blue', 'of/blue': 1, 'of/red': 1 })
    await raw.commit([del('b')])
    expect(await shown(view, raw)).toEqual({ any: 'red', 'of/red': 1 })
  })

  test.each([
    ['no `by`', { of: byTeam.of }],
    ['no `of`', { by: byTeam.by }],
    ['`of` that gives nothing', { ...byTeam, of: () => undefined }],
    ['`of` that gives no aggregate', { ...byTeam, of: () => ({ n: 1 }) }],
    ['`to` that is no function', { ...byTeam, to: 'value' }],
    ['an empty top', { ...byTeam, of: ({ top }: { top: (n: number) => unknown }) => ({ n: top(0) }) }],
    ['a sum of nothing', { ...byTeam, of: ({ sum }: { sum: () => unknown }) => ({ n: sum() }) }],
  ])('refuses %s', (_what, group) => {
    expect(() => createView(rawOf(), { group } as never)).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
  })

  test('refuses `map` beside `group`', () => {
    const both = { group: byTeam, map: () => undefined }
    expect(() => createView(rawOf(), both as never)).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
  })
})

describe('L0: where a function throws', () => {
  const picky: GroupOptions<Row> = {
    ...byTeam,
    by: ({ value: { team, n } }) => {
      if (n < 0) throw new RangeError('below 0')
      return team
    },
  }

  test("'stop': the view stays at its last good point until the input is mended", async () => {
    const raw = rawOf()
    const view = createView(raw, { group: picky })
    await raw.commit([put('a', { team: 'red', n: 1 })])
    const good = await shown(view, raw)
    await raw.commit([put('b', { team: 'red', n: -1 })])
    await raw.commit([put('c', { team: 'red', n: 5 })])
    await expect(view.fetch(everything, { min: raw.reached, timeoutMs: 20 })).rejects.toMatchObject({ keys: ['b'] })
    expect(await shown(view, createMemoryStore())).toEqual(good)
    await raw.commit([put('b', { team: 'blue', n: 0 })])
    expect(await shown(view, raw)).toMatchObject({ red: { rows: 2, sum: 6 }, blue: { rows: 1 } })
  })

  test("'skip': that input belongs to no group", async () => {
    const raw = rawOf()
    const view = createView(raw, { group: picky, onThrow: 'skip' })
    await raw.commit([put('a', { team: 'red', n: 1 }), put('b', { team: 'red', n: 2 })])
    await raw.commit([put('b', { team: 'red', n: -1 })])
    expect(await shown(view, raw)).toMatchObject({ red: { rows: 1, sum: 1 } })
  })

  test('a sum that no double holds stops the view, until any member of the group changes', async () => {
    const raw = rawOf()
    const view = createView(raw, { group: byTeam })
    await raw.commit([put('a', { team: 'red', n: 1e308 }), put('c', { team: 'red', n: 2 })])
    await shown(view, raw)
    await raw.commit([put('b', { team: 'red', n: 1e308 })])
    await expect(view.fetch(everything, { min: raw.reached, timeoutMs: 20 })).rejects.toMatchObject({ keys: ['red'] })
    expect(statusOf(view)).toEqual(['stale'])
    await raw.commit([del('a')])
    expect(await shown(view, raw)).toMatchObject({ red: { rows: 2, sum: 1e308, min: 2 } })
    expect(statusOf(view)).toEqual(['live'])
  })

  test("'skip': a group whose sum no double holds yields nothing", async () => {
    const raw = rawOf()
    const view = createView(raw, { group: byTeam, onThrow: 'skip' })
    await raw.commit([put('a', { team: 'red', n: 1e308 }), put('b', { team: 'blue', n: 1 })])
    await raw.commit([put('c', { team: 'red', n: 1e308 })])
    expect(Object.keys(await shown(view, raw))).toEqual(['blue'])
  })
})

describe('what a change costs', () => {
  /** A store that counts the entries that are read from it and written into it. */
  function counting(): { readonly store: MemoryStore; readonly work: () => number } {
    const store = createMemoryStore({ name: 'into' })
    let work = 0
    const fetch = store.fetch.bind(store)
    const commit = store.commit.bind(store)
    const counted = {
      fetch: async (...args: Parameters<typeof fetch>) => {
        const found = await fetch(...args)
        work += found.entries.length
        return found
      },
      commit: (...args: Parameters<typeof commit>) => {
        work += args[0].length
        return commit(...args)
      },
    }
    return { store: Object.assign(store, counted) as MemoryStore, work: () => work }
  }

  /** What each of some changes in a group of so many members costs. */
  async function costs(members: number): Promise<number[]> {
    const raw = rawOf()
    await raw.commit(Array.from({ length: members }, (_, i) => put(`k${i}`, { team: 'red', n: i / 10 })))
    const { store, work } = counting()
    const view = createView(raw, { group: byTeam, into: store, definition: 'd' })
    await view.fetch([], { min: raw.reached })
    const found: number[] = []
    for (const change of [
      put('k3', { team: 'red', n: 7 }),
      put('new', { team: 'red', n: 0.5 }),
      del(`k${members - 1}`),
      del('k0'),
      put('k1', { team: 'blue', n: 0.1 }),
    ]) {
      const before = work()
      await view.fetch([], { min: await raw.commit([change]) })
      found.push(work() - before)
    }
    await view.close()
    return found
  }

  test('as much in a large group as in a small one', async () => {
    expect(await costs(2_000)).toEqual(await costs(10))
  })
})

test('L6: a view that is kept goes on where it stopped, without its upstream', async () => {
  const raw = rawOf()
  const into = createMemoryStore({ name: 'into' })
  const options = { group: byTeam, into, definition: 'd' }
  const before = createView(raw, options)
  await raw.commit([
    put('a', { team: 'red', n: 0.1 }),
    put('b', { team: 'red', n: 0.2 }),
    put('c', { team: 'red', n: 3 }),
  ])
  await shown(before, raw)
  await before.close()
  await raw.commit([del('c')])
  const view = createView(raw, options)
  expect(await shown(view, raw)).toEqual({ red: { rows: 2, sum: 0.30000000000000004, min: 0.1, top: [0.2, 0.1] } })
  await raw.commit([del('a')])
  expect(await get(view, 'red', { min: raw.reached })).toMatchObject({ sum: 0.2, min: 0.2 })
})
