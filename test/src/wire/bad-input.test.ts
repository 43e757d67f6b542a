import { connect as connectTcp } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createMemoryStore, type ErrorCode, FanlightError, type MemoryStore, prefixed, put } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import { connect, type Remote } from '@fanlight/client-browser'
import { CloseCode, Kind, protocolVersion } from '@fanlight/protocol'
import { serve, type ServeOptions, type Server } from '@fanlight/server'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Ending, packed, Raw } from './raw.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let store: MemoryStore
let server: Server
let witness: Remote
let stamp = 0

async function start(options: ServeOptions = {}): Promise<void> {
  store = createMemoryStore({ name: 'served' })
  server = await serve(store, options)
  witness = await connect(server.url)
}

beforeEach(() => start())

/** Whatever happened to the one, the other goes on working over the connection that it has. */
afterEach(async () => {
  const { attempt } = witness.connection
  stamp++
  await witness.commit([put('witness', stamp)])
  expect((await witness.fetch('witness')).entries[0]?.value).toBe(stamp)
  expect(witness.connection).toMatchObject({ status: 'open', attempt })
  await witness.close()
  await server.close()
  await store.close()
})

const hello = [Kind.hello, protocolVersion, null]

/** Sends bytes in place of a hello, and after one: how each connection ends. */
async function endsOf(bytes: Uint8Array | string): Promise<Ending[]> {
  const early = await Raw.silent(server.url)
  early.socket.send(bytes)
  const late = await Raw.welcomed(server.url)
  late.socket.send(bytes)
  return Promise.all([early.ended, late.ended])
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await breathe(1)
}

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | undefined> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof FanlightError ? error.code : undefined
}

