import { createMemoryStore, createSession } from '@fanlight/core'
import { storeConformance } from '@fanlight/core/conformance'

const inner = new WeakMap<object, ReturnType<typeof createMemoryStore>>()

storeConformance('session(memory)', {
  create: (seams) => {
    const store = createMemoryStore(seams)
    const session = createSession(store, seams)
    inner.set(session, store)
    return session
  },
  teardown: (session) => inner.get(session)?.close(),
})
