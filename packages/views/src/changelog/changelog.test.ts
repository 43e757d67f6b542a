import {
  type ChangesOptions,
  FanlightError,
  type Query,
  type Store,
  type Update,
  createMemoryStore,
  del,
  get,
  key,
  prefix,
  put,
} from '@fanlight/core'
import { mergeSpans, rangeOf, readQuery } from '@fanlight/core/kit'
import { manualClock, settled, turns } from '@fanlight/core/testing'
import { describe, expect, test } from 'vitest'
import { type ChangelogOptions, createChangelog, createView } from '../index.ts'

/** The records, as texts: `7@2=Ann`, or `7@3-` where the key went. */
async function textsOf(log: Store, upstream: Store, query: Query = {}): Promise<readonly string[]> {
  const { entries } = await log.fetch(query, { min: upstream.reached })
  return entries.map((entry) => {
    const { version, value, gone } = entry.value as { version: number; value?: unknown; gone?: true }
    const [name = ''] = entry.key.split('/')
    return `${name}@${version}${gone === true ? '-' : `=${JSON.stringify(value)}`}`
  })
}

function begins(log: Store): string {
  return log.sources.find((source) => source.startsWith('changelog@')) ?? ''
}

describe('a changelog', () => {
  test('has a record for each change, under its key and version, in their order', async () => {
    const raw = createMemoryStore()
    const log = createChangelog(raw) as Store
    await raw.commit([put('a', 1), put('b', 1)])
    await raw.commit([put('a', 2)])
    await raw.commit([del('b'), put('c', 0)])
    await raw.commit([put('b', 3)])
    expect(await textsOf(log, raw)).toEqual(['a@1=1', 'a@2=2', 'b@1=1', 'b@3-', 'b@4=3', 'c@3=0'])
    expect(await textsOf(log, raw, prefix(`${key('b')}/`))).toEqual(['b@1=1', 'b@3-', 'b@4=3'])
    expect(await get(log, key('a', 2))).toEqual({ version: 2, value: 2 })
  })

  test('L0: at an older point it holds what had happened by then', async () => {
    const raw = createMemoryStore({ name: 'raw' })
    const log = createChangelog(raw, { last: 1 }) as Store
    const points = [await raw.commit([put('a', 1)]), await raw.commit([put('a', 2)]), await raw.commit([del('a')])]
    expect(await textsOf(log, raw)).toEqual(['a@3-'])
    const at = async (i: number): Promise<unknown> => {
      const { entries, windows } = await log.fetch({}, { min: points[i], max: points[i] })
      return [entries[0]?.value, windows[raw.sources[0] ?? '']]
    }
    expect(await at(0)).toEqual([
      { version: 1, value: 1 },
      { from: 1, to: 1 },
    ])
    expect(await at(1)).toEqual([
      { version: 2, value: 2 },
      { from: 2, to: 2 },
    ])
  })

  test('what a commit puts that is there already, or deletes that is not, is no change', async () => {
    // Of these keys the log has nothing, since the upstream has forgotten how they came.
    const late = createMemoryStore({ history: { commits: 1 } })
    await late.commit([put('a', { n: 1 }), put('b', 1)])
    await late.commit([put('z', 0)])
    const log = createChangelog(late) as Store
    expect(await textsOf(log, late)).toEqual(['z@2=0'])
    await late.commit([put('a', { n: 1 }), del('x'), put('b', 2)])
    await late.commit([put('b', 2)])
    expect(await textsOf(log, late)).toEqual(['b@3=2', 'z@2=0'])
  })

  test('begins at the oldest point that the upstream knows, and each commit since has its own record', async () => {
    const raw = createMemoryStore()
    for (let i = 1; i <= 20; i++) await raw.commit([put(i % 3 === 0 ? 'b' : 'a', i)])
    const log = createChangelog(raw, { query: 'b' }) as Store
    expect(await textsOf(log, raw)).toEqual(['b@3=3', 'b@6=6', 'b@9=9', 'b@12=12', 'b@15=15', 'b@18=18'])
  })

  test('`last` keeps so many records of each key, `commits` those of so many commits', async () => {
    const raw = createMemoryStore()
    const lasts = createChangelog(raw, { last: 2 }) as Store
    const commits = createChangelog(raw, { commits: 3 }) as Store
    const both = createChangelog(raw, { last: 1, commits: 2 }) as Store
    for (const name of ['a', 'b', 'a', 'a', 'c', 'c', 'c']) {
      await raw.commit([put(name, raw.reached[raw.sources[0] ?? ''] ?? 0), put('x', 0)])
    }
    expect(await textsOf(lasts, raw)).toEqual(['a@3=2', 'a@4=3', 'b@2=1', 'c@6=5', 'c@7=6', 'x@1=0'])
    expect(await textsOf(commits, raw)).toEqual(['c@5=4', 'c@6=5', 'c@7=6'])
    expect(await textsOf(both, raw)).toEqual(['c@7=6'])
  })

  test('L4: a feed of it steps with the upstream, whole commits at a time', async () => {
    const raw = createMemoryStore()
    const log = createChangelog(raw, { last: 1 }) as Store
    const feed = log.watch({})
    await settled(feed)
    await raw.commit([put('a', 1), put('b', 1)])
    await turns()
    await raw.commit([put('a', 2)])
    await turns()
    const [update] = await settled(feed)
    expect(update?.changes.map((change) => [change.key, change.gone])).toEqual([
      [key('a', 2), undefined],
      [key('b', 1), undefined],
    ])
  })

  test('an upstream that tells all that is there in place of what changed is looked at closely', async () => {
    const raw = createMemoryStore()
    const changes = raw.changes.bind(raw)
    const replaced = async (query: Query, options: ChangesOptions): Promise<Update> => {
      const update = await changes(query, options)
      if (update.folded === 0) return update
      const { entries } = await raw.fetch(query, { min: update.versions, max: update.versions })
      return { ...update, replace: { ranges: mergeSpans(readQuery(query).list).map(rangeOf), entries }, changes: [] }
    }
    Object.assign(raw, { changes: replaced })
    for (let i = 1; i <= 5; i++) await raw.commit([put('a', i % 2), ...(i === 3 ? [put('b', 1)] : [])])
    await raw.commit([del('b')])
    const log = createChangelog(raw) as Store
    expect(await textsOf(log, raw)).toEqual(['a@1=1', 'a@2=0', 'a@3=1', 'a@4=0', 'a@5=1', 'b@3=1', 'b@6-'])
  })

  test('of a view it has what that shows, at the versions of what the view is made of', async () => {
    const raw = createMemoryStore()
    const even = createView(raw, { map: ({ key: id, value }) => ({ key: id, value: (value as number) % 2 === 0 }) })
    const log = createChangelog(even) as Store
    await log.fetch({})
    for (const n of [1, 3, 4, 6, 7]) await raw.commit([put('a', n)])
    expect(await textsOf(log, raw)).toEqual(['a@1=false', 'a@3=true', 'a@5=false'])
    const times = createView(log, {
      group: {
        by: ({ value }) => String((value as { value: boolean }).value),
        of: ({ count }) => ({ times: count() }),
      },
    })
    expect((await times.fetch({}, { min: raw.reached })).entries).toEqual([
      { key: 'false', value: { times: 2 } },
      { key: 'true', value: { times: 1 } },
    ])
  })
})

