import { describe, expectTypeOf, test } from 'vitest'
import { desc, key } from './keys/codec.ts'
import { del, get, put } from './put.ts'
import { everything, prefix } from './ranges.ts'
import type { Change, ChangeOf, Entry, Feed, Gone, Query, Range, Snapshot, Store, StoreOf, Update } from './store.ts'
import type { Mounted, PrefixRange, PutAt, TypesOf, ValueAt } from './types.ts'

interface User {
  name: string
  role: 'admin' | 'guest'
  tags: string[]
}
interface Admin {
  rights: number
}
interface Setting {
  on: boolean
}
interface App {
  'users/': User
  'users/admins/': Admin
  'config/': Setting
}
declare const app: Store<App>
declare const rooted: Store<{ '': number; 'users/': User }>
declare const anyStore: Store
declare const id: string

describe('what a query finds', () => {
  test('a key: the type under the longest prefix that it starts with', () => {
    expectTypeOf<ValueAt<App, 'users/ann'>>().toEqualTypeOf<User>()
    expectTypeOf<ValueAt<App, 'users/'>>().toEqualTypeOf<User>()
    expectTypeOf<ValueAt<App, 'users/admins/ann'>>().toEqualTypeOf<Admin>()
    expectTypeOf<ValueAt<App, 'posts/1'>>().toEqualTypeOf<never>()
    expectTypeOf<ValueAt<{ '': number; 'users/': User }, 'posts/1'>>().toEqualTypeOf<number>()
    expectTypeOf<ValueAt<{ '': number; 'users/': User }, 'users/ann'>>().toEqualTypeOf<User>()
    expectTypeOf<ValueAt<{ '': number }, ''>>().toEqualTypeOf<number>()
  })

  test('a pattern of keys: what all of them start with, and what some may', () => {
    expectTypeOf<ValueAt<App, `config/${string}`>>().toEqualTypeOf<Setting>()
    expectTypeOf<ValueAt<App, `users/${string}`>>().toEqualTypeOf<User | Admin>()
    expectTypeOf<ValueAt<App, `users/admins/${string}`>>().toEqualTypeOf<Admin>()
  })

  test('a string that is not known: the union', () => {
    expectTypeOf<ValueAt<App, string>>().toEqualTypeOf<User | Admin | Setting>()
    expectTypeOf<ValueAt<{ '': number; 'users/': User }, string>>().toEqualTypeOf<number | User>()
  })

  test('a prefix: what is under it, and inside it', () => {
    expectTypeOf(prefix('users/')).toEqualTypeOf<PrefixRange<'users/'>>()
    expectTypeOf<ValueAt<App, PrefixRange<'config/'>>>().toEqualTypeOf<Setting>()
    expectTypeOf<ValueAt<App, PrefixRange<'users/'>>>().toEqualTypeOf<User | Admin>()
    expectTypeOf<ValueAt<App, PrefixRange<'users/admins/'>>>().toEqualTypeOf<Admin>()
    expectTypeOf<ValueAt<App, PrefixRange<'users/a'>>>().toEqualTypeOf<User | Admin>()
    expectTypeOf<ValueAt<App, PrefixRange<''>>>().toEqualTypeOf<User | Admin | Setting>()
    expectTypeOf<ValueAt<App, PrefixRange>>().toEqualTypeOf<User | Admin | Setting>()
    expectTypeOf<ValueAt<App, PrefixRange<'posts/'>>>().toEqualTypeOf<never>()
  })

  test('a range: the union of all; several: the union of theirs', () => {
    expectTypeOf<ValueAt<App, Range>>().toEqualTypeOf<User | Admin | Setting>()
    expectTypeOf<ValueAt<App, typeof everything>>().toEqualTypeOf<User | Admin | Setting>()
    expectTypeOf<ValueAt<App, { readonly gte: 'a' }>>().toEqualTypeOf<User | Admin | Setting>()
    expectTypeOf<ValueAt<App, readonly ['config/a', PrefixRange<'users/admins/'>]>>().toEqualTypeOf<Setting | Admin>()
    expectTypeOf<ValueAt<App, readonly []>>().toEqualTypeOf<never>()
    expectTypeOf<ValueAt<App, Query>>().toEqualTypeOf<User | Admin | Setting>()
  })

  test('any store: unknown', () => {
    expectTypeOf<ValueAt<{ '': unknown }, 'a'>>().toEqualTypeOf<unknown>()
    expectTypeOf<ValueAt<object, 'a'>>().toEqualTypeOf<unknown>()
    expectTypeOf<ValueAt<object, PrefixRange<'a/'>>>().toEqualTypeOf<unknown>()
  })
})

