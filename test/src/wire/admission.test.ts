import { connect as connectTcp } from 'node:net'
import { FanlightError, type MemoryStore, prefixed, put } from '@fanlight/core'
import { connect } from '@fanlight/client-browser'
import { CloseCode, Kind, protocolVersion } from '@fanlight/protocol'
import { serve, type Server } from '@fanlight/server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Raw } from './raw.ts'
import { closeScene, codeOf, openScene, type Scene } from './scene.ts'

let scene: Scene
let store: MemoryStore
let server: Server

beforeEach(async () => {
  scene = await openScene()
  ;({ store, server } = scene)
})

afterEach(() => closeScene(scene))

const hello = [Kind.hello, protocolVersion, null]

describe('who may connect', () => {
  /** Sends an upgrade by hand: the first line of the answer. */
  function upgrade(path: string, headers: readonly string[], { port }: Server = server): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connectTcp(port, '127.0.0.1')
      const lines = [
        `GET ${path} HTTP/1.1`,
        ...(headers.some((line) => line.startsWith('Host: ')) ? [] : [`Host: 127.0.0.1:${port}`]),
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
    const listed = await serve(store, { origins: ['https://app.example'] })
    expect(await upgrade('/', ['Origin: https://app.example'], listed)).toContain(' 101 ')
    for (const origin of ['https://app.example.evil', 'http://app.example', `http://127.0.0.1:${listed.port}`]) {
      expect(await upgrade('/', [`Origin: ${origin}`], listed)).toContain(' 403 ')
    }
    await listed.close()
  })

  test('a name that was pointed at this machine is foreign, unless it is listed', async () => {
    const from = (name: string, { port }: Server = server): string[] => [
      `Host: ${name}:${port}`,
      `Origin: http://${name}:${port}`,
    ]
    for (const name of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '[::2]']) {
      expect(await upgrade('/', from(name))).toContain(' 403 ')
    }
    for (const name of ['localhost', '127.0.0.1', '[::1]']) expect(await upgrade('/', from(name))).toContain(' 101 ')
    // Programs send no origin, by whatever name they come.
    expect(await upgrade('/', [`Host: evil.example:${server.port}`])).toContain(' 101 ')

    const origins = ['https://app.example']
    const behindProxy = await serve(store, { origins })
    expect(await upgrade('/', ['Host: app.example', 'Origin: https://app.example'], behindProxy)).toContain(' 101 ')
    await behindProxy.close()
    const open = await serve(store, { host: '0.0.0.0' })
    expect(await upgrade('/', from('app.example', open), open)).toContain(' 101 ')
    await open.close()
  })

  test('a path that is none is no more than not found', async () => {
    for (const path of ['//', '/elsewhere', 'http://:x', '*', '/%', '\\\\']) {
      expect(await upgrade(path, [])).toMatch(/ 40[04] /)
    }
    expect(await upgrade('/?token=none', [])).toContain(' 101 ')
  })

  test.each(['nonsense', 'ftp://127.0.0.1', 'ws://127.0.0.1:70000'])(
    'BAD_QUERY at once: %s is no address',
    async (url) => {
      await expect(connect(url, { timeoutMs: Infinity })).rejects.toMatchObject({ code: 'BAD_QUERY' })
    },
  )

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
