import { type MemoryStore, put } from '@fanlight/core'
import type { Remote } from '@fanlight/client-browser'
import { Kind } from '@fanlight/protocol'
import { serve, type Server } from '@fanlight/server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { packed, Raw } from './raw.ts'
import { closeScene, codeOf, openScene, type Scene } from './scene.ts'

let scene: Scene
let store: MemoryStore
let server: Server
let witness: Remote

beforeEach(async () => {
  scene = await openScene()
  ;({ store, server, witness } = scene)
})

afterEach(() => closeScene(scene))

describe('versions and values', () => {
  const points: readonly (readonly [what: string, version: unknown])[] = [
    ['negative', -1],
    ['fractional', 1.5],
    ['no number', 'x'],
    ['too large to be exact', 2 ** 53],
    ['no number at all', NaN],
    ['without end', Infinity],
  ]

  test.each(points)('BAD_QUERY: a version that is %s', async (_, version) => {
    const point = { [store.sources[0] ?? '']: version }
    const raw = await Raw.welcomed(server.url)
    raw.send(
      [Kind.fetch, 0, {}, point, null, null, null],
      [Kind.fetch, 1, {}, null, point, null, null],
      [Kind.changes, 2, {}, point, null, null],
      [Kind.changes, 3, {}, store.reached, point, null],
      [Kind.watch, 4, {}, point],
      [Kind.commit, 5, [['a', 1]], point, null, null],
    )
    for (const id of [0, 1, 2, 3, 5]) {
      const [, , error] = await raw.first(Kind.failed, id)
      expect(error.code).toBe('BAD_QUERY')
    }
    const [, , error] = await raw.first(Kind.ended, 4)
    expect(error.code).toBe('BAD_QUERY')
    await raw.close()
    expect(store.reached).toEqual({ [store.sources[0] ?? '']: 0 })
  })

  test('L2: a min ahead of the store is STALLED in the time that the asker has, and says where it stands', async () => {
    const [source = ''] = store.sources
    const raw = await Raw.welcomed(server.url)
    raw.send([Kind.fetch, 0, {}, { [source]: 1_000_000 }, null, 'wait', 30])
    raw.send([Kind.fetch, 1, {}, { [source]: 1_000_000 }, null, 'fail', null])
    for (const id of [0, 1]) {
      const [, , error] = await raw.first(Kind.failed, id)
      expect(error).toMatchObject({
        code: 'STALLED',
        source,
        wanted: { [source]: 1_000_000 },
        reached: { [source]: 0 },
      })
    }
    await raw.close()
  })

  test('L7: a since ahead of the store waits for the store, and is STALLED', async () => {
    const [source = ''] = store.sources
    const raw = await Raw.welcomed(server.url)
    raw.send([Kind.changes, 0, {}, { [source]: 3 }, null, 30], [Kind.watch, 1, {}, { [source]: 3 }])
    const [, , error] = await raw.first(Kind.failed, 0)
    expect(error.code).toBe('STALLED')
    for (let i = 1; i <= 4; i++) await store.commit([put('a', i)])
    const [, , , [replaced, changes]] = await raw.first(Kind.update, 1)
    expect([replaced, changes]).toEqual([null, [['a', 4]]])
    await raw.close()
  })

  test('SOURCE_RESET: a point of another incarnation', async () => {
    const point = { 'served@elsewhere': 1 }
    const raw = await Raw.welcomed(server.url)
    raw.send([Kind.fetch, 0, {}, point, null, null, null], [Kind.changes, 1, {}, point, null, null])
    for (const id of [0, 1]) expect((await raw.first(Kind.failed, id))[2].code).toBe('SOURCE_RESET')
    // A feed is told so, by a replacement of what it holds.
    raw.send([Kind.watch, 2, {}, point])
    const [, , , [replaced]] = await raw.first(Kind.update, 2)
    expect(replaced).toEqual([[{}], []])
    await raw.close()
  })

  test('nasty keys come back as they went', async () => {
    const keys = ['', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '\0', 'é', '\uffff', '😀']
    await witness.commit(keys.map((key, i) => put(key, { i, constructor: key })))
    const { entries } = await witness.fetch({})
    expect(new Map(entries.map(({ key, value }) => [key, value]))).toEqual(
      new Map(keys.map((key, i) => [key, { i, constructor: key }])),
    )
    expect(Object.keys({})).toEqual([])
  })

  test('BAD_KEY: half a character', async () => {
    expect(await codeOf(witness.commit([put('\ud800', 1)]))).toBe('BAD_KEY')
    const raw = await Raw.welcomed(server.url)
    // The bytes that half a character would have.
    const key = packed(0xa3, 0xed, 0xa0, 0x80)
    const message = packed(0x91, 0x96, Kind.commit, 0, 0x91, 0x92, ...key, 1, 0xc0, 0xc0, 0xc0)
    raw.socket.send(message)
    const [kind] = await Promise.race([raw.first(Kind.failed, 0), raw.first(Kind.committed, 0)])
    if (kind === Kind.committed) {
      const { entries } = await store.fetch({})
      for (const one of entries) expect(one.key).not.toMatch(/[\ud800-\udfff]/u)
    }
    await raw.close()
  })

  test('BAD_VALUE: a member called __proto__, which decoders would rename', async () => {
    const value: unknown = JSON.parse('{"deep":[{"__proto__":{"isAdmin":true}}]}')
    expect(await codeOf(witness.commit([put('a', value)]))).toBe('BAD_VALUE')

    const raw = await Raw.welcomed(server.url)
    const member = [0x81, ...packed({ of: '__proto__' }), 0x01]
    const bad = [0x96, Kind.commit, 0, 0x91, 0x92, 0xa1, 0x61, ...member, 0xc0, 0xc0, 0xc0]
    const good = [...packed({ of: [Kind.commit, 1, [['__proto__', { __proto_: 2 }]], null, null, null] })]
    raw.socket.send(packed(0x92, ...bad, ...good))
    const [, , error] = await raw.first(Kind.failed, 0)
    expect(error).toMatchObject({ code: 'BAD_VALUE', applied: 'no' })
    // What stands beside it is not taken for the same.
    await raw.first(Kind.committed, 1)
    expect((await store.fetch({})).entries).toMatchObject([{ key: '__proto__', value: { __proto_: 2 } }])
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined()
    await raw.close()
  })

  test('BAD_VALUE, BAD_QUERY: what a store refuses, and what is too deep for one', async () => {
    let value: unknown = 0
    for (let i = 0; i < 66; i++) value = [value]
    const raw = await Raw.welcomed(server.url)
    raw.send(
      [Kind.commit, 0, [['a', value]], null, null, null],
      [Kind.commit, 1, [['a', NaN]], null, null, null],
      [Kind.commit, 2, [[7, 1]], null, null, null],
      [Kind.fetch, 3, { limit: -1 }, null, null, null, null],
      [Kind.fetch, 4, { gt: 'a', gte: 'b' }, null, null, null, null],
      [Kind.fetch, 5, { where: 'x' }, null, null, null, null],
      [Kind.fetch, 6, Array.from({ length: 65 }, () => 'a'), null, null, null, null],
      [Kind.fetch, 7, {}, null, null, 'soon', null],
      [Kind.watch, 8, { limit: 0.5 }, null],
    )
    const codes = await Promise.all([0, 1, 2, 3, 4, 5, 6].map(async (id) => (await raw.first(Kind.failed, id))[2].code))
    expect(codes).toEqual(['BAD_VALUE', 'BAD_VALUE', 'BAD_KEY', 'BAD_QUERY', 'BAD_QUERY', 'BAD_QUERY', 'BAD_QUERY'])
    expect((await raw.first(Kind.ended, 8))[2].code).toBe('BAD_QUERY')
    await raw.close()
  })

  test('TOO_LARGE: what does not fit into a frame is refused before it is sent; what does comes back', async () => {
    expect(await codeOf(witness.commit([put('a', 'x'.repeat(2 ** 20))]))).toBe('TOO_LARGE')
    const value = 'x'.repeat(2 ** 20 - 200)
    const feed = witness.watch('a')
    await feed.take()
    const min = await witness.commit([put('a', value)])
    expect((await witness.fetch('a')).entries[0]?.value === value).toBe(true)
    expect((await feed.take(min))?.changes.map((change) => change.value === value)).toEqual([true])
    const { changes } = await witness.changes('a', { since: { [witness.sources[0] ?? '']: 0 } })
    expect(changes.map((change) => change.value === value)).toEqual([true])
    await feed.close()
  })

  test('TOO_LARGE: what was committed beside the wire, and does not fit into a frame, is told with that', async () => {
    await store.commit([put('small', 1), put('large', 'x'.repeat(2 ** 20))])
    expect(await codeOf(witness.fetch({}))).toBe('TOO_LARGE')
    expect(await codeOf(Promise.resolve(witness.watch({}).take()))).toBe('TOO_LARGE')
    expect((await witness.fetch('small')).entries[0]?.value).toBe(1)
  })

  test('frames of the server are no longer than the limit, however small that is', async () => {
    const small = await serve(store, { limits: { frameBytes: 2_000 } })
    await store.commit(Array.from({ length: 500 }, (_, i) => put(`a${i}`, 'x'.repeat(i))))
    const raw = await Raw.welcomed(small.url)
    let longest = 0
    raw.socket.on('message', (data: Buffer) => (longest = Math.max(longest, data.length)))
    raw.send([Kind.fetch, 0, {}, null, null, null, null], [Kind.watch, 1, {}, null])
    await raw.first(Kind.answer, 0)
    await raw.first(Kind.step)
    expect(longest).toBeGreaterThan(1_000)
    expect(longest).toBeLessThanOrEqual(2_000)
    const entries = raw.said.flatMap((one) => (one[0] === Kind.part && one[1] === 0 ? one[2] : []))
    expect(entries).toHaveLength(500)
    await raw.close()
    await small.close()
  })
})
