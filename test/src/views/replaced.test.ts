import { everything, createMemoryStore, prefix, put } from '@fanlight/core'
import { openLevelStore } from '@fanlight/store-level'
import { createView } from '@fanlight/views'
import { MemoryLevel } from 'memory-level'
import { expect, test } from 'vitest'

test('L7, L8: a view kept in LevelDB tells of more keys than LevelDB tells one by one', async () => {
  const raw = createMemoryStore({ name: 'raw' })
  const into = await openLevelStore('into', { db: new MemoryLevel(), recentBytesMax: 0 })
  const view = createView(raw, { map: (entry) => entry, into, definition: 'same' })
  await view.fetch(everything)
  const all = view.watch(everything)
  const some = view.watch(prefix('7'))
  await all.take()
  await some.take()
  for (let i = 0; i < 12; i++) {
    await raw.commit(Array.from({ length: 1_000 }, (_, n) => put(`${n}/${i}`, i)))
    await view.fetch([], { min: raw.reached })
  }
  const update = await all.take()
  expect(update?.replace?.ranges).toEqual([everything])
  expect(update?.replace?.entries).toEqual((await view.fetch(everything)).entries)
  expect(update?.replace?.entries).toHaveLength(12_000)
  expect((await some.take())?.changes).toHaveLength(12 * 111)
  await view.close()
  await into.close()
})
