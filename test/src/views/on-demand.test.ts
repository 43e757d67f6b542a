import { createMemoryStore, del, everything, prefix, put } from '@fanlight/core'
import { applyUpdate } from '@fanlight/core/kit'
import { manualClock } from '@fanlight/core/testing'
import { createRouter } from '@fanlight/router'
import { createClockStore, createView, sameKeys } from '@fanlight/views'
import { describe, expect, test } from 'vitest'

describe('a view of a router that passes questions through', () => {
  test.each(['passthrough', 'lazy'] as const)(
    'L6: what went with a mount of its upstream is gone, whatever became of it there (%s)',
    async (mode) => {
      const [kept, moved] = [createMemoryStore({ name: 'kept' }), createMemoryStore({ name: 'moved' })]
      const router = createRouter({ 'kept/': kept, 'moved/': moved })
      const view = createView(router, { map: (entry) => entry, mode })
      const min = { ...(await kept.commit([put('a', 1)])), ...(await moved.commit([put('a', 2), put('b', 2)])) }
      const held = await view.fetch(everything, { min })
      await moved.commit([del('a')])
      const until = router.unmount('moved/')
      await view.fetch([], { min: until })
      const update = await view.changes(everything, { since: held.versions })
      expect(applyUpdate(held.entries, update)).toEqual([{ key: 'kept/a', value: 1 }])
      await view.close()
    },
  )

  test('of a window of time: who asks for nothing needs no time', async () => {
    const router = createRouter({ 'data/': createMemoryStore(), now: createClockStore({ clock: manualClock() }) })
    const view = createView(router, {
      map: (entry) => entry,
      query: prefix('data/'),
      within: { at: () => 0, ms: 1000, clock: 'now' },
      mode: 'passthrough',
      reads: sameKeys,
    })
    expect((await view.fetch([])).entries).toEqual([])
    await view.close()
  })
})
