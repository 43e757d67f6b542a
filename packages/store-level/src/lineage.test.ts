import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { put } from '@fanlight/core'
import { MemoryLevel } from 'memory-level'
import { afterAll, describe, expect, it } from 'vitest'
import { type LevelStore, openLevelStore } from './index.ts'

const root = await mkdtemp(join(tmpdir(), 'fanlight-level-'))

afterAll(() => rm(root, { recursive: true }))

function sourceOf(store: LevelStore): string {
  return store.sources[0] ?? ''
}

describe('section 6: incarnations', () => {
  it('every opening is another one, and continues those before up to what it has', async () => {
    const db = new MemoryLevel()
    const seen = new Set<string>()
    const formers: { id: string; upTo: number }[] = []
    for (let i = 0; i < 4; i++) {
      const store = await openLevelStore('here', { db, name: 'users' })
      const source = sourceOf(store)
      expect(source).toMatch(/^users@[a-z0-9]{16}$/)
      expect(seen.has(source)).toBe(false)
      seen.add(source)
      expect(store.continues).toEqual(formers.map((former) => ({ ...former, as: source })))
      expect(store.reached).toEqual({ [source]: i })
      await store.commit([put('a', i)])
      await store.close()
      formers.push({ id: source, upTo: i + 1 })
    }
  })

  it('is durable before anything is answered: a process that did nothing has used up its incarnation', async () => {
    const db = new MemoryLevel()
    const first = await openLevelStore('here', { db })
    // It ends here, without a close.
    const second = await openLevelStore('here', { db })
    expect(second.continues).toEqual([{ id: sourceOf(first), upTo: 0, as: sourceOf(second) }])
    await second.close()
  })

  it('lists a bounded number of those before', async () => {
    const db = new MemoryLevel()
    const opened: string[] = []
    for (let i = 0; i < 260; i++) {
      const store = await openLevelStore('here', { db })
      opened.push(sourceOf(store))
      await store.close()
    }
    const store = await openLevelStore('here', { db })
    expect(store.continues?.map(({ id }) => id)).toEqual(opened.slice(-256))
    const reset = store.fetch({}, { min: { [opened[0] ?? '']: 0 } })
    await expect(reset).rejects.toMatchObject({ code: 'SOURCE_RESET' })
    await store.close()
  })

  it('a name that was changed continues what it was under the other', async () => {
    const db = new MemoryLevel()
    const before = await openLevelStore('here', { db, name: 'old' })
    const min = await before.commit([put('a', 1)])
    await before.close()
    const store = await openLevelStore('here', { db, name: 'new' })
    const { entries, versions } = await store.fetch('a', { min })
    expect(entries[0]?.value).toBe(1)
    expect(Object.keys(versions)[0]).toMatch(/^new@/)
    await store.close()
  })
})

describe('section 6: a backup that is restored', () => {
  it('resets the points of the other line beyond it, and knows those before', async () => {
    const [original, backup] = [join(root, 'original'), join(root, 'backup')]
    let store = await openLevelStore(original)
    const kept = await store.commit([put('a', 1)])
    await store.close()
    await cp(original, backup, { recursive: true })

    // The line goes on, in the process that opened it next, and somebody hears of it.
    store = await openLevelStore(original)
    const heldAfter = await store.commit([put('a', 2)])
    const born = store.reached
    await store.close()

    // The backup takes its place, and goes on differently, to versions of the same number.
    const restored = await openLevelStore(backup)
    const other = await restored.commit([put('a', 'of the other line')])
    expect(Object.values(other)).toEqual(Object.values(heldAfter))
    expect((await restored.fetch('a', { min: kept })).entries[0]?.value).toBe('of the other line')
    expect((await restored.fetch('a', { max: kept })).entries[0]?.value).toBe(1)
    await expect(restored.fetch('a', { min: heldAfter })).rejects.toMatchObject({ code: 'SOURCE_RESET' })
    await expect(restored.changes('a', { since: heldAfter })).rejects.toMatchObject({ code: 'SOURCE_RESET' })
    await expect(restored.commit([put('a', 3)], { basis: heldAfter })).rejects.toMatchObject({
      code: 'SOURCE_RESET',
      applied: 'no',
    })
    const id = { session: 's', number: 1, born }
    await expect(restored.commit([put('a', 3)], { id })).rejects.toMatchObject({
      code: 'SOURCE_RESET',
      applied: 'unknown',
    })

    // L7: a subscriber gets a replacement, once, and goes on.
    const feed = restored.watch('a', { since: heldAfter })
    expect(await feed.take()).toMatchObject({ replace: { entries: [{ key: 'a', value: 'of the other line' }] } })
    await restored.commit([put('a', 4)])
    expect(await feed.take()).toMatchObject({ changes: [{ key: 'a', value: 4 }] })
    const lucky = restored.watch('a', { since: kept })
    expect(await lucky.take()).toMatchObject({ changes: [{ key: 'a', value: 4 }], folded: 2 })
    await restored.close()
  })

  it('of the very last state resets what came after, also where the same process goes on with it', async () => {
    const [original, backup] = [join(root, 'original 2'), join(root, 'backup 2')]
    let store = await openLevelStore(original)
    await store.commit([put('a', 1)])
    await cp(original, backup, { recursive: true })
    const after = await store.commit([put('a', 2)])
    await store.close()
    store = await openLevelStore(backup)
    await store.commit([put('a', 3)])
    await expect(store.fetch('a', { min: after })).rejects.toMatchObject({ code: 'SOURCE_RESET' })
    await store.close()
  })
})
