import {
  type Entry,
  type Group,
  type StandardSchema,
  type Store,
  type StoreOf,
  type Update,
  type WritableStore,
  createMemoryStore,
  createSession,
  createVariable,
  everything,
  get,
  group,
  live,
  mirror,
  observe,
  page,
  pick,
  prefix,
  prefixed,
  put,
  readonly,
  transact,
  validated,
} from '@fanlight/core'
import { expectTypeOf, test } from 'vitest'

interface User {
  readonly name: string
}

declare const store: Store<{ 'users/': User; 'config/': number }>

test('live, page, pick and observe know what is found', async () => {
  expectTypeOf(live(store, prefix('users/')).value).toEqualTypeOf<readonly Entry<User>[] | undefined>()
  expectTypeOf(live(store, everything).value).toEqualTypeOf<readonly Entry<User | number>[] | undefined>()
  expectTypeOf(page(store, prefix('config/'), 10).entries).toEqualTypeOf<readonly Entry<number>[] | undefined>()
  expectTypeOf(pick(await store.fetch(prefix('users/')), 'users/ann').entries).toEqualTypeOf<readonly Entry<User>[]>()
  observe(store.watch('users/ann')).subscribe((update) => expectTypeOf(update).toEqualTypeOf<Update<User>>())
})

test('a group knows each of its feeds', async () => {
  const both = group(store.watch('users/ann'), store.watch('config/a'))
  const step = await both.take()
  expectTypeOf(step?.[0]).toEqualTypeOf<Update<User> | undefined>()
  expectTypeOf(step?.[1]).toEqualTypeOf<Update<number> | undefined>()
  expectTypeOf(both).toExtend<Group>()
  observe(both).subscribe((one) => expectTypeOf(one[1]).toEqualTypeOf<Update<number> | undefined>())
})

test('wrappers keep the types, or map them', () => {
  expectTypeOf(readonly(store)).toEqualTypeOf(store)
  expectTypeOf(createSession(store)).toExtend<typeof store>()
  expectTypeOf(createSession(createSession(store))).toExtend<typeof store>()
  const memory = createMemoryStore<{ 'users/': User }>()
  expectTypeOf(createSession(memory)).toExtend<WritableStore<{ 'users/': User }>>()
  expectTypeOf(prefixed(memory, 'users/')).toEqualTypeOf<WritableStore<{ '': User }>>()
  expectTypeOf(get(createSession(store), 'users/ann')).resolves.toEqualTypeOf<User | undefined>()
  expectTypeOf(get(prefixed(store, 'users/'), 'ann')).resolves.toEqualTypeOf<User | undefined>()
  expectTypeOf(get(prefixed(store, 'users/a/'), 'ann')).resolves.toEqualTypeOf<User | undefined>()
  const deep = createMemoryStore<{ 'a/': string; 'a/b/': number; 'a/b/c/': boolean }>()
  expectTypeOf(get(prefixed(deep, 'a/b/'), 'x')).resolves.toEqualTypeOf<number | undefined>()
  expectTypeOf(get(prefixed(deep, 'a/b/'), 'c/x')).resolves.toEqualTypeOf<boolean | undefined>()
  expectTypeOf(get(prefixed(deep, 'a/bb/'), 'x')).resolves.toEqualTypeOf<string | undefined>()
  // @ts-expect-error a user is no number
  void prefixed(memory, 'users/').commit([put('ann', 1)])
})

test('a transaction reads and writes what the store holds', () => {
  void transact(store, async (tx) => {
    expectTypeOf(await tx.get('users/ann')).toEqualTypeOf<User | undefined>()
    expectTypeOf(await tx.fetch(prefix('config/'))).toEqualTypeOf<readonly Entry<number>[]>()
    expectTypeOf(await tx.unguarded(createMemoryStore<{ '': boolean }>(), everything)).toEqualTypeOf<
      readonly Entry<boolean>[]
    >()
    tx.put('users/ann', { name: 'Ann' })
    // @ts-expect-error a user is no number
    tx.put('users/ann', 1)
    return 'done' as const
  }).then(({ value }) => expectTypeOf(value).toEqualTypeOf<'done'>())
})

test('schemas give the types', () => {
  const number = {} as StandardSchema<unknown, number>
  expectTypeOf(validated(createMemoryStore(), number)).toExtend<StoreOf<number>>()
  const some = validated(createMemoryStore<{ 'a/': unknown; 'b/': string }>(), { 'a/': number })
  expectTypeOf(get(some, 'a/1')).resolves.toEqualTypeOf<number | undefined>()
  expectTypeOf(get(some, 'b/1')).resolves.toEqualTypeOf<string | undefined>()
})

test('sinks take what is mirrored', () => {
  mirror(store, prefix('config/'), new Map<string, number>())
  // @ts-expect-error the map holds texts, the query finds numbers
  mirror(store, prefix('config/'), new Map<string, string>())
  mirror(store, 'users/ann', createVariable<User>())
  mirror(store, everything, createMemoryStore<{ '': User | number }>())
  mirror(store, prefix('users/'), { set: (users: readonly Entry<User>[]) => void users })
})
