import {
  type MemoryStore,
  type Put,
  type Store,
  createMemoryStore,
  del,
  desc,
  everything,
  get,
  prefix,
  put,
} from '@fanlight/core'
import { describe, expect, test } from 'vitest'
import { type View, type ViewBasics, createView, sameKeys } from './index.ts'

interface Post {
  readonly author: string
  readonly title: string
}
interface User {
  readonly name: string
  readonly age?: number
}
interface Comment {
  readonly post: string
  readonly at: number
}
type Blog = { 'posts/': Post; 'users/': User; 'comments/': Comment }

function blogOf(options: { readonly history?: { readonly commits: number } } = {}): MemoryStore<Blog> {
  return createMemoryStore<Blog>({ name: 'blog', ...options })
}

/** Posts with the names of their authors and their newest comments. */
function postsOf(blog: Store<Blog>, options: Omit<ViewBasics, 'query'> = {}): View {
  return createView(blog, {
    join: {
      each: prefix('posts/'),
      with: {
        author: {
          from: prefix('users/'),
          on: ({ value }) => `users/${value.author}`,
          of: ({ value }) => value.name,
        },
        newest: {
          from: prefix('comments/'),
          equals: ({ value }) => value.post,
          by: ({ value }) => desc(value.at),
          of: ({ value }) => value.at,
          limit: 2,
        },
      },
      to: ({ key, value }, { author, newest }) => ({
        key,
        value: [value.title, author[0]?.value ?? null, newest.map((comment) => comment.key)],
      }),
    },
    ...options,
  })
}

async function shown(view: Store, upstream: Pick<Store, 'reached'>): Promise<Record<string, unknown>> {
  const { entries } = await view.fetch(everything, { min: upstream.reached })
  return Object.fromEntries(entries.map(({ key, value }) => [key, value]))
}

function statusOf(view: View): readonly string[] {
  return [...new Set(Object.values(view.state).map(({ status }) => status))]
}