describe('frames that cannot be read', () => {
  const deep = new Uint8Array(200_001).fill(0x91)
  deep[200_000] = 0xc0
  const frames: readonly (readonly [what: string, bytes: Uint8Array | string])[] = [
    ['nothing at all', new Uint8Array(0)],
    ['a byte that MessagePack does not use', packed(0xc1)],
    ['text', 'hello'],
    ['text of a frame', JSON.stringify([hello])],
    ['a number in place of messages', packed(0x07)],
    ['messages that are no arrays', packed({ of: [1, 2] })],
    ['a message of no kind', packed({ of: [[]] })],
    ['a message of another kind', packed({ of: [[99, 1]] })],
    ['a message whose kind is text', packed({ of: [['fetch', 1]] })],
    ['what only a server says', packed({ of: [[Kind.step, {}]] })],
    ['bytes behind the end', packed({ of: [] }, 0x00)],
    ['a frame that ends early', packed(0x92, { of: hello })],
    ['arrays, 200,000 deep', deep],
    ['an array of 2^31-1 in 5 bytes', packed(0xdd, 0x7f, 0xff, 0xff, 0xff)],
    ['a map of 2^32-1 in 5 bytes', packed(0xdf, 0xff, 0xff, 0xff, 0xff)],
    ['a text of 2^32-1 bytes in 6', packed(0x91, 0xdb, 0xff, 0xff, 0xff, 0xff)],
    ['an extension', packed(0x91, 0x93, 0x00, 0x01, 0xd4, 0x01, 0x00)],
    ['a date', packed(0x91, 0x93, 0x00, 0x01, 0xd6, 0xff, 0, 0, 0, 0)],
    ['a record of msgpackr', packed(0x91, 0xd4, 0x72, 0x40, { of: ['a'] }, 0x01)],
    ['a fetch with an id that is no whole number', packed({ of: [[Kind.fetch, 0.5, {}, null, null, null, null]] })],
    ['a fetch with a negative id', packed({ of: [[Kind.fetch, -1, {}, null, null, null, null]] })],
    ['a fetch without an end of patience that is a time', packed({ of: [[Kind.fetch, 1, {}, null, null, null, -1]] })],
    ['a fetch with too much', packed({ of: [[Kind.fetch, 1, {}, null, null, null, null, null]] })],
    ['a commit of what is no list', packed({ of: [[Kind.commit, 1, 'a', null, null, null]] })],
  ]

  test.each(frames)('BAD_FRAME: %s ends the connection with 4400, and no other', async (_, bytes) => {
    for (const { code, reason } of await endsOf(bytes)) {
      expect(code).toBe(CloseCode.badFrame)
      expect(reason).not.toBe('')
    }
  })

  test('a frame that is too large ends the connection with 1009', async () => {
    for (const { code } of await endsOf(new Uint8Array(2 ** 20 + 1))) expect(code).toBe(1009)
  })

  test('fragments without end, full and empty, end the connection', async () => {
    for (const size of [0, 1, 2 ** 14]) {
      const raw = await Raw.welcomed(server.url)
      const fragment = new Uint8Array(size)
      while (raw.socket.readyState === WebSocket.OPEN) {
        for (let i = 0; i < 500; i++) raw.socket.send(fragment, { fin: false })
        await breathe()
      }
      expect([1006, 1008, 1009]).toContain((await raw.ended).code)
    }
  })

  test('frames of chance end in a welcome or with 4400; the server lives, and keeps nothing of them', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      // A frame that begins as one should.
      fc
        .tuple(fc.constantFrom(...Object.values(Kind)), fc.uint8Array({ maxLength: 40 }))
        .map(([kind, rest]) => Uint8Array.from([0x91, 0x90 + 1 + (rest.length % 7), kind, ...rest])),
    )
    let frames = 0
    let refused = 0
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), async (frame, isEarly) => {
        frames++
        const raw = isEarly ? await Raw.silent(server.url) : await Raw.welcomed(server.url)
        raw.socket.send(frame)
        // What is well formed by chance is followed by what is not.
        raw.socket.send('text')
        const { code } = await raw.ended
        expect([CloseCode.badFrame, CloseCode.version]).toContain(code)
        refused++
      }),
      { numRuns: 500 },
    )
    expect([frames, refused]).toEqual([500, 500])
    await until(() => server.connections === 1)
  })

  test('L8: a thousand connections that end badly leave nothing behind', async () => {
    const storm = async (count: number): Promise<number> => {
      for (let i = 0; i < count; i += 50) {
        const raws = await Promise.all(Array.from({ length: 50 }, () => Raw.silent(server.url)))
        for (const { socket } of raws) socket.send(new Uint8Array(50_000).fill(0xc1))
        await Promise.all(raws.map(({ ended }) => ended))
      }
      await until(() => server.connections === 1)
      collect()
      return process.memoryUsage().heapUsed
    }
    const before = await storm(200)
    const after = await storm(1_000)
    // 50 MB were sent meanwhile.
    expect(after - before).toBeLessThan(5 * 2 ** 20)
  })
})

