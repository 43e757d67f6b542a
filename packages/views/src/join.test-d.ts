import { type Store, desc, get, prefix } from '@fanlight/core'
import { describe, expectTypeOf, test } from 'vitest'
import { type MeetsAt, type Member, type View, createView } from './index.ts'

interface Post {
  author: string
  title: string
}
interface User {
  name: string
  age: number
}
interface Comment {
  post: string
  text: string
}
declare const store: Store<{ 'posts/': Post; 'users/': User; 'comments/': Comment }>

describe('a view that joins', () => {
  test('each side knows its entries, and `to` what is kept of them', () => {
    const view = createView(store, {
      join: {
        each: prefix('posts/'),
        with: {
          author: {
            from: prefix('users/'),
            on: (post) => {
              expectTypeOf(post).toEqualTypeOf<Member<Post>>()
              return `users/${post.value.author}`
            },
          },
          comments: {
            from: prefix('comments/'),
            equals: (comment) => {
              expectTypeOf(comment).toEqualTypeOf<Member<Comment>>()
              return comment.value.post
            },
            by: ({ value }) => desc(value.text),
            of: ({ value }) => value.text,
            limit: 3,
          },
          both: {
            from: [prefix('users/'), prefix('comments/')],
            on: () => [1, 'a'],
            of: ({ value }) => ('age' in value ? value.age : undefined),
          },
        },
        to: (post, met) => {
          expectTypeOf(post).toEqualTypeOf<Member<Post>>()
          expectTypeOf(met.author).toEqualTypeOf<readonly Member<User>[]>()
          expectTypeOf(met.comments).toEqualTypeOf<readonly Member<string>[]>()
          expectTypeOf(met.both).toEqualTypeOf<readonly Member<number>[]>()
          return { key: post.key, value: { title: post.value.title, by: met.author[0]?.value.name ?? null } }
        },
      },
    })
    expectTypeOf(view).toEqualTypeOf<View<{ '': { title: string; by: string | null } }>>()
    expectTypeOf(get(view, 'posts/1')).resolves.toEqualTypeOf<{ title: string; by: string | null } | undefined>()
  })

  test('a store of one type joins with itself', () => {
    const follows = createView({} as Store<{ '': { from: string; to: string } }>, {
      join: {
        each: {},
        with: { back: { from: {}, on: ({ value }) => [value.from, value.to], equals: ({ value }) => value.to } },
        to: ({ key }, { back }) => back.map(({ value }, i) => ({ key: `${key}/${i}`, value: value.to })),
      },
    })
    expectTypeOf(follows).toEqualTypeOf<View<{ '': string }>>()
  })

  test('what is wrong is refused', () => {
    const to = ({ key }: { readonly key: string }): { key: string; value: number } => ({ key, value: 1 })
    const from = prefix('users/')
    const each = prefix('posts/')
    // @ts-expect-error: a post has no such field
    createView(store, { join: { each, with: { author: { from, on: ({ value }) => value.writer } }, to } })
    // @ts-expect-error: no name of a side
    createView(store, { join: { each, with: { author: { from, on: () => '' } }, to: (_, { users }) => users[0] } })
    // @ts-expect-error: `query` is what the join says
    createView(store, { query: each, join: { each, with: { author: { from, on: () => '' } }, to } })
    // @ts-expect-error: no text
    createView(store, { join: { each, with: { author: { from, on: () => new Date() } }, to } })
    expectTypeOf<readonly (string | number)[]>().toExtend<MeetsAt>()
  })
})
