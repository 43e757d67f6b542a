import {
  type Change,
  type MemoryStore,
  type Query,
  type Store,
  FanlightError,
  createMemoryStore,
  createVariable,
  del,
  everything,
  mirror,
  prefix,
  prefixed,
  put,
  readonly,
} from '@fanlight/core'
import { lagging, manualClock, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'

const plain = (store: { fetch: Store['fetch'] }, query = everything): Promise<[string, unknown][]> =>
  store.fetch(query).then(({ entries }) => entries.map(({ key, value }) => [key, value]))

/** A store whose commits go through `around`. */
function through(store: MemoryStore, around: (commit: () => Promise<object>) => Promise<object>): Store {
  const shown = prefixed(store as Store, '')
  const commit = shown.commit?.bind(shown)
  Object.defineProperty(shown, 'commit', {
    value: (changes: Change[], options: never) => around(() => commit?.(changes, options) as Promise<object>),
  })
  return shown
}

test('a variable gets the value of one key', async () => {
  const store = createMemoryStore<{ '': number }>()
  const [one, none] = [createVariable<number>(), createVariable(7)]
  const mirrors = [mirror(store, 'a', one), mirror(store, 'b', none)]
  expect(none.value).toBeUndefined()
  await store.commit([put('a', 1)])
  expect(one.value).toBe(1)
  await store.commit([del('a')])
  expect(one.value).toBeUndefined()
  for (const each of mirrors) await each.close()
})

test('a variable gets the list, or what is made of it; once a step, and not where nothing changed', async () => {
  const store = createMemoryStore<{ '': number }>()
  const [list, sum] = [createVariable<readonly object[]>(), createVariable<number>()]
  const lists = mirror(store, prefix('a'), list)
  const sums = mirror(store, everything, sum, {
    value: (entries) => entries.reduce((all, { value }) => all + value, 0),
  })
  await store.commit([put('a1', 1), put('a2', 2), put('b', 3)])
  expect(list.value).toEqual([
    { key: 'a1', value: 1 },
    { key: 'a2', value: 2 },
  ])
  expect(sum.value).toBe(6)
  const { reached } = list
  await store.commit([put('a1', 1)])
  expect(list.reached).toBe(reached)
  expect(lists.versions).toEqual(store.reached)
  await lists.close()
  await sums.close()
})

test('a map gets the entries behind a prefix, all of a step in one turn, and keeps what is not of the mirror', async () => {
  const store = createMemoryStore<{ '': number }>()
  await store.commit([put('__proto__', 1), put('b', 2)])
  const map = new Map([
    ['other', 0],
    ['m/stale', 0],
  ])
  const mirrored = mirror(store, everything, map, { prefix: 'm/' })
  expect(map).toEqual(
    new Map([
      ['other', 0],
      ['m/__proto__', 1],
      ['m/b', 2],
    ]),
  )
  await store.commit([put('c', 3), del('b')])
  expect(map).toEqual(
    new Map([
      ['other', 0],
      ['m/__proto__', 1],
      ['m/c', 3],
    ]),
  )
  expect(mirrored.behind).toEqual({ [store.sources[0] ?? '']: 0 })
  await mirrored.close()
  await store.commit([put('d', 4)])
  expect(map.has('m/d')).toBe(false)
  await expect(mirrored.settled()).rejects.toMatchObject({ code: 'CLOSED' })
  expect(mirrored.error).toBeUndefined()
})

test('L4: a store gets one commit a step, with the deletes of what vanished, and what else stood there goes', async () => {
  const [store, sink] = [createMemoryStore<{ '': number }>({ name: 'from' }), createMemoryStore()]
  await store.commit([put('a', 1), put('b', 2), put('z', 9)])
  await sink.commit([put('p/gone', 0), put('p/a', 1), put('other', 0)])
  const before = Object.values(sink.reached)[0] ?? 0
  const mirrored = mirror(store, { lt: 'm' }, sink, { prefix: 'p/', watermarkKey: 'mark' })
  await mirrored.settled()
  expect(await plain(sink, { gte: 'n' })).toEqual([
    ['other', 0],
    ['p/a', 1],
    ['p/b', 2],
  ])
  await store.commit([put('a', 3), del('b'), put('c', 4), put('zz', 1)])
  await mirrored.settled()
  expect(await plain(sink, prefix('p/'))).toEqual([
    ['p/a', 3],
    ['p/c', 4],
  ])
  expect(Object.values(sink.reached)).toEqual([before + 2])
  const [to = ''] = sink.sources
  const mark = { versions: store.reached, query: [{ lt: 'm' }], sink: { [to]: before + 1 } }
  expect(await plain(sink, 'mark' as never)).toEqual([['mark', mark]])
  await mirrored.close()
})

test('L7: a mirror that starts again goes on where it was, without reading what it has', async () => {
  const [store, sink] = [createMemoryStore<{ '': number }>({ name: 'from' }), createMemoryStore()]
  for (let i = 0; i < 20; i++) await store.commit([put(`k${i}`, i)])
  const first = mirror(store, everything, sink)
  await first.settled()
  await first.close()
  await store.commit([del('k0'), put('k1', 100)])
  const taken: number[] = []
  const watched = new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (name !== 'watch') return member.bind(target)
      return (query: never, options: { since?: object }) => {
        taken.push(options.since === undefined ? -1 : (Object.values(options.since)[0] as number))
        return target.watch(query, options as never)
      }
    },
  })
  const second = mirror(watched, everything, sink)
  await second.settled()
  expect(taken).toEqual([20])
  const copied = (await plain(sink)).filter(([key]) => !key.startsWith('~mirror/'))
  expect(copied).toEqual(await plain(store))
  await second.close()
})

