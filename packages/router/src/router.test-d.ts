import {
  type Change,
  createMemoryStore,
  createVariable,
  type Entry,
  everything,
  get,
  prefix,
  put,
  type Snapshot,
  type Store,
  type StoreOf,
} from '@fanlight/core'
import { expectTypeOf, test } from 'vitest'
import { createRouter, type Router } from './index.ts'

interface User {
  readonly name: string
}
interface Team {
  readonly title: string
}

const users = createMemoryStore<{ '': User }>()
const app = createRouter({
  'users/': users,
  'teams/': { store: createMemoryStore<{ '': Team }>(), keepOpen: true },
  motto: createVariable('x'),
})

/** The type of the values of an answer. */
type Found<S> = S extends Promise<Snapshot<infer V>> ? V : never

test('the types of values follow from where stores are mounted', () => {
  expectTypeOf<Found<ReturnType<typeof app.fetch<'users/ann'>>>>().toEqualTypeOf<User>()
  const found = app.fetch(prefix('users/'))
  expectTypeOf<Found<typeof found>>().toEqualTypeOf<User>()
  const teams = app.fetch({ ...prefix('teams/'), limit: 3 })
  expectTypeOf<Found<typeof teams>>().toEqualTypeOf<Team>()
  const motto = app.fetch('motto')
  expectTypeOf<Found<typeof motto>>().toEqualTypeOf<string>()
  const all = app.fetch(everything)
  expectTypeOf<Found<typeof all>>().toEqualTypeOf<User | Team | string>()
  expectTypeOf(get(app, 'users/ann')).resolves.toEqualTypeOf<User | undefined>()
})

test('feeds and differences too', () => {
  const feed = app.watch(prefix('users/'))
  const update = feed.take()
  expectTypeOf<NonNullable<Awaited<typeof update>>['changes']>().toEqualTypeOf<readonly Change<User>[]>()
  const changes = app.changes('motto', { since: {} })
  expectTypeOf<Awaited<typeof changes>['changes']>().toEqualTypeOf<readonly Change<string>[]>()
})

test('routers nest, and a deeper mount shadows', () => {
  const outer = createRouter({ 'app/': app, 'app/users/': createMemoryStore<{ '': number }>() })
  const shadowed = outer.fetch('app/users/ann')
  expectTypeOf<Found<typeof shadowed>>().toEqualTypeOf<number>()
  const through = outer.fetch('app/teams/red')
  expectTypeOf<Found<typeof through>>().toEqualTypeOf<Team>()
})

test('what is committed has the type of its prefix', () => {
  void app.commit([put('users/ann', { name: 'Ann' }), put('motto', 'y')])
  // @ts-expect-error a team is no user
  void app.commit([put('users/ann', { title: 'Red' })])
  // @ts-expect-error the motto is text
  void app.commit([put('motto', 1)])
})

test('a router is a store', () => {
  expectTypeOf(app).toExtend<Store<{ 'users/': User; 'teams/': Team; motto: string }>>()
  expectTypeOf(createRouter({ '': users })).toExtend<StoreOf<User>>()
  expectTypeOf<Awaited<ReturnType<Router<{ '': User }>['fetch']>>['entries']>().toExtend<readonly Entry[]>()
})

test('what is no store cannot be mounted', () => {
  // @ts-expect-error a number is no store
  createRouter({ 'a/': 1 })
  // @ts-expect-error nor is an object
  createRouter({ 'a/': { store: {} } })
})

test('the limits of a router are those that it has', () => {
  createRouter({}, { limits: { ranges: 1, feeds: 1, timeoutMs: 1 } })
  // @ts-expect-error values are the business of its stores
  createRouter({}, { limits: { valueDepth: 1 } })
})