describe('the order of messages', () => {
  test.each([protocolVersion + 1, 0, 2 ** 40])(
    'another version of the protocol (%i) ends it with 4426',
    async (version) => {
      const raw = await Raw.silent(server.url)
      raw.send([Kind.hello, version, null])
      const { code, reason } = await raw.ended
      expect(code).toBe(CloseCode.version)
      expect(reason).toContain(`version ${protocolVersion}`)
    },
  )

  test('nothing is asked before the welcome', async () => {
    const raw = await Raw.silent(server.url)
    raw.send([Kind.fetch, 0, {}, null, null, null, null])
    expect((await raw.ended).code).toBe(CloseCode.badFrame)
  })

  test('a second hello ends it with 4400', async () => {
    const raw = await Raw.welcomed(server.url)
    raw.send(hello)
    expect(await raw.ended).toMatchObject({ code: CloseCode.badFrame, reason: expect.stringContaining('hello') })
  })

  test('an id that is in use ends it with 4400: of requests and of queries', async () => {
    const waiting = [Kind.fetch, 3, {}, { [store.sources[0] ?? '']: 1_000_000 }, null, 'wait', 20_000]
    const watch = [Kind.watch, 3, {}, null]
    for (const message of [waiting, watch]) {
      const raw = await Raw.welcomed(server.url)
      raw.send(message, message)
      expect(await raw.ended).toMatchObject({ code: CloseCode.badFrame, reason: expect.stringContaining('id 3') })
    }
    // An answered one is free again.
    const raw = await Raw.welcomed(server.url)
    raw.send([Kind.fetch, 3, {}, null, null, null, null])
    await raw.first(Kind.answer, 3)
    raw.said.length = 0
    raw.send([Kind.fetch, 3, {}, null, null, null, null])
    await raw.first(Kind.answer, 3)
    await raw.close()
  })

  test('to end what is not there is no mistake', async () => {
    const raw = await Raw.welcomed(server.url)
    raw.send([Kind.cancel, 7], [Kind.unwatch, 7], [Kind.fetch, 8, {}, null, null, null, null])
    await raw.first(Kind.answer, 8)
    await raw.close()
  })

  test('who does not say hello in time is let go with 4408', async () => {
    const impatient = await serve(store, { limits: { handshakeMs: 20 } })
    const raw = await Raw.silent(impatient.url)
    expect((await raw.ended).code).toBe(CloseCode.timeout)
    await impatient.close()
  })

  test('who gives no sign of life is let go', async () => {
    const impatient = await serve(store, { limits: { idleMs: 40, beatMs: 10 } })
    const raw = await Raw.silent(impatient.url, { autoPong: false })
    raw.send(hello)
    expect((await raw.ended).code).toBe(1006)
    // Whoever answers pings is there, though it says nothing.
    const quiet = await Raw.welcomed(impatient.url)
    await until(() => quiet.said.filter(([kind]) => kind === Kind.beat).length > 10)
    expect(quiet.socket.readyState).toBe(WebSocket.OPEN)
    await quiet.close()
    await impatient.close()
  })

  test('TOO_MANY: there is room for so many connections', async () => {
    const small = await serve(store, { limits: { connections: 2 } })
    const raws = [await Raw.welcomed(small.url), await Raw.welcomed(small.url)]
    const third = await Raw.silent(small.url)
    expect((await third.ended).code).toBe(CloseCode.tooMany)
    await raws[0]?.close()
    await until(() => small.connections === 1)
    await (await Raw.welcomed(small.url)).close()
    await small.close()
  })

  test('L8: who asks and asks, and reads nothing, is let go', async () => {
    await store.commit([put('large', 'x'.repeat(100_000))])
    const limits = { bufferedBytes: 2 ** 16, frameBytes: 2 ** 17, requests: 10 }
    const small = await serve(store, { limits })
    const raw = await Raw.welcomed(small.url)
    raw.socket.pause()
    let id = 0
    while (small.connections > 0) {
      raw.send(...Array.from({ length: 500 }, () => [Kind.fetch, id++, 'large', null, null, null, null]))
      await breathe()
    }
    raw.socket.resume()
    expect([CloseCode.tooMany, 1006]).toContain((await raw.ended).code)
    expect(id).toBeGreaterThan(1_000)
    await small.close()
  })
})

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

