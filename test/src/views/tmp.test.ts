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
    console.log(mounted, view.reached, (router as any).part(prefix('d/')).reached)
    await turns(); 
    console.log(view.reached, view.state)
    await view.fetch([], { min: mounted })
    console.log('fetched', feed.versions, feed.reached)
    for (let i = 0; i < 5; i++) console.log(JSON.stringify(await feed.take()), feed.versions, feed.reached)
})