describe('L7: a changelog that lost its place', () => {
  test('begins anew, as another source, and who follows gets a replacement', async () => {
    const into = createMemoryStore({ name: 'into' })
    const raw = createMemoryStore({ name: 'raw', history: { commits: 2 } })
    const first = createChangelog(raw, { into }) as Store
    await raw.commit([put('a', 1)])
    expect(await textsOf(first, raw)).toEqual(['a@1=1'])
    const before = begins(first)
    const { versions } = await first.fetch({})
    await first.close()
    for (let n = 2; n <= 6; n++) await raw.commit([put('a', n)])
    const again = createChangelog(raw, { into }) as Store
    expect(await textsOf(again, raw)).toEqual(['a@5=5', 'a@6=6'])
    expect(begins(again)).not.toBe(before)
    await expect(again.fetch({}, { min: versions })).rejects.toMatchObject({ code: 'SOURCE_RESET' })
    const feed = again.watch({}, { since: versions })
    const [update] = await settled(feed)
    expect(update?.replace?.entries.length).toBe(2)
  })

  test('goes on where nothing is lost, as the same source', async () => {
    const into = createMemoryStore({ name: 'into' })
    const raw = createMemoryStore({ name: 'raw' })
    const first = createChangelog(raw, { into, last: 2 }) as Store
    await raw.commit([put('a', 1)])
    await textsOf(first, raw)
    const before = begins(first)
    await first.close()
    for (let n = 2; n <= 6; n++) await raw.commit([put('a', n)])
    const again = createChangelog(raw, { into, last: 2 }) as Store
    expect(await textsOf(again, raw)).toEqual(['a@5=5', 'a@6=6'])
    expect(begins(again)).toBe(before)
    await again.close()
    // What is kept has changed: then it is another log.
    const other = createChangelog(raw, { into, last: 3 }) as Store
    expect(await textsOf(other, raw)).toEqual(['a@4=4', 'a@5=5', 'a@6=6'])
    expect(begins(other)).not.toBe(before)
  })

  test('of another store begins anew', async () => {
    const into = createMemoryStore({ name: 'into' })
    const raw = createMemoryStore({ name: 'raw' })
    const first = createChangelog(raw, { into }) as Store
    await raw.commit([put('a', 1)])
    await textsOf(first, raw)
    await first.close()
    const restored = createMemoryStore({ name: 'raw' })
    await restored.commit([put('b', 1)])
    const again = createChangelog(restored, { into }) as Store
    expect(await textsOf(again, restored)).toEqual(['b@1=1'])
  })
})

