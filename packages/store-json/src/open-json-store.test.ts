import { type FanlightError, type Update, del, get, isFanlightError, key, put } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import {
  chmodSync, closeSync, ftruncateSync, lstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, renameSync, rmSync,
  statSync, symlinkSync, unlinkSync, utimesSync, writeFileSync, writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type JsonStore, type JsonStoreOptions, openJsonStore } from './index.ts'

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

function stateOf(store: JsonStore): { status: string | undefined; code: string | undefined; why: string } {
  const state = Object.values(store.state)[0]
  return { status: state?.status, code: state?.why?.code, why: state?.why?.message ?? '' }
}

/** What the store holds. */
async function held(store: JsonStore): Promise<Record<string, unknown>> {
  const { entries } = await store.fetch({})
  return Object.fromEntries(entries.map(({ key: name, value }) => [name, value]))
}

function versionOf(store: JsonStore): number {
  return Object.values(store.reached)[0] ?? -1
}

async function until(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 1_000; i++) {
    if (await done()) return
    await breathe(5)
  }
  throw new Error(`${what} did not happen`)
}

async function failing(work: Promise<unknown>): Promise<FanlightError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isFanlightError(error)) throw new Error(`expected an error, not ${String(error)}`)
  return error
}

/** Saves as many programs do: a new file takes the place of the old one. */
function saveByRenaming(path: string, text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

describe('opening', () => {
  test('a file that is missing is empty, and made by the first commit, readable by its owner alone', async () => {
    const path = fileOf()
    const store = await opened(path)
    expect(await held(store)).toEqual({})
    expect(readdirSync(dirname(path))).toEqual([])
    await store.commit?.([put('b', 1), put('a', { c: [] })])
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
    ['', 'CORRUPT', 'line 1, column 1'],
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
    for (const depth of [0, 1.5, 17]) expect(await failing(openJsonStore(path, { depth }))).toMatchObject({ code: 'BAD_QUERY' })
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

describe('what others write is taken in', () => {
  test('by renaming, in place, through a backup, and as vim does', async () => {
    const path = fileOf('{"a": 0}')
    const store = await opened(path)
    const seen = async (a: number): Promise<void> => until(async () => (await get(store, 'a')) === a, `a is ${a}`)
    saveByRenaming(path, '{"a": 1}')
    await seen(1)
    writeFileSync(path, '{"a": 2}')
    await seen(2)
    // The old file becomes the backup, and a new one is made.
    renameSync(path, `${path}~`)
    writeFileSync(path, '{"a": 3}')
    await seen(3)
    // vim: tries whether it can write at 4913, moves the old file away, writes a new one, and deletes both.
    const probe = join(dirname(path), '4913')
    writeFileSync(probe, '')
    unlinkSync(probe)
    renameSync(path, `${path}~`)
    const fd = openSync(path, 'w', 0o644)
    writeSync(fd, '{"a"')
    await breathe(5)
    writeSync(fd, ': 4}\n')
    closeSync(fd)
    unlinkSync(`${path}~`)
    await seen(4)
    expect(stateOf(store).status).toBe('live')
  })

  test('as one commit: only what differs, the layout aside', async () => {
    const path = fileOf('{"a": 1, "b": {"c": [1, 2]}, "d": 4}')
    const store = await opened(path)
    const feed = store.watch({})
    await feed.take()
    const before = versionOf(store)
    saveByRenaming(path, '{ "b": {"c":[1,2.0]},\n "e": 5, "a": 2 }')
    await until(() => versionOf(store) > before, 'a new version')
    const update = (await feed.take()) as Update
    expect(update.changes).toEqual([put('a', 2), del('d'), put('e', 5)])
    expect(update.folded).toBe(1)
    expect(versionOf(store)).toBe(before + 1)
  })

  test('a burst settles into one commit', async () => {
    const path = fileOf('{"n": 0}')
    const store = await opened(path, { settleMs: 100 })
    for (let n = 1; n <= 10; n++) {
      saveByRenaming(path, `{"n": ${n}}`)
      await breathe(5)
    }
    await until(async () => (await get(store, 'n')) === 10, 'the end of the burst')
    await breathe(150)
    expect(versionOf(store)).toBe(1)
  })

  test('a burst that does not end is seen nevertheless', async () => {
    const path = fileOf('{"n": 0}')
    const store = await opened(path, { settleMs: 20 })
    const endMs = Date.now() + 1_000
    for (let n = 1; Date.now() < endMs && versionOf(store) < 2; n++) {
      saveByRenaming(path, `{"n": ${n}}`)
      await breathe(5)
    }
    expect(versionOf(store)).toBeGreaterThanOrEqual(2)
  })

  test('broken content keeps the last good state, and is live again when it is good', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path)
    const before = store.reached
    for (const [text, code] of [['{"a": 2', 'CORRUPT'], ['', 'CORRUPT'], ['[]', 'CORRUPT'], ['{"a": {"__proto__": 2}}', 'BAD_VALUE'], ['{"\\ud800": 1}', 'BAD_KEY']] as const) {
      writeFileSync(path, text)
      await until(() => stateOf(store).code === code, `${code} for ${text}`)
      expect(stateOf(store).status).toBe('stale')
      expect(stateOf(store).why).toContain(path)
      expect(await held(store)).toEqual({ a: 1 })
      expect(store.reached).toBe(before)
      writeFileSync(path, '{"a": 1}')
      await until(() => stateOf(store).status === 'live', 'live again')
      expect(store.reached).toBe(before)
    }
    writeFileSync(path, '{"a": 2')
    await until(() => stateOf(store).status === 'stale', 'stale')
    writeFileSync(path, '{"a": 2}')
    await until(() => stateOf(store).status === 'live', 'live again')
    expect(await held(store)).toEqual({ a: 2 })
  })

  test('feeds hear of the state', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path)
    const feed = store.watch({})
    await feed.take()
    let rings = 0
    feed.wake(() => rings++)
    writeFileSync(path, '{')
    await until(() => rings === 1, 'a ring')
    expect(Object.values(feed.state)[0]?.status).toBe('stale')
  })

  test('a file that is deleted leaves the state; when it is there again it is taken in', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path)
    unlinkSync(path)
    await until(() => stateOf(store).status === 'stale', 'stale')
    expect(stateOf(store).code).toBe('UNAVAILABLE')
    expect(await held(store)).toEqual({ a: 1 })
    writeFileSync(path, '{"b": 2}')
    await until(() => stateOf(store).status === 'live', 'live again')
    expect(await held(store)).toEqual({ b: 2 })
  })

  test('so it is with the folder, also under another name', async () => {
    const path = fileOf()
    const folder = join(dirname(path), 'folder')
    const inside = join(folder, 'file.json')
    mkdirSync(folder)
    writeFileSync(inside, '{"a": 1}')
    const store = await opened(inside)
    rmSync(folder, { recursive: true })
    await until(() => stateOf(store).status === 'stale', 'stale')
    mkdirSync(folder)
    writeFileSync(inside, '{"a": 2}')
    await until(async () => (await get(store, 'a')) === 2, 'the new folder')
    renameSync(folder, `${folder}-away`)
    mkdirSync(folder)
    writeFileSync(inside, '{"a": 3}')
    await until(async () => (await get(store, 'a')) === 3, 'the third folder')
    writeFileSync(inside, '{"a": 4}')
    await until(async () => (await get(store, 'a')) === 4, 'a change in the third folder')
    expect(stateOf(store).status).toBe('live')
  })

  test('a file that comes later is taken in', async () => {
    const path = fileOf()
    const store = await opened(path)
    expect(stateOf(store).status).toBe('live')
    writeFileSync(path, '{"a": 1}')
    await until(async () => (await get(store, 'a')) === 1, 'the file')
  })

  test('a file that is touched, or replaced by the same, is no commit', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path)
    utimesSync(path, 1, 1)
    saveByRenaming(path, '{"a": 1}')
    saveByRenaming(path, '{ "a" : 1.0 }')
    await breathe(120)
    expect(versionOf(store)).toBe(0)
    await store.commit?.([put('b', 2)])
    expect(readFileSync(path, 'utf8')).toBe('{ "a" : 1.0, "b" : 2 }')
  })
})