describe('a view that joins', () => {
  test('whoever comes later, changes, moves and goes is noticed on both sides', async () => {
    const blog = blogOf()
    const view = postsOf(blog)
    await blog.commit([
      put('posts/1', { author: 'ann', title: 'one' }),
      put('posts/2', { author: 'bob', title: 'two' }),
    ])
    expect(await shown(view, blog)).toEqual({ 'posts/1': ['one', null, []], 'posts/2': ['two', null, []] })
    await blog.commit([put('users/ann', { name: 'Ann' }), put('comments/a', { post: 'posts/1', at: 1 })])
    expect(await shown(view, blog)).toMatchObject({ 'posts/1': ['one', 'Ann', ['comments/a']] })
    await blog.commit([put('users/ann', { name: 'Anna' })])
    expect(await shown(view, blog)).toMatchObject({ 'posts/1': ['one', 'Anna', ['comments/a']] })
    await blog.commit([put('posts/2', { author: 'ann', title: 'two' })])
    expect(await shown(view, blog)).toMatchObject({ 'posts/2': ['two', 'Anna', []] })
    await blog.commit([put('comments/a', { post: 'posts/2', at: 1 })])
    expect(await shown(view, blog)).toEqual({
      'posts/1': ['one', 'Anna', []],
      'posts/2': ['two', 'Anna', ['comments/a']],
    })
    await blog.commit([del('users/ann'), del('posts/1')])
    expect(await shown(view, blog)).toEqual({ 'posts/2': ['two', null, ['comments/a']] })
    await blog.commit([del('comments/a')])
    expect(await shown(view, blog)).toEqual({ 'posts/2': ['two', null, []] })
  })

  test('the first of an order are met, and whoever is behind them takes the place of one that leaves', async () => {
    const blog = blogOf()
    const view = postsOf(blog)
    const at = (key: string, when: number): Put<Comment> => put(`comments/${key}`, { post: 'posts/1', at: when })
    await blog.commit([put('posts/1', { author: '', title: '' }), at('a', 1), at('b', 2), at('c', 3), at('d', 4)])
    expect(await shown(view, blog)).toEqual({ 'posts/1': ['', null, ['comments/d', 'comments/c']] })
    await blog.commit([del('comments/d'), at('c', 0)])
    expect(await shown(view, blog)).toEqual({ 'posts/1': ['', null, ['comments/b', 'comments/a']] })
    await blog.commit([at('c', 2)])
    expect(await shown(view, blog)).toEqual({ 'posts/1': ['', null, ['comments/b', 'comments/c']] })
  })

  test('entries meet at any of several texts or numbers, each once', async () => {
    const raw = createMemoryStore<{ '': readonly (string | number)[] | null }>()
    const view = createView(raw, {
      join: {
        each: 'me',
        with: { met: { from: everything, on: ({ value }) => value, equals: ({ value }) => value } },
        to: ({ key }, { met }) => ({ key, value: met.map((one) => one.key) }),
      },
    })
    await raw.commit([
      put('me', ['x', 1, 'x']),
      put('a', ['1', 'y']),
      put('b', [1, 'x']),
      put('c', null),
      put('d', ['x']),
    ])
    expect(await shown(view, raw)).toEqual({ me: ['b', 'd', 'me'] })
    await raw.commit([put('me', null)])
    expect(await shown(view, raw)).toEqual({ me: [] })
  })

  test('a limit counts those that are met at all texts together', async () => {
    const raw = createMemoryStore<{ '': number }>()
    const view = createView(raw, {
      join: {
        each: 'me',
        with: { met: { from: prefix('a'), on: () => [1, 2, 3], equals: ({ value }) => value, limit: 2 } },
        to: ({ key }, { met }) => ({ key, value: met.map((one) => one.key) }),
      },
    })
    await raw.commit([put('me', 0), put('a3', 1), put('a2', 2), put('a1', 3)])
    expect(await shown(view, raw)).toEqual({ me: ['a1', 'a2'] })
    await raw.commit([del('a1')])
    expect(await shown(view, raw)).toEqual({ me: ['a2', 'a3'] })
  })

  test('what is met is shared, and cannot be changed', async () => {
    const blog = blogOf()
    const view = createView(blog, {
      join: {
        each: prefix('posts/'),
        with: { users: { from: prefix('users/'), on: () => 0, equals: () => 0 } },
        to: ({ key }, { users }) => ({ key, value: (users as unknown[]).push(key) }),
      },
      onThrow: 'skip',
    })
    await blog.commit([put('posts/1', { author: '', title: '' }), put('users/a', { name: '' })])
    expect(await shown(view, blog)).toEqual({})
  })

  const good = { each: 'a', with: { b: { from: 'b', on: () => 'x' } }, to: () => undefined }
  test.each<[string, object]>([
    ['no `each`', { join: { ...good, each: undefined } }],
    ['an `each` that is no query', { join: { ...good, each: 5 } }],
    ['an `each` with a limit', { join: { ...good, each: { limit: 5 } } }],
    ['no `with`', { join: { ...good, with: undefined } }],
    ['an empty `with`', { join: { ...good, with: {} } }],
    ['a side that is nothing', { join: { ...good, with: { b: null } } }],
    ['a side that is a query', { join: { ...good, with: { b: 'b' } } }],
    ['no `from`', { join: { ...good, with: { b: { on: () => 'x' } } } }],
    ['a `from` with a limit', { join: { ...good, with: { b: { from: { limit: 1 }, on: () => 'x' } } } }],
    ['neither `on` nor `equals`', { join: { ...good, with: { b: { from: 'b' } } } }],
    ['`on` that is no function', { join: { ...good, with: { b: { from: 'b', on: 'x' } } } }],
    ['`equals` that is no function', { join: { ...good, with: { b: { from: 'b', equals: 'x' } } } }],
    ['`of` that is no function', { join: { ...good, with: { b: { from: 'b', on: () => 'x', of: 'x' } } } }],
    ['a limit below 0', { join: { ...good, with: { b: { from: 'b', on: () => 'x', limit: -1 } } } }],
    ['no `to`', { join: { ...good, to: undefined } }],
    ['`query` beside it', { join: good, query: 'a' }],
    ['`map` beside it', { join: good, map: () => undefined }],
    ['`group` beside it', { join: good, group: { by: () => '', of: () => ({}) } }],
    ['a mode that there is not', { join: good, mode: 'eager' }],
    ['`reads` that leave out what it meets', { join: good, mode: 'lazy', reads: sameKeys }],
    ['too many ranges', { join: { ...good, each: Array.from({ length: 65 }, (_, i) => `k${i}`) } }],
  ])('refuses %s', (_what, options) => {
    expect(() => createView(blogOf(), options as never)).toThrow(expect.objectContaining({ code: 'BAD_QUERY' }))
  })
})

