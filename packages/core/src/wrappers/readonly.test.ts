import { createMemoryStore, put, readonly } from '@fanlight/core'
import { storeConformance } from '@fanlight/core/conformance'
import { expect, test } from 'vitest'

const inner = new WeakMap<object, ReturnType<typeof createMemoryStore>>()

storeConformance('readonly(memory)', {
  create: (seams) => {
    const store = createMemoryStore(seams)
    const shown = readonly(store)
    inner.set(shown, store)
    return shown
  },
  write: async (shown, changes) => (await inner.get(shown)?.commit(changes)) ?? {},
  teardown: (shown) => inner.get(shown)?.close(),
})

test('section 3: closing it leaves the store open', async () => {
  const store = createMemoryStore()
  const shown = readonly(store)
  expect(shown).not.toHaveProperty('commit')
  await shown.close()
  await store.commit([put('a', 1)])
  expect((await store.fetch('a')).entries).toHaveLength(1)
})

test('section 3: what waits through it does not wait on in the store when it closes', async () => {
  const store = createMemoryStore({ limits: { waits: 1 } })
  const [source = ''] = store.sources
  const shown = readonly(store)
  const waiting = shown.fetch({}, { min: { [source]: 1 }, timeoutMs: Infinity }).catch((error: unknown) => error)
  await shown.close()
  expect(await waiting).toMatchObject({ code: 'CLOSED', store: 'readonly' })
  const other = store.fetch({}, { min: { [source]: 1 } })
  await store.commit([put('a', 1)])
  expect((await other).entries).toHaveLength(1)
})
