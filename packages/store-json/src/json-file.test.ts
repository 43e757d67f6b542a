import { type FanlightError, isFanlightError, put } from '@fanlight/core'
import { manualClock } from '@fanlight/core/testing'
import { describe, expect, test } from 'vitest'
import { type JsonStore, type JsonStoreOptions, openJsonStore } from './index.ts'
import { type MemoryDisk, createMemoryDisk } from './testing/memory-file-system.ts'

const path = '/data/file.json'

/** A disk with a file on it, for certain. */
async function diskWith(text?: string, options: Parameters<typeof createMemoryDisk>[0] = {}): Promise<MemoryDisk> {
  const disk = createMemoryDisk(options)
  disk.makeFolder('/data')
  if (text !== undefined) disk.put(path, text)
  disk.settle()
  return disk
}

async function opened(disk: MemoryDisk, options: JsonStoreOptions = {}): Promise<JsonStore> {
  const store = await openJsonStore(path, { fs: disk.mount(), ...options })
  disk.log.length = 0
  return store
}

async function failing(work: Promise<unknown> | undefined): Promise<FanlightError> {
  const error: unknown = await work?.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!isFanlightError(error)) throw new Error(`expected an error, not ${String(error)}`)
  return error
}

/** What was done, without the looks at it. */
function done(disk: MemoryDisk): string[] {
  return disk.log
    .filter((line) => !/^(stat|readLink|readFile|list|event)/.test(line))
    .map((line) => line.replace(/\.fanlight-\w+\.tmp/, 'new'))
}

describe('a commit', () => {
  test('is on the disk, content before name, before it resolves and before anybody sees it', async () => {
    const disk = await diskWith('{"a": 1}')
    const store = await opened(disk)
    const feed = store.watch({})
    await feed.take()
    let seenAfter = ''
    feed.wake(() => (seenAfter = disk.log.at(-1) ?? ''))
    await store.commit([put('a', 2)])
    expect(done(disk)).toEqual([
      'create /data/new',
      'write /data/new',
      'chmod /data/new',
      'sync /data/new',
      'close /data/new',
      'replace /data/file.json',
      'syncFolder /data',
    ])
    expect(seenAfter).toBe('syncFolder /data')
    disk.cut()
    expect(disk.text(path)).toBe('{"a": 2}')
    expect(disk.names('/data')).toEqual(['file.json'])
  })

  test('takes over the owner of the file, or what group and others may not see is lost with it', async () => {
    const disk = await diskWith('{"a": 1}')
    disk.own(path, { uid: 7, gid: 8, mode: 0o664 })
    const store = await opened(disk)
    await store.commit([put('a', 2)])
    expect(disk.owner(path)).toEqual({ uid: 7, gid: 8, mode: 0o664 })
    disk.failNext('chown', 'EPERM')
    disk.own(path, { uid: 1, gid: 8, mode: 0o664 })
    await store.commit([put('a', 3)])
    expect(disk.owner(path)).toEqual({ uid: 1, gid: 1, mode: 0o644 })
  })

  test.each(['create', 'write', 'chmod', 'sync', 'close', 'replace'] as const)(
    'that fails at %s is not applied, leaves nothing behind, and the next one goes through',
    async (operation) => {
      const disk = await diskWith('{"a": 1}')
      const store = await opened(disk)
      disk.failNext(operation, 'EIO')
      const error = await failing(store.commit([put('a', 2)]))
      expect(error).toMatchObject({ code: 'UNAVAILABLE', applied: 'no', cause: { code: 'EIO' } })
      expect(disk.text(path)).toBe('{"a": 1}')
      expect(disk.names('/data')).toEqual(['file.json'])
      expect(Object.values(store.reached)).toEqual([0])
      await store.commit([put('a', 3)])
      expect(disk.text(path)).toBe('{"a": 3}')
      expect(Object.values(store.state ?? {})[0]?.status).toBe('live')
    },
  )

  test('whose name may not survive has an unknown outcome: it is shown when its name is on the disk, and a retry is not applied', async () => {
    const disk = await diskWith('{"a": 1}')
    const clock = manualClock()
    const store = await opened(disk, { clock })
    const born = store.reached
    const id = { session: 's', number: 1, born }
    disk.failNext('syncFolder', 'EIO')
    disk.failNext('syncFolder', 'EIO')
    const error = await failing(store.commit([put('a', 2)], { id }))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', applied: 'unknown', cause: { code: 'EIO' } })
    await clock.advance(0)
    expect(Object.values(store.state ?? {})[0]).toMatchObject({ status: 'stale', why: { code: 'UNAVAILABLE' } })
    expect((await store.fetch('a')).entries[0]?.value).toBe(1)
    await clock.advance(1_000)
    expect(Object.values(store.state ?? {})[0]).toMatchObject({ status: 'live' })
    expect((await store.fetch('a')).entries[0]?.value).toBe(2)
    disk.put(path, '{"a": 3}')
    expect(await failing(store.commit([put('a', 2)], { id }))).toMatchObject({
      code: 'LOST_IN_FOG',
      applied: 'unknown',
    })
    await store.commit([put('b', 1)], { id: { ...id, number: 2, born: store.reached } })
    expect(disk.text(path)).toBe('{"a": 3, "b": 1}')
  })

  test('meets what others wrote between its look and its renaming', async () => {
    let others: string[] = []
    const disk = await diskWith('{"a": 0}', {
      tickMs: 4,
      pace: (operation, _, phase) => {
        const text = operation === 'replace' && phase === 'begin' ? others.shift() : undefined
        if (text !== undefined) disk.overwrite(path, text)
      },
    })
    const store = await opened(disk)
    // Of the same size and in the same tick of the clock: the stamp of the file does not tell.
    others = ['{"a": 1}', '{"a": 2}']
    await store.commit([put('b', 1)])
    expect(disk.text(path)).toBe('{"a": 2, "b": 1}')
    expect(Object.values(store.reached)).toEqual([3])
  })

  test('gives up where others never leave the file alone', async () => {
    let n = 0
    const disk: MemoryDisk = await diskWith('{"a": 0}', {
      pace: (operation) => operation === 'replace' && disk.put(path, `{"n": ${n++}}`),
    })
    const store = await opened(disk)
    expect(await failing(store.commit([put('b', 1)]))).toMatchObject({ code: 'UNAVAILABLE', applied: 'no' })
    expect(n).toBeGreaterThan(50)
    expect(disk.names('/data')).toEqual(['file.json'])
  })
})