describe('what is committed is written', () => {
  test('its own writes are not read back as changes of others', async () => {
    const path = fileOf('{"a": 0}')
    const store = await opened(path)
    for (let n = 1; n <= 20; n++) await store.commit?.([put('a', n)])
    await breathe(150)
    expect(versionOf(store)).toBe(20)
    expect(stateOf(store).status).toBe('live')
  })

  test('commits that wait share one write', async () => {
    const path = fileOf()
    const store = await opened(path)
    const inodes = new Set<number>()
    const commits = Array.from({ length: 500 }, async (_, n) => {
      const versions = await store.commit?.([put(`key ${n}`, n)])
      inodes.add(statSync(path).ino)
      return Object.values(versions ?? {})[0]
    })
    expect(await Promise.all(commits)).toEqual(Array.from({ length: 500 }, (_, n) => n + 1))
    expect(inodes.size).toBeLessThan(5)
    expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')) as object)).toHaveLength(500)
  })

  test('what JSON cannot carry is BAD_VALUE, and nothing of the commit is written', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path)
    for (const value of [Uint8Array.of(1), -0, [{ b: -0 }], { c: [Uint8Array.of()] }]) {
      const error = await failing(store.commit?.([put('a', 2), put('b', value)]) ?? Promise.resolve())
      expect(error).toMatchObject({ code: 'BAD_VALUE', applied: 'no', keys: ['b'] })
    }
    expect(readFileSync(path, 'utf8')).toBe('{"a": 1}')
    expect(versionOf(store)).toBe(0)
  })

  test('a file that would be too large is TOO_LARGE; the commits beside it are written', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path, { bytesMax: 200 })
    const [first, second, third] = await Promise.allSettled([
      store.commit?.([put('b', 2)]),
      store.commit?.([put('c', 'x'.repeat(300))]),
      store.commit?.([put('d', 3)]),
    ])
    expect([first?.status, third?.status]).toEqual(['fulfilled', 'fulfilled'])
    expect(second).toMatchObject({ reason: { code: 'TOO_LARGE', applied: 'no' } })
    expect(await held(store)).toEqual({ a: 1, b: 2, d: 3 })
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 1, b: 2, d: 3 })
    expect(await failing(store.commit?.([put('e', 'x'.repeat(300))]) ?? Promise.resolve())).toMatchObject({ code: 'TOO_LARGE' })
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
      expect(await failing(store.commit?.([put(name, value)]) ?? Promise.resolve())).toMatchObject({ code, applied: 'no' })
    }
    await store.commit?.([put(key('users', 'bob'), { x: 1 }), put(key('other'), [1]), del(key('version'))])
    expect(readFileSync(path, 'utf8')).toBe('{"users": {"ann": 1, "bob": {"x":1}}, "other": [1]}')
    expect(await held(store)).toEqual({ [key('users', 'ann')]: 1, [key('users', 'bob')]: { x: 1 }, [key('other')]: [1] })
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
    await store.commit?.([put('a', 2)])
    expect(readFileSync(path, 'utf8')).toBe('{"a": 2}')
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect([link, farLink].map((one) => lstatSync(one).isSymbolicLink())).toEqual([true, true])
    saveByRenaming(path, '{"a": 3}')
    await until(async () => (await get(store, 'a')) === 3, 'a change of the target')
    writeFileSync(join(dirname(path), 'other.json'), '{"a": 4}')
    unlinkSync(link)
    symlinkSync('other.json', link)
    await until(async () => (await get(store, 'a')) === 4, 'another target')
    await store.commit?.([put('a', 5)])
    expect(readFileSync(join(dirname(path), 'other.json'), 'utf8')).toBe('{"a": 5}')
    expect(readFileSync(path, 'utf8')).toBe('{"a": 3}')
  })

  test('a link to a file that is missing leads to where it is made; a circle leads nowhere', async () => {
    const path = fileOf()
    const link = join(dirname(path), 'link.json')
    symlinkSync('file.json', link)
    const store = await opened(link)
    await store.commit?.([put('a', 1)])
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
    await store.commit?.([put('b', 2)])
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 1, b: 2 })
    expect(statSync(path).mode & 0o777).toBe(0o640)
    unlinkSync(path)
    await until(() => stateOf(store).status === 'stale', 'stale')
    await store.commit?.([put('b', 3)])
    expect(stateOf(store).status).toBe('live')
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 1, b: 3 })
  })

  test('with create: false a commit to a deleted file is UNAVAILABLE', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path, { create: false, patienceMs: 60 })
    unlinkSync(path)
    expect(await failing(store.commit?.([put('b', 2)]) ?? Promise.resolve())).toMatchObject({ code: 'UNAVAILABLE', applied: 'no' })
    expect(readdirSync(dirname(path))).toEqual([])
  })
})

