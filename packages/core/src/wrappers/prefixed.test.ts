import { createMemoryStore, prefixed, put } from '@fanlight/core'
import { storeConformance } from '@fanlight/core/conformance'
import { expect, test } from 'vitest'

const inner = new WeakMap<object, ReturnType<typeof createMemoryStore>>()

for (const prefix of ['p/', '\u{10ffff}']) {
  storeConformance(`prefixed(memory, ${JSON.stringify(prefix)})`, {
    create: async (seams) => {
      const store = createMemoryStore(seams)
      const shown = prefixed(store, prefix)
      inner.set(shown, store)
      return shown
    },
    teardown: (shown) => inner.get(shown)?.close(),
    runs: 20,
  })
}
