import { cp, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { put } from '@fanlight/core'
import { ClassicLevel } from 'classic-level'
import { MemoryLevel } from 'memory-level'
import { afterAll, describe, expect, it } from 'vitest'
import { openLevelStore } from './index.ts'

const root = await mkdtemp(join(tmpdir(), 'fanlight-level-'))
let count = 0

afterAll(() => rm(root, { recursive: true }))

function fresh(): string {
  return join(root, String(++count))
}

/** All that a folder holds: names, sizes, times and bytes. */
async function bytesOf(folder: string): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {}
  for (const name of (await readdir(folder)).sort()) {
    const { mtimeMs, ino } = await stat(join(folder, name))
    all[name] = [mtimeMs, ino, (await readFile(join(folder, name))).toString('hex')]
  }
  return all
}

async function untouched(folder: string): Promise<void> {
  const before = await bytesOf(folder)
  await expect(openLevelStore(folder)).rejects.toMatchObject({ code: 'CORRUPT', store: folder })
  expect(await bytesOf(folder)).toEqual(before)
}

async function written(folder: string): Promise<void> {
  const store = await openLevelStore(folder)
  await store.commit([put('a', 1)])
  await store.close()
}

describe('the folder of a store', () => {
  it('is made where there is none, and may be there and empty', async () => {
    await written(join(fresh(), 'deep', 'inside'))
    const empty = fresh()
    await mkdir(empty)
    await written(empty)
    await writeFile(join(empty, 'FANLIGHT.tmp'), 'half')
    await written(empty)
  })

  it('may hold what a crash left of making it', async () => {
    const folder = fresh()
    await mkdir(folder)
    await writeFile(join(folder, 'FANLIGHT.tmp'), 'fanli')
    await written(folder)
    const other = fresh()
    await mkdir(other)
    await cp(join(folder, 'FANLIGHT'), join(other, 'FANLIGHT'))
    await written(other)
  })

  it('is left as it is where it holds something else: CORRUPT', async () => {
    const folder = fresh()
    await mkdir(folder)
    await writeFile(join(folder, 'notes.txt'), 'mine')
    await untouched(folder)
  })

  it('is left as it is where it is a LevelDB of somebody else: CORRUPT', async () => {
    const folder = fresh()
    const db = new ClassicLevel(folder)
    await db.put('a', 'b')
    await db.close()
    await untouched(folder)
  })

  it.each(['fanlight-level 2\n', 'fanlight-level 10\n', 'fanlight-level 0\n', 'something else\n', ''])(
    'is left as it is where its format is %j: CORRUPT',
    async (marker) => {
      const folder = fresh()
      await written(folder)
      await writeFile(join(folder, 'FANLIGHT'), marker)
      await untouched(folder)
    },
  )

  it('is left as it is where its tables lack CURRENT: LevelDB would remove them', async () => {
    const folder = fresh()
    const store = await openLevelStore(folder)
    for (let i = 0; i < 3; i++) await store.commit([put('a', 'x'.repeat(5_000_000))])
    await store.close()
    await written(folder)
    expect((await readdir(folder)).some((name) => name.endsWith('.ldb'))).toBe(true)
    await rm(join(folder, 'CURRENT'))
    await untouched(folder)
  })

  it('says which release it needs', async () => {
    const folder = fresh()
    await written(folder)
    await writeFile(join(folder, 'FANLIGHT'), 'fanlight-level 2\n')
    await expect(openLevelStore(folder)).rejects.toThrow(/format 2.*later/)
  })

  it('is open once at a time: UNAVAILABLE, and the first goes on', async () => {
    const folder = fresh()
    const store = await openLevelStore(folder)
    await expect(openLevelStore(folder)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(openLevelStore(folder)).rejects.toThrow(/open/)
    await store.commit([put('a', 1)])
    await store.close()
    await written(folder)
  })

  it('is UNAVAILABLE where it cannot be one', async () => {
    const file = fresh()
    await writeFile(file, '')
    await expect(openLevelStore(file)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(openLevelStore(join(file, 'inside'))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(openLevelStore('')).rejects.toMatchObject({ code: 'BAD_QUERY' })
  })

  it('is damaged: CORRUPT', async () => {
    const folder = fresh()
    await written(folder)
    await writeFile(join(folder, 'CURRENT'), 'no manifest')
    await expect(openLevelStore(folder)).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  it('threats: keys never become paths', async () => {
    const folder = fresh()
    const store = await openLevelStore(folder)
    const before = await readdir(folder)
    await store.commit([put('../escape', 1), put('/etc/x', 2), put('a/b', 3), put('', 4)])
    expect(await readdir(folder)).toEqual(before)
    expect(await readdir(root)).not.toContain('escape')
    await store.close()
  })
})

describe('a database that is given', () => {
  it('is left as it is where it holds something else: CORRUPT', async () => {
    const db = new MemoryLevel()
    await db.put('a', 'b')
    await expect(openLevelStore('here', { db })).rejects.toMatchObject({ code: 'CORRUPT', store: 'here' })
    expect(await db.iterator().all()).toEqual([['a', 'b']])
  })

  it('is left as it is where it is of a later format: CORRUPT', async () => {
    const db = new MemoryLevel()
    const store = await openLevelStore('here', { db })
    await store.close()
    await db.put('mformat', 'fanlight-level 7')
    const before = await db.iterator().all()
    await expect(openLevelStore('here', { db })).rejects.toMatchObject({ code: 'CORRUPT' })
    expect(await db.iterator().all()).toEqual(before)
  })

  it.each(['mlineage', 'mhorizon'])('is damaged at %s: CORRUPT', async (key) => {
    const db = new MemoryLevel()
    await (await openLevelStore('here', { db })).close()
    for (const value of ['', '{', '[]', '[1]', '{"a":1}', '["a@1",["b@1"]]']) {
      await db.put(key, value)
      await expect(openLevelStore('here', { db })).rejects.toMatchObject({ code: 'CORRUPT' })
    }
    await db.del(key)
    await expect(openLevelStore('here', { db })).rejects.toMatchObject({ code: 'CORRUPT' })
  })

  it('stays open when the store closes', async () => {
    const db = new MemoryLevel()
    await (await openLevelStore('here', { db })).close()
    expect(db.status).toBe('open')
  })
})

it.each<[string, object]>([
  ['commitBytesMax', { commitBytesMax: -1 }],
  ['waitingMax', { waitingMax: Number.NaN }],
  ['waitingBytesMax', { waitingBytesMax: '1' }],
  ['recentBytesMax', { recentBytesMax: -1 }],
  ['sync', { sync: 'yes' }],
  ['limits.timeoutMs', { limits: { timeoutMs: -1 } }],
  ['history.commits', { history: { commits: 0.5 } }],
])('section 8: %s out of its range is BAD_QUERY, and no folder is made: %j', async (name, options) => {
  const folder = fresh()
  const error = { code: 'BAD_QUERY', message: expect.stringContaining(name) as unknown }
  await expect(openLevelStore(folder, options)).rejects.toMatchObject(error)
  await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' })
})