describe('through a store', () => {
  test('fetch, changes and watch carry the types without a cast', () => {
    expectTypeOf(app.fetch('users/ann')).toEqualTypeOf<Promise<Snapshot<User>>>()
    expectTypeOf(app.fetch(prefix('config/'))).toEqualTypeOf<Promise<Snapshot<Setting>>>()
    expectTypeOf(app.fetch({ ...prefix('config/'), limit: 10 })).toEqualTypeOf<Promise<Snapshot<Setting>>>()
    expectTypeOf(app.fetch(['config/a', 'users/admins/ann'])).toEqualTypeOf<Promise<Snapshot<Setting | Admin>>>()
    expectTypeOf(app.fetch(everything)).toEqualTypeOf<Promise<Snapshot<User | Admin | Setting>>>()
    expectTypeOf(app.fetch(`config/${id}`)).toEqualTypeOf<Promise<Snapshot<Setting>>>()
    expectTypeOf(app.changes('config/a', { since: {} })).toEqualTypeOf<Promise<Update<Setting>>>()
    expectTypeOf(app.watch(prefix('users/admins/'))).toEqualTypeOf<Feed<Admin>>()
    expectTypeOf(rooted.fetch('a')).toEqualTypeOf<Promise<Snapshot<number>>>()
    expectTypeOf(anyStore.fetch('a')).toEqualTypeOf<Promise<Snapshot>>()
  })

  test('get gives the value, or undefined', () => {
    expectTypeOf(get(app, 'users/ann')).toEqualTypeOf<Promise<User | undefined>>()
    expectTypeOf(get(app, id)).toEqualTypeOf<Promise<User | Admin | Setting | undefined>>()
    expectTypeOf(get(app, key('config', id))).toEqualTypeOf<Promise<Setting | undefined>>()
    expectTypeOf(get(anyStore, 'a')).toEqualTypeOf<Promise<unknown>>()
  })

  test('key knows its first parts where they stand in it as they are', () => {
    expectTypeOf(key('users', id)).toEqualTypeOf<`users/${string}`>()
    expectTypeOf(key('app', 'users', 5)).toEqualTypeOf<`app/users/${string}`>()
    expectTypeOf(key('users', 'ann')).toEqualTypeOf<'users/ann'>()
    expectTypeOf(key('by-name', id)).toEqualTypeOf<string>()
    expectTypeOf(key('v10', id)).toEqualTypeOf<string>()
    expectTypeOf(key('log', desc(5), 'a')).toEqualTypeOf<`log/${string}`>()
    expectTypeOf(key(id, 'a')).toEqualTypeOf<string>()
    expectTypeOf(key(5)).toEqualTypeOf<string>()
    expectTypeOf(key('')).toEqualTypeOf<string>()
    // @ts-expect-error a date is no part of a key
    key('log', new Date())
  })
})

