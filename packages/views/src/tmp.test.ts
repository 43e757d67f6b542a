import { createMemoryStore, put } from '@fanlight/core'
import { expect, it } from 'vitest'
import { createView } from './index.ts'
it('x', async () => {
  const raw = createMemoryStore({ name: 'raw' })
  const view = createView(raw, { map: (e) => e })
  await view.fetch({})
  const a = await raw.commit([put('a', 1)])
  await view.fetch([], { min: a })
  const since = view.reached
  const b = await raw.commit([put('b', 1)])
  await view.fetch([], { min: b })
  console.log(since, view.reached, view.oldest, await view.changes('a', { since, until: view.reached }), await view.fetch('a'))
  const view2 = createView(view, { map: (e) => e })
  await view2.fetch({})
  const f = view2.watch('a')
  console.log(f.take())
  await raw.commit([put('b', 2)])
  await raw.commit([put('b', 3)])
  console.log(view.reached, view2.reached, f.versions)
  await new Promise((r) => setTimeout(r, 10))
  console.log(view.reached, view2.reached, f.versions)
})