describe('who may connect', () => {
  /** Sends an upgrade by hand: the first line of the answer. */
  function upgrade(path: string, headers: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connectTcp(server.port, '127.0.0.1')
      const lines = [
        `GET ${path} HTTP/1.1`,
        `Host: 127.0.0.1:${server.port}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ...headers,
      ]
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('closed without a word')))
      socket.on('data', (data) => {
        resolve(data.toString().split('\r\n')[0] ?? '')
        socket.destroy()
      })
      socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    })
  }

  test('a page of another origin is refused in the upgrade, with 403', async () => {
    const foreign = ['https://evil.example', 'null', 'http://127.0.0.1', 'about:blank', '', '://']
    for (const origin of foreign) expect(await upgrade('/', [`Origin: ${origin}`])).toContain(' 403 ')
    expect(await upgrade('/', [`Origin: http://127.0.0.1:${server.port}`])).toContain(' 101 ')
    expect(await upgrade('/', [])).toContain(' 101 ')
  })

  test('listed origins may connect, and no others', async () => {
    const own = server
    server = await serve(store, { origins: ['https://app.example'] })
    expect(await upgrade('/', ['Origin: https://app.example'])).toContain(' 101 ')
    for (const origin of ['https://app.example.evil', 'http://app.example', `http://127.0.0.1:${server.port}`]) {
      expect(await upgrade('/', [`Origin: ${origin}`])).toContain(' 403 ')
    }
    await server.close()
    server = own
  })

  test('a path that is none is no more than not found', async () => {
    for (const path of ['//', '/elsewhere', 'http://:x', '*', '/%', '\\\\']) {
      expect(await upgrade(path, [])).toMatch(/ 40[04] /)
    }
    expect(await upgrade('/?token=none', [])).toContain(' 101 ')
  })

  test('requests that are no upgrade are told so', async () => {
    const response = await fetch(server.url.replace('ws:', 'http:'))
    expect(response.status).toBe(426)
  })

  test('UNAVAILABLE: a port that is taken', async () => {
    expect(await codeOf(serve(store, { port: server.port }))).toBe('UNAVAILABLE')
  })

  test('AUTH_NEEDED: static credentials are not tried again, a function is asked anew', async () => {
    let admitted = 0
    const guarded = await serve(store, {
      authenticate: (credentials) => {
        admitted++
        if (credentials !== 'open sesame') throw new FanlightError('AUTH_NEEDED', 'say the word')
        return undefined
      },
    })
    expect(await codeOf(connect(guarded.url))).toBe('AUTH_NEEDED')
    expect(await codeOf(connect(guarded.url, { credentials: 'sesame' }))).toBe('AUTH_NEEDED')
    expect(admitted).toBe(2)
    const raw = await Raw.silent(guarded.url)
    raw.send([Kind.hello, protocolVersion, new Uint8Array([1, 2])])
    expect(await raw.ended).toEqual({ code: CloseCode.authNeeded, reason: 'say the word' })

    const words = ['wrong', 'wrong again', 'open sesame']
    const credentials = (): Promise<string> => Promise.resolve(words.shift() ?? '')
    const remote = await connect(guarded.url, { credentials, retryMs: 1 })
    expect([words, admitted]).toEqual([[], 6])
    await remote.close()
    await guarded.close()
  })

  test('FORBIDDEN ends it for good, also for a function', async () => {
    let asked = 0
    const guarded = await serve(store, {
      authenticate: () => Promise.reject(new FanlightError('FORBIDDEN', 'not you')),
    })
    const credentials = (): string => `${asked++}`
    expect(await codeOf(connect(guarded.url, { credentials, retryMs: 1 }))).toBe('FORBIDDEN')
    expect(asked).toBe(1)
    const raw = await Raw.silent(guarded.url)
    raw.send(hello)
    expect(await raw.ended).toEqual({ code: CloseCode.forbidden, reason: 'not you' })
    await guarded.close()
  })

  test('what goes wrong in authenticate is not told to strangers', async () => {
    const broken = await serve(store, {
      authenticate: () => Promise.reject(new Error('the password of the database is 1234')),
    })
    const raw = await Raw.silent(broken.url)
    raw.send(hello)
    const { code, reason } = await raw.ended
    expect(code).toBe(CloseCode.goingAway)
    expect(reason).not.toContain('1234')
    await broken.close()
  })

  test('each sees the store that its credentials give: no other key is read, written or followed', async () => {
    await store.commit([put('ann/x', 1), put('bob/x', 2), put('ann', 3), put('ann0', 4)])
    const homes = await serve(store, { authenticate: (who) => prefixed(store, `${String(who)}/`) })
    const [ann, bob] = [
      await connect(homes.url, { credentials: 'ann' }),
      await connect(homes.url, { credentials: 'bob' }),
    ]
    const feed = ann.watch({})
    const { entries } = await ann.fetch({})
    expect(entries.map(({ key, value }) => [key, value])).toEqual([['x', 1]])
    await feed.take()
    await bob.commit([put('y', 5), put('../ann/x', 6)])
    const min = await ann.commit([put('z', 7)])
    const update = await feed.take(min)
    expect(update?.changes.map(({ key }) => key)).toEqual(['z'])
    expect((await store.fetch({})).entries.map(({ key }) => key)).toEqual([
      'ann',
      'ann/x',
      'ann/z',
      'ann0',
      'bob/../ann/x',
      'bob/x',
      'bob/y',
    ])
    await ann.close()
    await bob.close()
    await homes.close()
  })
})