describe('L0: where a function throws', () => {
  function pickyOf(blog: Store<Blog>, onThrow?: 'skip'): View {
    return createView(blog, {
      join: {
        each: prefix('posts/'),
        with: {
          authors: {
            from: prefix('users/'),
            on: ({ value: { author } }) => (author === 'nobody' ? ([null] as never) : author),
            equals: ({ value: { name } }) => {
              if (name === '') throw new RangeError('no name')
              return name
            },
          },
        },
        to: ({ key }, { authors }) => {
          if (authors.length > 1) throw new RangeError('too many')
          return { key, value: authors.length }
        },
      },
      onThrow,
    })
  }

  test("'stop': the view stays where it is until that input is mended, on whichever side", async () => {
    const blog = blogOf()
    const view = pickyOf(blog)
    await blog.commit([put('posts/1', { author: 'Ann', title: '' })])
    expect(await shown(view, blog)).toEqual({ 'posts/1': 0 })
    await blog.commit([put('users/a', { name: '' })])
    await blog.commit([put('users/b', { name: 'Ann' })])
    await expect(view.fetch(everything, { min: blog.reached, timeoutMs: 20 })).rejects.toMatchObject({
      keys: ['users/a'],
    })
    await blog.commit([del('users/a'), put('posts/2', { author: 'nobody', title: '' })])
    await expect(view.fetch(everything, { min: blog.reached, timeoutMs: 20 })).rejects.toMatchObject({
      keys: ['posts/2'],
    })
    expect(await shown(view, createMemoryStore())).toEqual({ 'posts/1': 0 })
    await blog.commit([del('posts/2')])
    expect(await shown(view, blog)).toEqual({ 'posts/1': 1 })
  })

  test("'stop': where `to` throws, any of those that are met may mend it", async () => {
    const blog = blogOf()
    const view = pickyOf(blog)
    await blog.commit([put('posts/1', { author: 'Ann', title: '' }), put('users/a', { name: 'Ann' })])
    await shown(view, blog)
    await blog.commit([put('users/b', { name: 'Ann' })])
    await expect(view.fetch(everything, { min: blog.reached, timeoutMs: 20 })).rejects.toMatchObject({
      keys: ['posts/1'],
    })
    expect(statusOf(view)).toEqual(['stale'])
    await blog.commit([put('users/a', { name: 'Bob' })])
    expect(await shown(view, blog)).toEqual({ 'posts/1': 1 })
    expect(statusOf(view)).toEqual(['live'])
  })

  test("'skip': whoever throws takes no part", async () => {
    const blog = blogOf()
    const view = pickyOf(blog, 'skip')
    await blog.commit([put('posts/1', { author: 'Ann', title: '' }), put('posts/2', { author: 'nobody', title: '' })])
    await blog.commit([put('users/a', { name: 'Ann' })])
    expect(await shown(view, blog)).toEqual({ 'posts/1': 1 })
    await blog.commit([put('users/b', { name: 'Ann' })])
    expect(await shown(view, blog)).toEqual({})
    await blog.commit([put('users/a', { name: '' })])
    expect(await shown(view, blog)).toEqual({ 'posts/1': 1 })
  })
})

describe('a view that joins, kept in a store', () => {
  test('L6: it goes on where it stopped', async () => {
    const blog = blogOf()
    const options = { into: createMemoryStore({ name: 'into' }), definition: 'd' }
    const before = postsOf(blog, options)
    await blog.commit([put('posts/1', { author: 'ann', title: 'one' }), put('comments/a', { post: 'posts/1', at: 1 })])
    await shown(before, blog)
    await before.close()
    await blog.commit([put('users/ann', { name: 'Ann' }), put('comments/b', { post: 'posts/1', at: 2 })])
    const view = postsOf(blog, options)
    expect(await shown(view, blog)).toEqual({ 'posts/1': ['one', 'Ann', ['comments/b', 'comments/a']] })
    await blog.commit([del('comments/b')])
    expect(await get(view, 'posts/1', { min: blog.reached })).toEqual(['one', 'Ann', ['comments/a']])
  })

  test('L7: where its place is lost in fog, what went and moved meanwhile is noticed', async () => {
    const blog = blogOf({ history: { commits: 1 } })
    const options = { into: createMemoryStore({ name: 'into' }), definition: 'd' }
    const before = postsOf(blog, options)
    await blog.commit([
      put('posts/1', { author: 'ann', title: 'one' }),
      put('posts/2', { author: 'ann', title: 'two' }),
      put('posts/3', { author: 'bob', title: 'three' }),
      put('users/ann', { name: 'Ann' }),
      put('users/bob', { name: 'Bob' }),
      put('comments/a', { post: 'posts/1', at: 1 }),
    ])
    await shown(before, blog)
    await before.close()
    await blog.commit([del('users/ann'), del('posts/2')])
    await blog.commit([put('comments/a', { post: 'posts/3', at: 1 })])
    await blog.commit([put('users/bob', { name: 'Rob' })])
    const view = postsOf(blog, options)
    const expected = { 'posts/1': ['one', null, []], 'posts/3': ['three', 'Rob', ['comments/a']] }
    expect(await shown(view, blog)).toEqual(expected)
  })

  test('L8: what is gone leaves nothing behind', async () => {
    const blog = blogOf()
    const into = createMemoryStore({ name: 'into' })
    const view = postsOf(blog, { into, definition: 'd' })
    await blog.commit([put('posts/1', { author: 'ann', title: 'one' }), put('comments/a', { post: 'posts/1', at: 1 })])
    await blog.commit([put('users/ann', { name: 'Ann' }), put('comments/a', { post: 'posts/2', at: 2 })])
    await blog.commit([put('posts/1', { author: 'bob', title: 'one' })])
    expect(await shown(view, blog)).toEqual({ 'posts/1': ['one', null, []] })
    await blog.commit([del('posts/1'), del('users/ann'), del('comments/a')])
    expect(await shown(view, blog)).toEqual({})
    expect((await into.fetch(everything)).entries.map(({ key }) => key)).toEqual(['mark/at'])
  })
})