test('L7: where the past is lost, or the source was reset, all is replaced', async () => {
  const sink = createMemoryStore()
  const store = createMemoryStore<{ '': number }>({ name: 'from', history: { commits: 1 } })
  await store.commit([put('a', 1), put('b', 2)])
  const first = mirror(store, everything, sink, { prefix: 'p/' })
  await first.settled()
  await first.close()
  for (let i = 0; i < 5; i++) await store.commit([i === 0 ? del('a') : put('c', i)])
  const second = mirror(store, everything, sink, { prefix: 'p/' })
  await second.settled()
  expect(await plain(sink, prefix('p/'))).toEqual([
    ['p/b', 2],
    ['p/c', 4],
  ])
  await second.close()
  const other = createMemoryStore<{ '': number }>({ name: 'from' })
  await other.commit([put('x', 1)])
  const third = mirror(other, everything, sink, { prefix: 'p/' })
  await third.settled()
  expect(await plain(sink, prefix('p/'))).toEqual([['p/x', 1]])
  await third.close()
})

test('a mirror of another query at the same watermark removes what only the one before had', async () => {
  const [store, sink] = [createMemoryStore<{ '': number }>(), createMemoryStore()]
  await store.commit([put('a', 1), put('b', 2), put('c', 3)])
  const options = { prefix: 'p/', watermarkKey: 'mark' }
  const first = mirror(store, { lt: 'c' }, sink, options)
  await first.settled()
  await first.close()
  const second = mirror(store, { gte: 'b' }, sink, options)
  await second.settled()
  expect(await plain(sink, prefix('p/'))).toEqual([
    ['p/b', 2],
    ['p/c', 3],
  ])
  await second.close()
})

test('mirrors of mirrors: each has a watermark of its own, and shows those before it as data', async () => {
  const [a, b, c] = ['a', 'b', 'c'].map((name) => createMemoryStore({ name })) as [
    MemoryStore,
    MemoryStore,
    MemoryStore,
  ]
  const [one, other] = [mirror(a, everything, b), mirror(b, everything, c)]
  await a.commit([put('x', 1)])
  await one.settled()
  await other.settled()
  expect((await plain(c)).map(([key]) => key)).toEqual(['x', '~mirror/a:[{}]', '~mirror/b:[{}]'])
  await one.close()
  await other.close()
})

test('an entry where the watermark stands ends it', async () => {
  const store = createMemoryStore()
  const heard: unknown[] = []
  await store.commit([put('mark', 1)])
  const mirrored = mirror(store, everything, createMemoryStore(), {
    watermarkKey: 'mark',
    onError: (error) => heard.push(error),
  })
  await expect(mirrored.settled()).rejects.toMatchObject({ code: 'BAD_KEY', keys: ['mark'] })
  expect(heard).toEqual([mirrored.error])
})

