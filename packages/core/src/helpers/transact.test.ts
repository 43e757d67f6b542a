import {
  type CommitOptions,
  FanlightError,
  type Store,
  type Supports,
  createMemoryStore,
  createSession,
  del,
  everything,
  get,
  prefix,
  prefixed,
  put,
  readonly,
  transact,
} from '@fanlight/core'
import { lagging, manualClock, seededRandom, turns } from '@fanlight/core/testing'
import { expect, test } from 'vitest'

const keysOf = (entries: readonly { readonly key: string }[]): string => entries.map(({ key }) => key).join('')

/** The same store that says it supports something else, and shows what its commits are asked for. */
function supporting(store: Store, supports: Partial<Supports>, seen: (CommitOptions | undefined)[] = []): Store {
  const shown = prefixed(store, '')
  Object.defineProperty(shown, 'supports', { value: { ...store.supports, ...supports } })
  const commit = shown.commit?.bind(shown)
  Object.defineProperty(shown, 'commit', {
    configurable: true,
    value: (changes: never, options?: CommitOptions) => {
      seen.push(options)
      return commit?.(changes, options)
    },
  })
  return shown
}

test('it reads at one point, writes as one commit, and gives what the work returns', async () => {
  const store = createMemoryStore<{ '': number }>()
  await store.commit([put('a', 1), put('b', 2)])
  const { value, versions } = await transact(store, async (tx) => {
    const a = (await tx.get('a')) ?? 0
    await store.commit([put('c', 9)])
    expect(await tx.unguarded('c')).toEqual([])
    tx.put('a', a + 10)
    tx.del('b')
    return a
  })
  expect(value).toBe(1)
  expect(versions).toEqual(store.reached)
  expect((await store.fetch(everything)).entries.map(({ key, value }) => [key, value])).toEqual([
    ['a', 11],
    ['c', 9],
  ])
})

test('it is done once more where somebody else wrote what it read: keys, absences and ranges', async () => {
  for (const read of ['key', 'absent', 'range', 'limited'] as const) {
    const store = createMemoryStore<{ '': number }>()
    await store.commit([put('a', 1), put('c', 3)])
    let runs = 0
    await transact(
      store,
      async (tx) => {
        runs++
        if (read === 'key') await tx.get('a')
        else if (read === 'absent') await tx.get('b')
        else await tx.fetch(read === 'range' ? { lt: 'c' } : { limit: 1 })
        if (runs === 1) await store.commit([read === 'absent' || read === 'range' ? put('b', 2) : put('a', 2)])
        tx.put('x', runs)
      },
      { retryMs: 0 },
    )
    expect([read, runs]).toEqual([read, 2])
    expect(await get(store, 'x')).toBe(2)
  }
})

test('what lies behind a limited answer is not guarded, nor what is read unguarded', async () => {
  const store = createMemoryStore<{ '': number }>()
  await store.commit([put('a', 1), put('c', 3)])
  let runs = 0
  await transact(store, async (tx) => {
    runs++
    expect(keysOf(await tx.fetch({ limit: 1 }))).toBe('a')
    expect(keysOf(await tx.unguarded(everything))).toBe('ac')
    await store.commit([put('b', 2), put('c', 4)])
    tx.put('x', 1)
  })
  expect(runs).toBe(1)
})

test('L4: money is neither made nor lost, however many move it at once', async () => {
  const store = createMemoryStore<{ '': number }>({ random: seededRandom(1) })
  const names = ['a', 'b', 'c', 'd']
  await store.commit(names.map((name) => put(name, 100)))
  const random = seededRandom(7)
  const pick = (): string => names[Math.floor(random() * names.length)] ?? 'a'
  let runs = 0
  const moves = Array.from({ length: 60 }, () =>
    transact(
      store,
      async (tx) => {
        runs++
        const [from, to] = [pick(), pick()]
        const sum = (await tx.fetch(everything)).reduce((all, { value }) => all + value, 0)
        expect(sum).toBe(400)
        tx.put(from, ((await tx.get(from)) ?? 0) - 10)
        await turns(Math.floor(random() * 20))
        tx.put(to, ((await tx.get(to)) ?? 0) + 10)
      },
      { attempts: 1000, random, retryMs: 0 },
    ),
  )
  await Promise.all(moves)
  expect((await store.fetch(everything)).entries.reduce((all, { value }) => all + value, 0)).toBe(400)
  expect(Object.values(store.reached)).toEqual([61])
  expect(runs).toBeGreaterThan(60)
})

test('no write skew: two that read one range and write apart do not both commit', async () => {
  const store = createMemoryStore<{ '': boolean }>()
  await store.commit([put('ann', true), put('bob', true)])
  const leave = (name: string) =>
    transact(
      store,
      async (tx) => {
        const onCall = (await tx.fetch(everything)).filter(({ value }) => value)
        await turns()
        if (onCall.length > 1) tx.put(name, false)
      },
      { retryMs: 0 },
    )
  await Promise.all([leave('ann'), leave('bob')])
  expect((await store.fetch(everything)).entries.filter(({ value }) => value)).toHaveLength(1)
})

