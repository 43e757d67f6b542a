import { del, get, key, put } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type JsonStore, type JsonStoreOptions, openJsonStore } from './index.ts'
import { failing, held, saveByRenaming, stateOf, until, versionOf } from './testing/real-file.ts'

/** A path in a folder of its own, with this text in the file where there is one. */
function fileOf(text?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fanlight-json-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'file.json')
  if (text !== undefined) writeFileSync(path, text)
  return path
}

async function opened(path: string, options: JsonStoreOptions = {}): Promise<JsonStore> {
  const store = await openJsonStore(path, { settleMs: 20, pollMs: 50, ...options })
  onTestFinished(() => store.close())
  return store
}

describe('opening', () => {
  test('a file that is missing is empty, and made by the first commit, readable by its owner alone', async () => {
    const path = fileOf()
    const store = await opened(path)
    expect(await held(store)).toEqual({})
    expect(readdirSync(dirname(path))).toEqual([])
    await store.commit([put('b', 1), put('a', { c: [] })])
    expect(readFileSync(path, 'utf8')).toBe('{\n  "a": {\n    "c": []\n  },\n  "b": 1\n}\n')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(dirname(path))).toEqual(['file.json'])
  })

  test('create: false, or no folder, is UNAVAILABLE', async () => {
    const path = fileOf()
    expect(await failing(openJsonStore(path, { create: false }))).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await failing(openJsonStore(join(path, 'no', 'folder.json')))).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await failing(openJsonStore(dirname(path)))).toMatchObject({ code: 'UNAVAILABLE' })
  })

  test.each([
    ['{"a": 1,\n "b": }', 'CORRUPT', 'line 2, column 7'],
    ['', 'CORRUPT', 'it is empty'],
    [' \n', 'CORRUPT', 'it is empty'],
    ['[1]', 'CORRUPT', 'root'],
    ['{"a": {"__proto__": 1}}', 'BAD_VALUE', '"a"'],
    ['{"a": 1e999}', 'BAD_VALUE', '"a"'],
    ['{"a": "\\ud800"}', 'BAD_VALUE', '"a"'],
    ['{"\\ud800": 1}', 'BAD_KEY', 'surrogate'],
    [`{"a": ${'['.repeat(65)}${']'.repeat(65)}}`, 'BAD_VALUE', '"a"'],
  ])('%j is refused, and stays as it is', async (text, code, where) => {
    const path = fileOf(text)
    const error = await failing(openJsonStore(path))
    expect(error).toMatchObject({ code, message: expect.stringContaining(where) as unknown })
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  test('what is no UTF-8 is CORRUPT; what is too large, TOO_LARGE; a depth that is none, BAD_QUERY', async () => {
    const path = fileOf()
    writeFileSync(path, Uint8Array.of(0x7b, 0xff, 0x7d))
    expect(await failing(openJsonStore(path))).toMatchObject({ code: 'CORRUPT' })
    writeFileSync(path, `{"a": "${'x'.repeat(100)}"}`)
    expect(await failing(openJsonStore(path, { bytesMax: 100 }))).toMatchObject({ code: 'TOO_LARGE' })
    for (const depth of [0, 1.5, 17])
      expect(await failing(openJsonStore(path, { depth }))).toMatchObject({ code: 'BAD_QUERY' })
  })

  test('numbers that were rounded are shown so, or refused', async () => {
    const path = fileOf('{"id": 9007199254740993, "text": "9007199254740993", "minus": -0}')
    expect(await held(await opened(path))).toEqual({ id: 9007199254740992, text: '9007199254740993', minus: 0 })
    expect(await failing(openJsonStore(path, { rounding: 'refuse' }))).toMatchObject({
      code: 'BAD_VALUE',
      message: expect.stringContaining('9007199254740993 is more exact') as unknown,
    })
  })

  test('what a killed process left behind goes, when it is old; what another one is writing stays', async () => {
    const path = fileOf('{}')
    const [old, fresh] = ['a', 'b'].map((letter) => join(dirname(path), `.fanlight-${letter.repeat(16)}.tmp`))
    for (const left of [old, fresh]) writeFileSync(left ?? '', '{')
    const later = { now: () => Date.now() + 61_000, after: () => () => undefined }
    await (await openJsonStore(path)).close()
    expect(readdirSync(dirname(path))).toHaveLength(3)
    await (await openJsonStore(path, { clock: later })).close()
    expect(readdirSync(dirname(path))).toEqual(['file.json'])
  })
})