describe('when others write at the same time', () => {
  test('their change is a commit before ours', async () => {
    const path = fileOf('{"a": 1, "b": 1}')
    const store = await opened(path, { settleMs: 10_000 })
    saveByRenaming(path, '{"a": 2, "b": 1, "c": 3}')
    const versions = await store.commit?.([put('b', 4)])
    expect(Object.values(versions ?? {})).toEqual([2])
    expect(readFileSync(path, 'utf8')).toBe('{"a": 2, "b": 4, "c": 3}')
    const { entries } = await store.fetch({}, { max: { [store.sources[0] ?? '']: 1 } })
    expect(entries.map(({ key: name, value }) => [name, value])).toEqual([['a', 2], ['b', 1], ['c', 3]])
  })

  test('and makes ours a CONFLICT where its basis says so', async () => {
    const path = fileOf('{"a": 1, "b": 1}')
    const store = await opened(path, { settleMs: 10_000 })
    const basis = store.reached
    saveByRenaming(path, '{"a": 2, "b": 1}')
    const error = await failing(store.commit?.([put('a', 3)], { basis }) ?? Promise.resolve())
    expect(error).toMatchObject({ code: 'CONFLICT', keys: ['a'], applied: 'no' })
    await store.commit?.([put('b', 3)], { basis })
    const guarded = store.commit?.([put('c', 3)], { basis, guard: { lte: 'a' } })
    expect(await failing(guarded ?? Promise.resolve())).toMatchObject({ code: 'CONFLICT', keys: ['a'] })
    expect(readFileSync(path, 'utf8')).toBe('{"a": 2, "b": 3}')
  })

  test('half-written content is waited for', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path)
    const fd = openSync(path, 'r+')
    ftruncateSync(fd)
    writeSync(fd, '{"a": 2, ')
    const made = store.commit?.([put('b', 3)])
    await breathe(60)
    writeSync(fd, '"c": 4}')
    closeSync(fd)
    await made
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 2, b: 3, c: 4 })
  })

  test('broken content is not overwritten', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path, { patienceMs: 60 })
    writeFileSync(path, '{"a": 2, oops')
    const error = await failing(store.commit?.([put('b', 3)]) ?? Promise.resolve())
    expect(error).toMatchObject({ code: 'UNAVAILABLE', applied: 'no', cause: { code: 'CORRUPT' } })
    expect(readFileSync(path, 'utf8')).toBe('{"a": 2, oops')
    expect(stateOf(store)).toMatchObject({ status: 'stale', code: 'CORRUPT' })
    writeFileSync(path, '{"a": 2}')
    await store.commit?.([put('b', 3)])
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 2, b: 3 })
  })

  test('two stores of one file see each other', async () => {
    const path = fileOf('{"n": 0}')
    const [one, two] = [await opened(path), await opened(path)]
    const writes = [one, two].flatMap((store, i) =>
      Array.from({ length: 20 }, async (_, n) => {
        await breathe(n * 3)
        await store.commit?.([put(`${i}/${n}`, n)])
      }),
    )
    await Promise.all(writes)
    expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')) as object)).toHaveLength(41)
    await until(async () => Object.keys(await held(one)).length === 41 && Object.keys(await held(two)).length === 41, 'all')
  })
})

test('closing ends the watch: nothing more is taken in', async () => {
  const path = fileOf('{"a": 1}')
  const store = await opened(path)
  const made = store.commit?.([put('a', 2)])
  await store.close()
  await made?.catch((error: unknown) => expect(error).toMatchObject({ code: 'CLOSED', applied: 'no' }))
  saveByRenaming(path, '{"a": 3}')
  await breathe(60)
  expect(versionOf(store)).toBeLessThan(2)
})