test('reads see what the transaction wrote, also through limits and directions', async () => {
  const store = createMemoryStore<{ '': string }>()
  await store.commit([...'abcdef'].map((key) => put(key, key)))
  await transact(store, async (tx) => {
    tx.del('b')
    tx.put('bb', 'new')
    tx.put('a', 'A')
    tx.put('z', 'Z')
    expect(await tx.get('b')).toBeUndefined()
    expect(await tx.get('bb')).toBe('new')
    expect(keysOf(await tx.fetch(everything))).toBe('abbcdefz')
    expect(keysOf(await tx.fetch({ limit: 3 }))).toBe('abbc')
    expect((await tx.fetch({ limit: 1 }))[0]?.value).toBe('A')
    expect(keysOf(await tx.fetch({ reverse: true, limit: 2 }))).toBe('zf')
    expect(keysOf(await tx.fetch([{ limit: 1 }, { gte: 'f' }, 'b']))).toBe('afz')
    expect(keysOf(await tx.fetch('bb'))).toBe('bb')
    expect(await tx.fetch({ limit: 0 })).toEqual([])
    tx.del('bb')
    expect(keysOf(await tx.fetch({ gte: 'b', limit: 1 }))).toBe('c')
  })
  expect(keysOf((await store.fetch(everything)).entries)).toBe('acdefz')
})

test('another store is NOT_ATOMIC, unless it is read unguarded: then at the same point', async () => {
  const raw = createMemoryStore<{ '': number }>()
  const index = lagging(raw)
  await raw.commit([put('a', 1)])
  await index.releaseAll()
  await raw.commit([put('a', 2)])
  const done = transact(raw, async (tx) => {
    await expect(tx.fetch(index, everything)).rejects.toMatchObject({ code: 'NOT_ATOMIC' })
    expect(await tx.get('a')).toBe(2)
    const entries = await tx.unguarded(index, everything)
    expect(entries[0]?.value).toBe(2)
    expect(keysOf(await tx.fetch(raw, 'a'))).toBe('a')
    tx.put('a', 3)
  })
  await turns()
  await index.releaseAll()
  await done
  expect(await get(raw, 'a')).toBe(3)
  await index.close()
})

test('section 6: what is written and was never read is not held against what another store answered', async () => {
  const store = createMemoryStore<{ '': number }>({ history: { commits: 2 } })
  const other = createMemoryStore<{ '': number }>({ name: 'other' })
  await other.commit([put('x', 1)])
  for (let i = 0; i < 5; i++) await store.commit([put('a', i)])
  await transact(store, async (tx) => {
    const [entry] = await tx.unguarded(other, 'x')
    tx.put('a', entry?.value ?? 0)
    tx.put('b', 2)
  })
  expect(keysOf((await store.fetch(everything)).entries)).toBe('ab')
  expect(await get(store, 'a')).toBe(1)
})

test('reads in parallel are of one point', async () => {
  const store = createMemoryStore<{ '': number }>()
  await store.commit([put('a', 1), put('b', 1)])
  await transact(store, async (tx) => {
    const both = Promise.all([tx.get('a'), tx.get('b')])
    await store.commit([put('a', 2), put('b', 2)])
    const [a, b] = await both
    expect(a).toBe(b)
    expect(tx.versions).toBeDefined()
  })
})

test('attempts, pauses and their end', async () => {
  const clock = manualClock()
  const store = createMemoryStore<{ '': number }>()
  let runs = 0
  const work = async (tx: Parameters<Parameters<typeof transact<{ '': number }, void>>[1]>[0]): Promise<void> => {
    tx.put('a', (await tx.get('a')) ?? 0)
    await store.commit([put('a', ++runs)])
  }
  const failing = transact(store, work, { attempts: 3, clock, random: () => 0.5, retryMs: 20 }).catch(
    (error: unknown) => error,
  )
  await turns()
  expect(runs).toBe(1)
  await clock.advance(9)
  expect(runs).toBe(1)
  await clock.advance(1)
  expect(runs).toBe(2)
  await clock.advance(20)
  expect(await failing).toMatchObject({ code: 'CONFLICT', keys: ['a'], applied: 'no' })
  expect(runs).toBe(3)

  const aborting = new AbortController()
  const aborted = transact(store, work, { clock, signal: aborting.signal }).catch((error: unknown) => error)
  await turns()
  aborting.abort()
  expect(await aborted).toMatchObject({ code: 'ABORTED' })
  await expect(transact(store, work, { attempts: 0 })).rejects.toMatchObject({ code: 'BAD_QUERY' })
})