describe('what is committed is written', () => {
  test('its own writes are not read back as changes of others', async () => {
    const path = fileOf('{"a": 0}')
    const store = await opened(path)
    for (let n = 1; n <= 20; n++) await store.commit([put('a', n)])
    await breathe(150)
    expect(versionOf(store)).toBe(20)
    expect(stateOf(store).status).toBe('live')
  })

  test('commits that wait share one write', async () => {
    const path = fileOf()
    const store = await opened(path)
    const inodes = new Set<number>()
    const commits = Array.from({ length: 500 }, async (_, n) => {
      const versions = await store.commit([put(`key ${n}`, n)])
      inodes.add(statSync(path).ino)
      return Object.values(versions)[0]
    })
    expect(await Promise.all(commits)).toEqual(Array.from({ length: 500 }, (_, n) => n + 1))
    expect(inodes.size).toBeLessThan(5)
    expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')) as object)).toHaveLength(500)
  })

  test('what JSON cannot carry is BAD_VALUE, and nothing of the commit is written', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path)
    for (const value of [Uint8Array.of(1), -0, [{ b: -0 }], { c: [Uint8Array.of()] }]) {
      const error = await failing(store.commit([put('a', 2), put('b', value)]))
      expect(error).toMatchObject({ code: 'BAD_VALUE', applied: 'no', keys: ['b'] })
    }
    expect(readFileSync(path, 'utf8')).toBe('{"a": 1}')
    expect(versionOf(store)).toBe(0)
  })

  test('a file that would be too large is TOO_LARGE; the commits beside it are written', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path, { bytesMax: 200 })
    const [first, second, third] = await Promise.allSettled([
      store.commit([put('b', 2)]),
      store.commit([put('c', 'x'.repeat(300))]),
      store.commit([put('d', 3)]),
    ])
    expect([first?.status, third?.status]).toEqual(['fulfilled', 'fulfilled'])
    expect(second).toMatchObject({ reason: { code: 'TOO_LARGE', applied: 'no' } })
    expect(await held(store)).toEqual({ a: 1, b: 2, d: 3 })
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 1, b: 2, d: 3 })
    expect(await failing(store.commit([put('e', 'x'.repeat(300))]))).toMatchObject({ code: 'TOO_LARGE' })
  })

  test('keys of a depth are checked', async () => {
    const path = fileOf('{"users": {"ann": 1}, "version": 3}')
    const store = await opened(path, { depth: 2 })
    for (const [name, value, code] of [
      ['', 1, 'BAD_KEY'],
      [key('a', 'b', 'c'), 1, 'BAD_KEY'],
      [key('a', 1), 1, 'BAD_KEY'],
      ['not/made/by key', 1, 'BAD_KEY'],
      [key('users'), 1, 'BAD_KEY'],
      [key('version', 'x'), 1, 'BAD_KEY'],
      [key('other'), {}, 'BAD_VALUE'],
    ] as const) {
      expect(await failing(store.commit([put(name, value)]))).toMatchObject({ code, applied: 'no' })
    }
    await store.commit([put(key('users', 'bob'), { x: 1 }), put(key('other'), [1]), del(key('version'))])
    expect(readFileSync(path, 'utf8')).toBe('{"users": {"ann": 1, "bob": {"x":1}}, "other": [1]}')
    expect(await held(store)).toEqual({
      [key('users', 'ann')]: 1,
      [key('users', 'bob')]: { x: 1 },
      [key('other')]: [1],
    })
  })

  test('a file keeps its mode, and a link leads on', async () => {
    const path = fileOf('{"a": 1}')
    chmodSync(path, 0o640)
    const link = join(dirname(path), 'link.json')
    const farLink = join(dirname(path), 'far', 'link.json')
    mkdirSync(dirname(farLink))
    symlinkSync('file.json', link)
    symlinkSync('../link.json', farLink)
    const store = await opened(farLink)
    await store.commit([put('a', 2)])
    expect(readFileSync(path, 'utf8')).toBe('{"a": 2}')
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect([link, farLink].map((one) => lstatSync(one).isSymbolicLink())).toEqual([true, true])
    saveByRenaming(path, '{"a": 3}')
    await until(async () => (await get(store, 'a')) === 3, 'a change of the target')
    writeFileSync(join(dirname(path), 'other.json'), '{"a": 4}')
    unlinkSync(link)
    symlinkSync('other.json', link)
    await until(async () => (await get(store, 'a')) === 4, 'another target')
    await store.commit([put('a', 5)])
    expect(readFileSync(join(dirname(path), 'other.json'), 'utf8')).toBe('{"a": 5}')
    expect(readFileSync(path, 'utf8')).toBe('{"a": 3}')
  })

  test('a link to a file that is missing leads to where it is made; a circle leads nowhere', async () => {
    const path = fileOf()
    const link = join(dirname(path), 'link.json')
    symlinkSync('file.json', link)
    const store = await opened(link)
    await store.commit([put('a', 1)])
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 1 })
    const circle = join(dirname(path), 'circle.json')
    symlinkSync('circle.json', circle)
    expect(await failing(openJsonStore(circle))).toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('a file that was deleted is made again by a commit, with all that the store holds', async () => {
    const path = fileOf('{"a": 1}')
    chmodSync(path, 0o640)
    const store = await opened(path)
    unlinkSync(path)
    await store.commit([put('b', 2)])
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 1, b: 2 })
    expect(statSync(path).mode & 0o777).toBe(0o640)
    unlinkSync(path)
    await until(() => stateOf(store).status === 'stale', 'stale')
    await store.commit([put('b', 3)])
    expect(stateOf(store).status).toBe('live')
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 1, b: 3 })
  })

  test('with create: false a commit to a deleted file is UNAVAILABLE', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path, { create: false, patienceMs: 60 })
    unlinkSync(path)
    expect(await failing(store.commit([put('b', 2)]))).toMatchObject({ code: 'UNAVAILABLE', applied: 'no' })
    expect(readdirSync(dirname(path))).toEqual([])
  })
})

test.each<[string, object]>([
  ['settleMs', { settleMs: Number.NaN }],
  ['pollMs', { pollMs: -1 }],
  ['rounding', { rounding: 'x' }],
  ['bytesMax', { bytesMax: -1 }],
  ['limits.waits', { limits: { waits: -1 } }],
  ['history.bytes', { history: { bytes: Number.NaN } }],
])('section 8: %s out of its range is BAD_QUERY: %j', async (name, options) => {
  const error = { code: 'BAD_QUERY', message: expect.stringContaining(name) as unknown }
  await expect(openJsonStore('never.json', options)).rejects.toMatchObject(error)
})
