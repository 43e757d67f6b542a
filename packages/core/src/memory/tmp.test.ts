import { test } from 'vitest'
import { checkRandomHistories } from '../conformance/index.ts'
import { createMemoryStore } from './memory-store.ts'
test('x', { timeout: 600_000 }, async () => {
  const t = Date.now()
  console.log(await checkRandomHistories({ create: ({ clock, random, history }) => createMemoryStore({ clock, random, history }) }), Date.now() - t)
})
