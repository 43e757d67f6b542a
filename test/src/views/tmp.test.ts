import { createMemoryStore, everything, prefix, put } from '@fanlight/core'
import { turns } from '@fanlight/core/testing'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import { test } from 'vitest'
test('x', { timeout: 4000 }, async () => {
  const [one, two, three] = ['one', 'two', 'three'].map((name) => createMemoryStore({ name })) as any
  await one.commit([put('a', 1), put('x/b', 2)])
  await two.commit([put('b', 3), put('c', 4)])
  const router = createRouter({ 'd/': one, 'elsewhere/': three })
  const view = createView(router, { query: prefix('d/'), map: ({ key, value }) => ({ key: key.slice(2), value }) })
  await view.fetch({})
  const feed = view.watch(everything)
  await feed.take()
  const mounted = router.mount('d/x/', two)
  await view.fetch([], { min: mounted })
  console.log('mounted')
  await feed.take()
  const versions = await two.commit([put('d', 5)])
  await view.fetch([], { min: versions })
  console.log('committed')
  await feed.take()
  const un = router.unmount('d/x/')
  await turns()
  console.log(un, view.reached, view.sources, view.state, (router as any).part(prefix('d/')).reached)
  await view.fetch([], { min: un })
  console.log('unmounted', await feed.take(), feed.versions, feed.reached)
})