describe('what a change costs', () => {
  /** A store that counts the entries that are read from it and written into it. */
  function counting(): { readonly store: MemoryStore; readonly work: () => number } {
    const store = createMemoryStore({ name: 'into' })
    let work = 0
    const fetch = store.fetch.bind(store)
    const commit = store.commit.bind(store)
    const counted = {
      fetch: async (...args: Parameters<typeof fetch>) => {
        const found = await fetch(...args)
        work += found.entries.length
        return found
      },
      commit: (...args: Parameters<typeof commit>) => {
        work += args[0].length
        return commit(...args)
      },
    }
    return { store: Object.assign(store, counted) as MemoryStore, work: () => work }
  }

  /** What each of some changes costs where one user wrote so many posts, and one post has so many comments. */
  async function costs(many: number): Promise<number[]> {
    const blog = blogOf()
    await blog.commit([
      put('users/ann', { name: 'Ann', age: 1 }),
      ...Array.from({ length: many }, (_, i) => put(`posts/${i}`, { author: 'ann', title: '' })),
      ...Array.from({ length: many }, (_, i) => put(`comments/${i}`, { post: 'posts/0', at: i })),
    ])
    const { store, work } = counting()
    const view = postsOf(blog, { into: store, definition: 'd' })
    await view.fetch([], { min: blog.reached })
    const found: number[] = []
    for (const change of [
      put('posts/0', { author: 'ann', title: 'new' }),
      put('posts/new', { author: 'ann', title: '' }),
      put('posts/1', { author: 'bob', title: '' }),
      put('comments/new', { post: 'posts/0', at: many }),
      del('comments/new'),
      put('comments/0', { post: 'posts/1', at: 0 }),
      // Nothing of it is kept, however many posts there are.
      put('users/ann', { name: 'Ann', age: 2 }),
    ]) {
      const before = work()
      await view.fetch([], { min: await blog.commit([change]) })
      found.push(work() - before)
    }
    await view.close()
    return found
  }

  test('as much in a large join as in a small one', async () => {
    expect(await costs(2_000)).toEqual(await costs(10))
  })

  test('who is behind those that are met concerns nobody, however many ask', async () => {
    const cost = async (posts: number): Promise<number> => {
      const blog = blogOf()
      await blog.commit([
        ...Array.from({ length: posts }, (_, i) => put(`posts/${i}`, { author: 'all', title: '' })),
        ...Array.from({ length: 5 }, (_, i) => put(`users/${i}`, { name: 'all' })),
      ])
      const { store, work } = counting()
      const view = createView(blog, {
        join: {
          each: prefix('posts/'),
          with: {
            first: {
              from: prefix('users/'),
              on: ({ value }) => value.author,
              equals: ({ value }) => value.name,
              limit: 2,
            },
          },
          to: ({ key }, { first }) => ({ key, value: first.length }),
        },
        into: store,
        definition: 'd',
      })
      await view.fetch([], { min: blog.reached })
      const before = work()
      await view.fetch([], { min: await blog.commit([del('users/3')]) })
      await view.close()
      return work() - before
    }
    expect(await cost(1_000)).toBe(await cost(10))
  })
})