test('a failure that may pass is told, and the mirror goes on after a pause; a step is done once', async () => {
  const clock = manualClock()
  const [store, memory] = [createMemoryStore<{ '': number }>({ name: 'from' }), createMemoryStore()]
  let planted: FanlightError[] = []
  const sink = through(memory, async (commit) => {
    const [error] = planted
    if (error === undefined) return commit()
    planted = planted.slice(1)
    if (error.applied === 'unknown') await commit()
    throw error
  })
  const heard: unknown[] = []
  const mirrored = mirror(store, everything, sink, {
    clock,
    random: () => 1,
    onError: (error) => heard.push(error),
    prefix: 'p/',
  })
  await mirrored.settled()
  planted = [
    new FanlightError('UNAVAILABLE', 'planted', { applied: 'no' }),
    new FanlightError('CONFLICT', 'planted', { applied: 'no' }),
  ]
  const [first, second] = planted
  await store.commit([put('a', 1)])
  await turns()
  expect(heard).toEqual([first])
  await store.commit([put('a', 2)])
  await clock.advance(100)
  expect(heard).toEqual([first, second])
  await clock.advance(200)
  await mirrored.settled()
  expect(await plain(memory, prefix('p/'))).toEqual([['p/a', 2]])
  // It is not known whether it was applied: the session of the sink finds out, and nobody hears of it.
  planted = [new FanlightError('UNAVAILABLE', 'planted', { applied: 'unknown' })]
  const before = Object.values(memory.reached)[0] ?? 0
  await store.commit([put('a', 3)])
  await clock.advance(100)
  await mirrored.settled()
  expect(Object.values(memory.reached)).toEqual([before + 1])
  expect(heard).toHaveLength(2)
  await mirrored.close()
})

test('two mirrors at one watermark do not take one step twice', async () => {
  const [store, sink] = [createMemoryStore<{ '': number }>({ name: 'from' }), createMemoryStore()]
  const heard: unknown[] = []
  const options = { retryMs: 0, onError: (error: unknown) => heard.push(error) }
  const both = [mirror(store, everything, sink, options), mirror(store, everything, sink, options)]
  for (let i = 0; i < 20; i++) {
    await store.commit([put(`k${i % 3}`, i)])
    await Promise.all(both.map((each) => each.settled()))
  }
  expect((await plain(sink)).filter(([key]) => !key.startsWith('~'))).toEqual(await plain(store))
  for (const error of heard) expect(error).toMatchObject({ code: 'CONFLICT' })
  for (const each of both) await each.close()
})

test('what cannot pass ends it: wrong values, a source that closes, a sink that takes nothing', async () => {
  const store = createMemoryStore()
  await store.commit([put('a', 1)])
  const failing = mirror(store, everything, {
    set: () => {
      throw new Error('planted')
    },
  })
  expect(failing.error).toMatchObject({ message: 'planted' })
  const map = new Map<string, unknown>()
  const mirrored = mirror(store, everything, map)
  await store.close()
  expect(mirrored.error).toMatchObject({ code: 'CLOSED', store: 'memory' })
  await expect(mirrored.settled()).rejects.toBe(mirrored.error)
  expect(() => mirror(createMemoryStore(), everything, readonly(createMemoryStore()))).toThrow(
    expect.objectContaining({ code: 'READ_ONLY' }),
  )
})

test('it says how far it is behind, and settles at a point', async () => {
  const store = createMemoryStore()
  const late = lagging(store)
  const map = new Map<string, unknown>()
  const mirrored = mirror(late, everything, map)
  await mirrored.settled()
  await store.commit([put('a', 1)])
  const settling = mirrored.settled(store.reached)
  let isDone = false
  void settling.then(() => (isDone = true))
  await turns()
  expect(isDone).toBe(false)
  const releasing = late.releaseAll()
  expect(Object.values(mirrored.behind)).toEqual([1])
  await releasing
  await settling
  expect([map.get('a'), ...Object.values(mirrored.behind)]).toEqual([1, 0])
  expect(mirrored.state).toEqual(late.state)
  await mirrored.close()
  await late.close()
})

test('L8: a mirror into the store that it mirrors does not follow itself', async () => {
  const store = createMemoryStore()
  await store.commit([put('a/1', 1)])
  const attempt = (query: Query, into: string): unknown => {
    try {
      return void mirror(store, query, store, { prefix: into }).close()
    } catch (error) {
      return error
    }
  }
  // Each of these would write what it mirrors, for ever.
  const refused = expect.objectContaining({ code: 'BAD_QUERY' }) as unknown
  expect(attempt(everything, 'b/')).toEqual(refused)
  expect(attempt(prefix('a/'), 'a/b/')).toEqual(refused)
  expect(attempt([prefix('a/'), { gte: '~' }], 'b/')).toEqual(refused)
  const copied = mirror(store, prefix('a/'), store, { prefix: 'b/' })
  await copied.settled()
  expect(await plain(store, prefix('b/'))).toEqual([['b/a/1', 1]])
  await copied.close()
})