test('L0: logs of one store that begin at one point are one source, with one content', async () => {
  const raw = createMemoryStore({ name: 'raw' })
  await raw.commit([put('a', 1)])
  const one = createChangelog(raw, { last: 5 }) as Store
  const other = createChangelog(raw, { last: 5 }) as Store
  const third = createChangelog(raw, { last: 6 }) as Store
  await Promise.all([one, other, third].map((log) => log.fetch({})))
  expect(begins(one)).toBe(begins(other))
  expect(begins(one)).not.toBe(begins(third))
})

test.each<[string, ChangelogOptions]>([
  ['no records at all', { last: 0 }],
  ['too many records', { last: 10_001 }],
  ['half a record', { last: 1.5 }],
  ['no commits', { commits: 0 }],
  ['a query with a limit', { query: { limit: 3 } }],
  ['a place of several sources', { into: createView(createMemoryStore(), { map: () => undefined }) as Store }],
])('refuses %s', (_what, options) => {
  expect(() => createChangelog(createMemoryStore(), options)).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
})

test.each(['at the start', 'while it runs'])(
  'L7: a beginning that failed halfway is not taken for the log, %s',
  async (when) => {
    const clock = manualClock()
    const into = createMemoryStore({ name: 'into' })
    const commit = into.commit.bind(into)
    let left = Infinity
    into.commit = async (...given) => {
      if (left-- > 0) return commit(...given)
      throw new FanlightError('UNAVAILABLE', 'the disk is full')
    }
    const raw = createMemoryStore({ name: 'raw', history: { commits: 3 } })
    const first = createChangelog(raw, { into, clock }) as Store
    await raw.commit([put('a', 1)])
    expect(await textsOf(first, raw)).toEqual(['a@1=1'])
    if (when === 'at the start') await first.close()
    left = 0
    for (let n = 2; n <= 6; n++) await raw.commit([put('a', n)])
    await turns()
    const second = when === 'at the start' ? (createChangelog(raw, { into, clock }) as Store) : first
    left = 2
    const asked = second.fetch({}, { min: raw.reached, timeoutMs: 20_000 }).catch((error: unknown) => error)
    await clock.advance(20_000)
    expect(await asked).toMatchObject({ code: 'STALLED' })
    left = Infinity
    await second.close()
    const third = createChangelog(raw, { into, clock }) as Store
    expect(await textsOf(third, raw)).toEqual(['a@4=4', 'a@5=5', 'a@6=6'])
    await third.close()
  },
)