describe('what a commit takes', () => {
  const ann: User = { name: 'Ann', role: 'admin', tags: [] }

  test('a value that fits the prefix of its key', () => {
    void app.commit?.([put('users/ann', ann), put('config/dark', { on: true }), del('users/bob')])
    void app.commit?.([put('users/ann', { name: 'Ann', role: 'admin', tags: ['a'] })])
    void app.commit?.([put(key('users', id), ann), put(`config/${id}`, { on: true })])
    // @ts-expect-error a user is no setting
    void app.commit?.([put('config/dark', ann)])
    // @ts-expect-error a setting is no user
    void app.commit?.([put('users/ann', { on: true })])
    // @ts-expect-error there is no such role
    void app.commit?.([put('users/ann', { name: 'Ann', role: 'king', tags: [] })])
    // @ts-expect-error no prefix takes this key
    void app.commit?.([put('posts/1', ann)])
    // @ts-expect-error a setting is no user, in a key made of parts
    void app.commit?.([put(key('users', id), { on: true })])
  })

  test('at a key that is not known, any of the values', () => {
    void app.commit?.([put(id, ann), { key: id, value: { on: true } }, { key: id, gone: true }])
    // @ts-expect-error nothing takes a number
    void app.commit?.([put(id, 1)])
  })

  test('anything, where the store does not say', () => {
    void anyStore.commit?.([put('a', 1), put(id, ann), del('b')])
  })

  test('what an update tells', () => {
    expectTypeOf<Change<User>>().toExtend<ChangeOf<App>>()
    expectTypeOf<Change<User | Setting>>().toExtend<ChangeOf<App>>()
    expectTypeOf<Change<number>>().not.toExtend<ChangeOf<App>>()
    expectTypeOf<ChangeOf<App>>().toExtend<Change>()
    expectTypeOf(del('a')).toEqualTypeOf<Gone>()
    expectTypeOf(put('a', 1)).toEqualTypeOf<PutAt<'a', number>>()
    expectTypeOf(put('a', 1)).toExtend<Change<number>>()
    expectTypeOf(put('a', 1)).toExtend<Entry<number>>()
  })
})

describe('stores in stores', () => {
  test('TypesOf reads the types of a store', () => {
    expectTypeOf<TypesOf<Store<App>>>().toEqualTypeOf<App>()
    expectTypeOf<TypesOf<StoreOf<number>>>().toEqualTypeOf<{ '': number }>()
    expectTypeOf<TypesOf<Store>>().toEqualTypeOf<{ '': unknown }>()
  })

  test('Mounted joins the prefixes', () => {
    expectTypeOf<Mounted<{ 'users/': StoreOf<User>; 'config/': StoreOf<Setting> }>>().toEqualTypeOf<{
      'users/': User
      'config/': Setting
    }>()
    expectTypeOf<Mounted<{ 'app/': Store<App>; title: StoreOf<string> }>>().toEqualTypeOf<{
      'app/users/': User
      'app/users/admins/': Admin
      'app/config/': Setting
      title: string
    }>()
    expectTypeOf<Mounted<{ 'x/': Store<Mounted<{ 'y/': StoreOf<User> }>> }>>().toEqualTypeOf<{ 'x/y/': User }>()
    expectTypeOf<Mounted<{ '': StoreOf<Setting>; 'users/': StoreOf<User> }>>().toEqualTypeOf<{
      '': Setting
      'users/': User
    }>()
    expectTypeOf<Mounted<{ '': StoreOf<User | undefined> }>>().toEqualTypeOf<{ '': User | undefined }>()
    expectTypeOf<keyof Mounted<object>>().toEqualTypeOf<never>()
  })

  test('a deeper mount shadows what a shallower one has there', () => {
    type Shadowed = Mounted<{ '': Store<App>; 'users/': StoreOf<string> }>
    expectTypeOf<Shadowed>().toEqualTypeOf<{ 'users/': string; 'config/': Setting }>()
    type One = Mounted<{ '': Store<App>; 'config/': StoreOf<1>; 'users/admins/': StoreOf<2> }>
    expectTypeOf<One>().toEqualTypeOf<{ 'users/': User; 'users/admins/': 2; 'config/': 1 }>()
  })

  test('a store of anything takes every store', () => {
    expectTypeOf<Store<App>>().toExtend<Store<object>>()
    expectTypeOf<StoreOf<number>>().toExtend<Store<object>>()
    expectTypeOf<Store>().toExtend<Store<object>>()
    expectTypeOf<StoreOf<User>>().toExtend<Store>()
    expectTypeOf<Omit<Store<App>, '~shape'>>().toExtend<Store<object>>()
    expectTypeOf(get({} as Omit<Store<App>, '~shape'>, 'config/a')).toEqualTypeOf<Promise<Setting | undefined>>()
    expectTypeOf<StoreOf<User>>().not.toExtend<StoreOf<number>>()
    expectTypeOf<Store<App>>().not.toExtend<Store<{ 'users/': number }>>()
  })
})

/** Code that knows a store only by a type parameter still reads its changes. */
export function generic<T extends object>(store: Store<T>, changes: readonly ChangeOf<T>[]): readonly Change[] {
  void store.commit?.(changes)
  void store.fetch('a')
  return changes
}
