import { storeConformance } from '../conformance/index.ts'
import { createMemoryStore } from '../memory/memory-store.ts'
import { lagging } from './lagging.ts'

storeConformance('lagging', {
  create: ({ clock, random, history }) => lagging(createMemoryStore({ clock, random, history }), { clock }),
  settle: (store) => store.releaseAll(),
})
