import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type MemoryStore, put } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import { CloseCode, Kind, protocolVersion } from '@fanlight/protocol'
import { serve, type Server } from '@fanlight/server'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Ending, packed, Raw } from './raw.ts'
import { closeScene, openScene, type Scene, until } from './scene.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let scene: Scene
let store: MemoryStore
let server: Server

beforeEach(async () => {
  scene = await openScene()
  ;({ store, server } = scene)
})

afterEach(() => closeScene(scene))

const hello = [Kind.hello, protocolVersion, null]

/** Sends bytes in place of a hello, and after one: how each connection ends. */
async function endsOf(bytes: Uint8Array | string): Promise<Ending[]> {
  const early = await Raw.silent(server.url)
  early.socket.send(bytes)
  const late = await Raw.welcomed(server.url)
  late.socket.send(bytes)
  return Promise.all([early.ended, late.ended])
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

  test('the welcome says what the server takes', async () => {
    const small = await serve(store, { limits: { requests: 7, valueDepth: 9 } })
    const raw = await Raw.welcomed(small.url)
    const [, , , limits] = await raw.first(Kind.welcome)
    expect(limits).toEqual({ frameBytes: 2 ** 20, requests: 7, watches: 1_000, valueDepth: 9, beatMs: 20_000 })
    await raw.close()
    await small.close()
  })

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
    // They share their ids: parts say nothing else.
    for (const messages of [
      [waiting, watch],
      [watch, waiting],
    ]) {
      const raw = await Raw.welcomed(server.url)
      raw.send(...messages)
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
    await impatient.close()
    // Whoever answers pings is there, though it says nothing.
    const patient = await serve(store, { limits: { idleMs: 2_000, beatMs: 200 } })
    const quiet = await Raw.welcomed(patient.url)
    await until(() => quiet.said.filter(([kind]) => kind === Kind.beat).length > 12)
    expect(quiet.socket.readyState).toBe(WebSocket.OPEN)
    await quiet.close()
    await patient.close()
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