describe('a folder that cannot be watched', () => {
  test('is looked at at intervals', async () => {
    const disk = await diskWith('{"a": 1}')
    const clock = manualClock()
    const fs = disk.mount()
    const blind = {
      ...bound(fs),
      watch: () => {
        throw new Error('ENOSPC')
      },
    }
    const store = await openJsonStore(path, { fs: blind, clock, pollMs: 500 })
    disk.put(path, '{"a": 2}')
    await clock.advance(499)
    expect((await store.fetch('a')).entries[0]?.value).toBe(1)
    await clock.advance(1)
    expect((await store.fetch('a')).entries[0]?.value).toBe(2)
    disk.put(path, '{"a": 3}')
    await clock.advance(500)
    expect((await store.fetch('a')).entries[0]?.value).toBe(3)
    await store.close()
    expect(clock.pending).toBe(0)
  })

  test('and so is one whose watch has ended', async () => {
    const disk = await diskWith('{"a": 1}')
    const clock = manualClock()
    const fs = disk.mount()
    let fail: (why: unknown) => void = () => undefined
    let watches = 0
    const dying: typeof fs.watch = (_, __, failed) => {
      if (watches++ > 0) throw new Error('ENOSPC')
      fail = failed
      return () => undefined
    }
    const store = await openJsonStore(path, { fs: { ...bound(fs), watch: dying }, clock, pollMs: 500, settleMs: 10 })
    expect(clock.pending).toBe(0)
    fail(new Error('EMFILE'))
    disk.put(path, '{"a": 2}')
    await clock.advance(10)
    expect((await store.fetch('a')).entries[0]?.value).toBe(2)
    disk.put(path, '{"a": 3}')
    await clock.advance(500)
    expect((await store.fetch('a')).entries[0]?.value).toBe(3)
    await store.close()
  })
})

test('a file that cannot be read makes the store stale, until it can', async () => {
  const disk = await diskWith('{"a": 1}')
  const clock = manualClock()
  const store = await opened(disk, { clock })
  disk.failNext('readFile', 'EACCES')
  disk.put(path, '{"a": 2}')
  await clock.advance(50)
  expect(Object.values(store.state ?? {})[0]).toMatchObject({
    status: 'stale',
    why: { code: 'UNAVAILABLE', cause: { code: 'EACCES' } },
  })
  await clock.advance(1_000)
  expect(Object.values(store.state ?? {})[0]).toMatchObject({ status: 'live' })
  expect((await store.fetch('a')).entries[0]?.value).toBe(2)
  await store.close()
  expect(clock.pending).toBe(0)
})

/** A file system as an object of functions, to replace one of them. */
function bound(fs: ReturnType<MemoryDisk['mount']>): ReturnType<MemoryDisk['mount']> {
  return {
    stat: (at) => fs.stat(at),
    readLink: (at) => fs.readLink(at),
    readFile: (at) => fs.readFile(at),
    list: (at) => fs.list(at),
    create: (at) => fs.create(at),
    replace: (from, to, expected) => fs.replace(from, to, expected),
    remove: (at) => fs.remove(at),
    syncFolder: (at) => fs.syncFolder(at),
    watch: (at, changed, failed) => fs.watch(at, changed, failed),
    kill: fs.kill,
  }
}