test('where the point is lost in fog it is done once more', async () => {
  const store = createMemoryStore<{ '': number }>({ history: { commits: 1 } })
  await store.commit([put('a', 1)])
  let runs = 0
  await transact(
    store,
    async (tx) => {
      await tx.get('a')
      if (++runs === 1) for (let i = 0; i < 5; i++) await store.commit([put('b', i)])
      tx.put('c', (await tx.get('b')) ?? 0)
    },
    { retryMs: 0 },
  )
  expect([runs, await get(store, 'c')]).toEqual([2, 4])
})

test('what the work throws ends it, and nothing is written', async () => {
  const store = createMemoryStore<{ '': number }>()
  const planted = new Error('planted')
  await expect(
    transact(store, (tx) => {
      tx.put('a', 1)
      throw planted
    }),
  ).rejects.toBe(planted)
  expect(store.reached).toEqual(store.oldest)
})

test('without writes there is no commit; it says at which point it read', async () => {
  const store = createMemoryStore<{ '': number }>()
  await store.commit([put('a', 1)])
  const reached = { ...store.reached }
  expect(await transact(store, (tx) => tx.get('a'))).toEqual({ value: 1, versions: reached })
  expect(await transact(store, () => 'nothing')).toEqual({ value: 'nothing', versions: reached })
  expect(store.reached).toEqual(reached)
})

test('a transaction that is over is CLOSED, and wrong keys and values are refused at once', async () => {
  const store = createMemoryStore<{ '': unknown }>()
  let kept: { put(key: string, value: unknown): void } | undefined
  await transact(store, (tx) => {
    kept = tx
    expect(() => tx.put('\ud800', 1)).toThrow(expect.objectContaining({ code: 'BAD_KEY' }))
    expect(() => tx.put('a', undefined)).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }))
  })
  expect(() => kept?.put('a', 1)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
})

test('what a store cannot guard is UNSUPPORTED, or READ_ONLY', async () => {
  const memory = createMemoryStore()
  await memory.commit([put('a', 1), put('b', 1)])
  const seen: (CommitOptions | undefined)[] = []
  const unsupported = expect.objectContaining({ code: 'UNSUPPORTED', applied: 'no' })
  const keys = supporting(memory, { guard: 'keys' }, seen)
  await expect(transact(keys, (tx) => tx.fetch(everything))).rejects.toEqual(unsupported)
  await expect(transact(keys, async (tx) => (await tx.get('absent'), tx.put('a', 1)))).rejects.toEqual(unsupported)
  await transact(keys, async (tx) => {
    await tx.unguarded(everything)
    await tx.get('absent')
    await tx.fetch('b')
    tx.put('absent', 1)
    tx.put('a', 2)
  })
  expect(seen.map((options) => options?.guard)).toEqual([['b']])
  const none = supporting(memory, { guard: 'none' })
  await expect(transact(none, async (tx) => (await tx.get('b'), tx.put('a', 1)))).rejects.toEqual(unsupported)
  await transact(none, async (tx) => (await tx.get('a'), tx.put('a', 3)))
  await expect(transact(readonly(memory), () => 1)).rejects.toMatchObject({ code: 'READ_ONLY' })
})

test('more guards than a query has ranges are covered by wider ones', async () => {
  const store = createMemoryStore<{ '': number }>()
  const keys = Array.from({ length: 200 }, (_, i) => `k${String(i).padStart(3, '0')}`)
  await store.commit(keys.map((key) => put(key, 0)))
  let runs = 0
  await transact(
    store,
    async (tx) => {
      for (const key of keys) await tx.get(key)
      if (++runs === 1) await store.commit([del('k123')])
      tx.put('x', runs)
    },
    { retryMs: 0 },
  )
  expect(await get(store, 'x')).toBe(2)
})

test('L4: a commit of unknown outcome is tried again under one id', async () => {
  const store = createMemoryStore<{ '': number }>()
  let fails = 1
  const shown = supporting(store, {})
  const commit = shown.commit?.bind(shown)
  Object.defineProperty(shown, 'commit', {
    value: async (changes: never, options?: CommitOptions) => {
      const versions = await commit?.(changes, options)
      if (fails-- > 0) throw new FanlightError('UNAVAILABLE', 'planted', { applied: 'unknown' })
      return versions
    },
  })
  await transact(shown, async (tx) => tx.put('n', (((await tx.get('n')) as number | undefined) ?? 0) + 1), {
    retryMs: 0,
  })
  expect(await get(store, 'n')).toBe(1)
})

test('it runs through sessions and prefixes', async () => {
  const store = createMemoryStore<{ 'users/': { n: number } }>()
  const users = createSession(prefixed(store, 'users/'))
  await transact(users, async (tx) => tx.put('ann', { n: ((await tx.get('ann'))?.n ?? 0) + 1 }))
  expect((await store.fetch(prefix('users/'))).entries).toMatchObject([{ key: 'users/ann', value: { n: 1 } }])
})
