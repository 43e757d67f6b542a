import { createMemoryStore, del, get, prefix, put } from '@fanlight/core'
import { createRouter } from '@fanlight/router'
import { createView } from '@fanlight/views'
import { expect, test } from 'vitest'

test('L3: a join of a store with what a view shows that groups another', async () => {
  const posts = createMemoryStore<{ '': { title: string } }>({ name: 'posts' })
  const comments = createMemoryStore<{ '': { post: string } }>({ name: 'comments' })
  const counts = createView(comments, {
    group: { by: ({ value }) => value.post, of: ({ count }) => ({ n: count() }) },
    definition: 'counts',
  })
  const all = createRouter({ 'posts/': posts, 'counts/': counts })
  const view = createView(all, {
    join: {
      each: prefix('posts/'),
      with: { counted: { from: prefix('counts/'), on: ({ key }) => key.replace('posts/', 'counts/') } },
      to: ({ key, value }, { counted }) => ({ key, value: `${value.title}: ${counted[0]?.value.n ?? 0}` }),
    },
  })
  const shown = createRouter({ 'shown/': view, 'comments/': comments })
  const at = await posts.commit([put('1', { title: 'one' }), put('2', { title: 'two' })])
  const min = { ...at, ...(await comments.commit([put('a', { post: '1' }), put('b', { post: '1' })])) }
  expect(await get(shown, 'shown/posts/1', { min })).toBe('one: 2')
  expect(await get(shown, 'shown/posts/2', { min })).toBe('two: 0')
  const later = { ...at, ...(await comments.commit([del('a'), put('b', { post: '2' })])) }
  const { entries } = await shown.fetch(prefix('shown/'), { min: later })
  expect(entries.map(({ value }) => value)).toEqual(['one: 0', 'two: 1'])
  await shown.close()
  await all.close()
})
