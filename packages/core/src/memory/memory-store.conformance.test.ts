import { storeConformance } from '../conformance/index.ts'
import { createMemoryStore } from './memory-store.ts'

storeConformance('memory', {
  create: ({ clock, random, history }) => createMemoryStore({ clock, random, history }),
})
