import { type Update, del, get, put } from '@fanlight/core'
import { breathe } from '@fanlight/core/testing'
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
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
    for (const [text, code] of [
      ['{"a": 2', 'CORRUPT'],
      ['', 'CORRUPT'],
      ['[]', 'CORRUPT'],
      ['{"a": {"__proto__": 2}}', 'BAD_VALUE'],
      ['{"\\ud800": 1}', 'BAD_KEY'],
    ] as const) {
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
    await store.commit([put('b', 2)])
    expect(readFileSync(path, 'utf8')).toBe('{ "a" : 1.0, "b" : 2 }')
  })
})

describe('when others write at the same time', () => {
  test('their change is a commit before ours', async () => {
    const path = fileOf('{"a": 1, "b": 1}')
    const store = await opened(path, { settleMs: 10_000 })
    saveByRenaming(path, '{"a": 2, "b": 1, "c": 3}')
    const versions = await store.commit([put('b', 4)])
    expect(Object.values(versions)).toEqual([2])
    expect(readFileSync(path, 'utf8')).toBe('{"a": 2, "b": 4, "c": 3}')
    const { entries } = await store.fetch({}, { max: { [store.sources[0] ?? '']: 1 } })
    expect(entries.map(({ key: name, value }) => [name, value])).toEqual([
      ['a', 2],
      ['b', 1],
      ['c', 3],
    ])
  })

  test('and makes ours a CONFLICT where its basis says so', async () => {
    const path = fileOf('{"a": 1, "b": 1}')
    const store = await opened(path, { settleMs: 10_000 })
    const basis = store.reached
    saveByRenaming(path, '{"a": 2, "b": 1}')
    const error = await failing(store.commit([put('a', 3)], { basis }))
    expect(error).toMatchObject({ code: 'CONFLICT', keys: ['a'], applied: 'no' })
    await store.commit([put('b', 3)], { basis })
    const guarded = store.commit([put('c', 3)], { basis, guard: { lte: 'a' } })
    expect(await failing(guarded)).toMatchObject({ code: 'CONFLICT', keys: ['a'] })
    expect(readFileSync(path, 'utf8')).toBe('{"a": 2, "b": 3}')
  })

  test('half-written content is waited for', async () => {
    const path = fileOf('{"a": 1}')
    const store = await opened(path)
    const fd = openSync(path, 'r+')
    ftruncateSync(fd)
    writeSync(fd, '{"a": 2, ')
    const made = store.commit([put('b', 3)])
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
    const error = await failing(store.commit([put('b', 3)]))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', applied: 'no', cause: { code: 'CORRUPT' } })
    expect((error as Error).message).toContain('line 1, column 10')
    expect(readFileSync(path, 'utf8')).toBe('{"a": 2, oops')
    expect(stateOf(store)).toMatchObject({ status: 'stale', code: 'CORRUPT' })
    writeFileSync(path, '{"a": 2}')
    await store.commit([put('b', 3)])
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ a: 2, b: 3 })
  })

  test('two stores of one file see each other', async () => {
    const path = fileOf('{"n": 0}')
    const [one, two] = [await opened(path), await opened(path)]
    const writes = [one, two].flatMap((store, i) =>
      Array.from({ length: 20 }, async (_, n) => {
        await breathe(n * 3)
        await store.commit([put(`${i}/${n}`, n)])
      }),
    )
    await Promise.all(writes)
    expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')) as object)).toHaveLength(41)
    await until(
      async () => Object.keys(await held(one)).length === 41 && Object.keys(await held(two)).length === 41,
      'all',
    )
  })
})

test('closing ends the watch: nothing more is taken in', async () => {
  const path = fileOf('{"a": 1}')
  const store = await opened(path)
  const made = store.commit([put('a', 2)])
  await store.close()
  await made.catch((error: unknown) => expect(error).toMatchObject({ code: 'CLOSED', applied: 'no' }))
  saveByRenaming(path, '{"a": 3}')
  await breathe(60)
  expect(versionOf(store)).toBeLessThan(2)
})
